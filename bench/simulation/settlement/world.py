"""One random run of settlement: games end and end anew, feeds say so late, twice and out of order, and take it back;
bets are placed, bought back, settled and corrected by workers that die. Everything follows from the seed.

S1 whatever order it came in, a bet comes to what the model says; S2 a user has what went in, less what went out and was
staked, and what bets paid, but for what the house bore; S3 what is on hold are the open stakes.
"""

from __future__ import annotations

from collections import Counter, deque
from random import Random

from msgspec.structs import replace

from bench.simulation.settlement import games, model
from bench.simulation.settlement.books import Books
from bench.simulation.settlement.correcting import Job, applied, frozen
from bench.simulation.violation import Violation
from feeds.contract.model import Event
from feeds.contract.results import Certainty, MarketResult, ResultKind, saying_id
from gateway.bets.offers import Offer, part_of, worth
from gateway.money import journals
from gateway.money.amounts import payout_of
from gateway.money.journals import Line
from gateway.settlement.grading.grade import grade
from gateway.settlement.grading.rules import house_rules
from gateway.settlement.outcome import UNDECIDED, Outcome, outcome_from_text, outcome_text
from gateway.settlement.sayings import Saying, check_result, in_force, outcome_of
from gateway.settlement.steps import Purse, SettledBet, Step, steps_of
from gateway.settlement.targets import Leg, Target, target_of

STEPS = 100
USERS = ("ann", "bob", "cy")
PRICES_MILLI = (1_010, 1_333, 1_909, 2_500, 7_777)
FEED = "alpha"
TRACE_LINES = 120
BEGAN_MS = 1_790_000_000_000
_CERTAINTIES: tuple[Certainty, ...] = (1, 2, 2)


class World:
    """Games, what was said of them, bets, the books, and the model's own notes."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.trace: deque[str] = deque(maxlen=TRACE_LINES)
        self.books = Books()
        self.bets: dict[str, SettledBet] = {}
        self._now_ms = BEGAN_MS
        self._events = [games.game(number) for number in range(2)]
        self._markets = {m.id: m for event in self._events for m in games.markets_of(event, self.random)}
        self._lane: list[MarketResult] = []
        self._words: dict[str, dict[str, model.Word]] = {market: {} for market in self._markets}
        self._kept: dict[str, dict[str, MarketResult]] = {market: {} for market in self._markets}
        self._outcomes: dict[str, Outcome] = {}
        self._work: set[str] = set()
        self._job: Job | None = None
        self._paid_in: Counter[str] = Counter()
        self._bought_back: Counter[str] = Counter()
        self._waived: Counter[str] = Counter()
        self._journals = 0
        self._actions = (
            (6, self._deposit),
            (4, self._withdraw),
            (14, self._place),
            (5, self._cash_out),
            (10, self._end_game),
            (8, self._say_otherwise),
            (16, self._hear),
            (16, self._settle),
            (4, self._begin_correction),
            (8, self._go_on_correcting),
        )

    def run(self) -> None:
        """A busy time, then quiet. Raises Violation."""
        for _ in range(STEPS):
            self._now_ms += self.random.randint(0, 40)  # also twice at the same time
            _, action = self.random.choices(self._actions, [weight for weight, _ in self._actions])[0]
            action()
        self._calm_down()

    # Users

    def _deposit(self) -> None:
        owner, amount = self.random.choice(USERS), self.random.randint(1, 500)
        self._write(owner, journals.deposit(amount))
        self._paid_in[owner] += amount

    def _withdraw(self) -> None:
        owner = self.random.choice(USERS)
        cash = self.books.purse(owner).cash
        if cash:
            amount = self.random.randint(1, cash)
            self._write(owner, journals.withdrawal(amount))
            self._paid_in[owner] -= amount

    def _place(self) -> None:
        owner = self.random.choice(USERS)
        open_markets = [name for name in self._markets if not self._outcome(name).closes(self._now_ms)]
        cash = self.books.purse(owner).cash
        if not open_markets or not cash:
            return
        chosen = self.random.sample(open_markets, min(len(open_markets), self.random.choice((1, 1, 2, 3))))
        legs = tuple(Leg(name, self._selection(name), self.random.choice(PRICES_MILLI)) for name in chosen)
        stake = self.random.randint(1, min(cash, 120))
        potential = payout_of(stake, [leg.milli for leg in legs])
        name = f"b{len(self.bets)}"
        self._write(owner, journals.hold(stake))
        self.bets[name] = SettledBet(name, owner, "USD", stake, potential, "accepted", None, 0, self._now_ms, legs)
        self._work |= set(chosen)
        self.note(f"{owner} places {self.bets[name]}")

    def _cash_out(self) -> None:
        """Of an open bet a part, or the whole, is bought back; what is left goes on."""
        free = [bet for bet in self.bets.values() if bet.state == "accepted" and not self._reviewed(bet)]
        if not free:
            return
        bet = self.random.choice(free)
        struck = [leg.milli for leg in bet.legs]
        now = [self.random.choice(PRICES_MILLI) for _ in struck]
        amount = worth(bet.stake, struck, now, margin_bp=500)
        offer = Offer(bet.owner, bet.bet, 1, bet.stake, amount, "USD", self._now_ms + 5_000, ())
        part = self.random.randint(1, bet.stake)
        paid = part_of(offer, part)
        if paid > amount:
            raise Violation(f"{part} of {offer} is worth more than all of it: {paid}")
        left = bet.stake - part
        self._write(bet.owner, [*journals.post(bet.stake, paid), *journals.hold_again(left)])
        self._bought_back[bet.owner] += paid - part
        state = "accepted" if left else "cashed_out"
        self.bets[bet.bet] = bet._replace(stake=left, state=state, potential_payout=payout_of(left, struck))
        self.note(f"{bet.owner} sells {part} of {bet.bet} for {paid}")

    # Games and what is said of them

    def _end_game(self) -> None:
        event = self.random.choice(self._events)
        self._say_end(event, games.ending(self.random), certainty=self.random.choice(_CERTAINTIES))

    def _say_end(self, event: Event, ended: games.Ended, *, certainty: Certainty) -> None:
        self.note(f"{event.id} ends {ended}, certainty {certainty}")
        for market in self._markets.values():
            if market.event != event.id or self.random.random() < 0.1:
                continue
            graded = grade(market, event, ended.entered, house_rules(), ts=self._now_ms)
            result = replace(graded, certainty=certainty)
            self._say(result, ended)

    def _say_otherwise(self) -> None:
        """A market is cancelled for a time, or a saying is taken back."""
        market = self._markets[self.random.choice(sorted(self._markets))]
        kinds: tuple[ResultKind, ...] = ("rollback", "cancelled", "rollback_cancel")
        kind = self.random.choice(kinds)
        from_ms = to_ms = None
        if kind != "rollback":
            edges = [self._now_ms - back for back in (0, 60, 400, 2_000)]
            edges += [bet.placed_ms for bet in self.bets.values()]
            from_ms, to_ms = (self.random.choice((None, edge)) for edge in self.random.sample(edges, 2))
            if from_ms is not None and to_ms is not None and from_ms > to_ms:
                from_ms, to_ms = to_ms, from_ms
        self._say(
            MarketResult(market.id, market.event, market.topic, kind, self._now_ms, from_ms=from_ms, to_ms=to_ms), None
        )

    def _say(self, result: MarketResult, ended: games.Ended | None) -> None:
        name = saying_id(FEED, result)
        span = (result.from_ms or 0, model.FOREVER_MS if result.to_ms is None else result.to_ms)
        self._words[result.market][name] = model.Word(result.kind, result.ts, result.certainty, name, ended, *span)
        for _ in range(self.random.choice((1, 1, 2))):
            self._lane.insert(self.random.randint(0, len(self._lane)), result)
        self.note(f"said {result.kind} {result.market} at {result.ts} {result.from_ms} {result.to_ms}")

    def _hear(self) -> None:
        for _ in range(min(len(self._lane), self.random.randint(1, 4))):
            self._record(self._lane.pop(0), hold=True)

    def _record(self, result: MarketResult, *, hold: bool) -> None:
        """What the recorder does. `hold`: a market that a correction has is left alone, and comes again."""
        if hold and self._job is not None and self._job.market == result.market:
            self._lane.append(result)
            return
        check_result(result)
        kept = self._kept[result.market]
        kept.setdefault(saying_id(FEED, result), result)
        outcome = self._folded(kept)
        if outcome_text(outcome) != outcome_text(self._outcome(result.market)):
            self._outcomes[result.market] = outcome_from_text(outcome_text(outcome))
            self._work.add(result.market)
            self.note(f"{result.market} is {outcome_text(outcome)}")

    def _folded(self, kept: dict[str, MarketResult]) -> Outcome:
        names = self.random.sample(sorted(kept), len(kept))
        standing = in_force(_saying(name, kept[name]) for name in names)
        return outcome_of(kept.get(standing.settlement or ""), standing.cancelled)

    # Settling and correcting

    def _settle(self) -> None:
        """A settler takes some bets of a market; it may die before it commits."""
        markets = sorted(self._work - ({self._job.market} if self._job is not None else set()))
        if markets:
            self._settle_market(self.random.choice(markets), bets_max=self.random.choice((1, 2, 50)), dies=0.2)

    def _settle_market(self, market: str, *, bets_max: int, dies: float) -> None:
        due = [bet for bet in self._bets_on(market) if self._target(bet) != bet.stands and not self._reviewed(bet)]
        batch = due[:bets_max]
        purses = {owner: self.books.purse(owner) for owner in USERS}
        steps = steps_of([(bet, self._target(bet)) for bet in batch], purses)
        if self.random.random() < dies:
            return
        self._commit(steps, purses)
        if len(batch) == len(due) and not any(map(self._reviewed, self._bets_on(market))):
            self._work.discard(market)

    def _begin_correction(self) -> None:
        """The desk corrects a game: for one of its markets as a job, for the others as a feed would."""
        if self._job is not None:
            return
        market = self._markets[self.random.choice(sorted(self._markets))]
        event = next(event for event in self._events if event.id == market.event)
        ended = games.ending(self.random)
        graded = grade(market, event, ended.entered, house_rules(), ts=self._now_ms)
        self._say(graded, ended)
        self._lane = [result for result in self._lane if result is not graded]
        self._record(graded, hold=False)
        self._job = frozen(market.id, self._bets_on(market.id), self._outcomes, self._waived, self.random)
        self.note(f"correction of {market.id}: {self._job.frozen}")

    def _go_on_correcting(self) -> None:
        """The next user of the job; whoever does it may die before it commits."""
        if self._job is None or self.random.random() < 0.2:
            return
        if not self._job.waiting:
            self._work.add(self._job.market)
            self._job = None
            return
        owner = self._job.waiting[0]
        purses = {owner: self.books.purse(owner)}
        steps = applied(self.bets, self._job.frozen[owner], purses[owner])
        for step in steps:
            purses[owner] = step.after(purses[owner])
            self._waived[step.bet.bet] += step.waived
        self._commit(steps, purses)
        self._job.waiting.pop(0)

    def _commit(self, steps: list[Step], purses: dict[str, Purse]) -> None:
        for step in steps:
            bet = step.bet
            if step.journal is not None:
                self.books.write(step.source_key, bet.owner, step.lines)
            self.bets[bet.bet] = bet._replace(
                state=step.target.state, payout=step.target.payout, revision=step.revision
            )
            self.note(f"{bet.bet} of {bet.owner} is {step.target}, {list(step.lines)}")
        for owner, purse in purses.items():
            if purse != self.books.purse(owner):
                raise Violation(f"{owner} was told {purse}, and has {self.books.purse(owner)}")

    def _reviewed(self, bet: SettledBet) -> bool:
        """Whether a correction has it."""
        job = self._job
        return job is not None and any(one.bet == bet.bet for owner in job.waiting for one in job.frozen[owner])

    # Quiet

    def _calm_down(self) -> None:
        while self._job is not None:
            self._go_on_correcting()
        while self._lane:
            self._record(self._lane.pop(0), hold=True)
        for market in self._markets:
            self._settle_market(market, bets_max=1_000, dies=0.0)
        rulings = {market: model.ruled(words.values()) for market, words in self._words.items()}
        returned: Counter[str] = Counter()
        held: Counter[str] = Counter()
        for bet in self.bets.values():
            if bet.state != "cashed_out":
                returned[bet.owner] += self._check_bet(bet, rulings) - bet.stake
                held[bet.owner] += bet.stake if bet.state == "accepted" else 0
        for owner in USERS:
            self._check_user(owner, returned[owner], held[owner])
        if self.books.total():
            raise Violation(f"B1: all accounts together have {self.books.total()}")

    def _check_bet(self, bet: SettledBet, rulings: dict[str, model.Ruled]) -> int:
        """Gives what it paid the user."""
        legs = [(self._markets[leg.market], leg.selection, leg.milli) for leg in bet.legs]
        comes = model.comes_to(bet.stake, legs, bet.placed_ms, rulings)
        if comes != (bet.state, bet.payout):
            raise Violation(f"S1: {bet} should be {comes} by {rulings}")
        return comes.pays or 0

    def _check_user(self, owner: str, returned: int, held: int) -> None:
        purse = self.books.purse(owner)
        waived = sum(amount for bet, amount in self._waived.items() if self.bets[bet].owner == owner)
        expected = self._paid_in[owner] + self._bought_back[owner] + returned + waived
        if purse.cash + purse.receivable != expected:
            raise Violation(f"S2: {owner} has {purse}, should have {expected}, of it {waived} borne by the house")
        if purse.open_stakes != held:
            raise Violation(f"S3: {owner} has {purse.open_stakes} on hold, should have {held}")

    # What stands

    def _outcome(self, market: str) -> Outcome:
        return self._outcomes.get(market, UNDECIDED)

    def _target(self, bet: SettledBet) -> Target:
        return target_of(bet.stake, bet.legs, bet.placed_ms, self._outcomes)

    def _bets_on(self, market: str) -> list[SettledBet]:
        on = (bet for bet in self.bets.values() if any(leg.market == market for leg in bet.legs))
        return [bet for bet in on if bet.state != "cashed_out"]

    def _selection(self, market: str) -> str:
        return self.random.choice(self._markets[market].selections).id

    def _write(self, owner: str, lines: journals.Lines | list[Line]) -> None:
        self._journals += 1
        self.books.write(f"user/{self._journals}", owner, lines)

    def note(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self._now_ms - BEGAN_MS:6d} {line}")


def _saying(name: str, result: MarketResult) -> Saying:
    return Saying(name, result.kind, result.ts, result.certainty, result.from_ms, result.to_ms)
