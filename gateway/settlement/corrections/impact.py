"""The impact of a correction: every bet it changes, what each user gets or gives, totals, and a hash of it all.

Computed in one transaction on one snapshot, user by user, and frozen in it: there is all of it, or none. A dry run
does the same and keeps nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from feeds.contract.errors import Refused
from gateway.settlement.corrections.drafts import Draft, Job, Turn, turned
from gateway.settlement.corrections.plan import Change, Part, plan
from gateway.settlement.corrections.policy import Policies, Policy
from gateway.settlement.corrections.sql import statement
from gateway.settlement.outcome import Outcome, outcome_from_text
from gateway.settlement.said import result_from_text
from gateway.settlement.sayings import Saying
from gateway.settlement.sql import statement as settling
from gateway.settlement.steps import Purse, SettledBet, step_of
from gateway.settlement.targets import Leg, Target, target_of

USERS_AT_ONCE = 500
DEBITS_FROM = 1 << 40
"""Places of users who give; those who get come first, from 1."""


class Sums(NamedTuple):
    """Of one currency, in its minor units. `waived`: what the house bears."""

    bets: int = 0
    users: int = 0
    credits: int = 0
    debits: int = 0
    waived: int = 0

    @property
    def moved(self) -> int:
        """Without signs."""
        return self.credits + self.debits

    def plus(self, user: Sequence[Frozen]) -> Sums:
        """With one more user."""
        amounts = [one.part.amount for one in user]
        return Sums(
            self.bets + len(user),
            self.users + 1,
            self.credits + sum(amount for amount in amounts if amount > 0),
            self.debits - sum(amount for amount in amounts if amount < 0),
            self.waived + sum(one.part.waived for one in user),
        )


class Totals(NamedTuple):
    """Sums of a frozen list, never of two currencies. `frozen`, `approval`: bets under policies of that mode.
    `automatic`: policies let it go without a person, if a provider said it. `by_jurisdiction`, by currency: what users
    there get, less what they give."""

    bets: int
    users: int
    frozen: int
    approval: int
    automatic: bool
    by_currency: dict[str, Sums]
    by_policy: dict[str, int]
    by_jurisdiction: dict[str, dict[str, int]]

    def said(self) -> dict[str, Any]:
        """As JSON has it, amounts in minor units."""
        return self._asdict() | {"by_currency": {name: sums._asdict() for name, sums in self.by_currency.items()}}

    @property
    def moved_most(self) -> int:
        """Of the currency in which most is moved."""
        return max((sums.moved for sums in self.by_currency.values()), default=0)


class Frozen(NamedTuple):
    """One bet of the list."""

    bet: SettledBet
    market: str
    target: Target
    change: Change
    part: Part
    jurisdiction: str


class Impact(NamedTuple):
    """What was found."""

    turns: dict[str, Turn]
    totals: Totals
    hash: str


class Counted:
    """Totals, user by user."""

    def __init__(self) -> None:
        self.frozen = self.approval = 0
        self.by_currency: dict[str, Sums] = {}
        self.by_policy: Counter[str] = Counter()
        self.by_jurisdiction: dict[str, Counter[str]] = {}
        self._moved: Counter[tuple[str, str]] = Counter()
        self._automatic: dict[str, int] = {}

    def add(self, user: Sequence[Frozen]) -> None:
        """All bets of one more user."""
        currency = user[0].bet.currency
        self.by_currency[currency] = self.by_currency.get(currency, Sums()).plus(user)
        for one in user:
            policy = one.change.policy
            self.frozen += policy.mode == "frozen"
            self.approval += policy.mode == "approval_required"
            self.by_policy[policy.id] += 1
            self.by_jurisdiction.setdefault(one.jurisdiction, Counter())[currency] += one.part.amount
            self._moved[policy.id, currency] += abs(one.part.amount)
            self._automatic[policy.id] = policy.automatic

    def totals(self) -> Totals:
        """Of those so far."""
        within = all(moved <= self._automatic[policy] for (policy, _), moved in self._moved.items())
        return Totals(
            bets=sum(sums.bets for sums in self.by_currency.values()),
            users=sum(sums.users for sums in self.by_currency.values()),
            frozen=self.frozen,
            approval=self.approval,
            automatic=within and not self.frozen and not self.approval,
            by_currency=dict(sorted(self.by_currency.items())),
            by_policy=dict(sorted(self.by_policy.items())),
            by_jurisdiction={name: dict(sorted(sums.items())) for name, sums in sorted(self.by_jurisdiction.items())},
        )


class Asked(NamedTuple):
    """How an impact is computed. `bets_max`: it is refused beyond."""

    policies: Policies
    bets_max: int
    now: datetime
    keep: bool = True


async def compute(connection: Any, job: Job, asked: Asked) -> Impact:
    """In the transaction under way. Raises Refused."""
    draft = job.says
    turns = await turns_of(connection, draft)
    await connection.execute(statement("make_affected"))
    await connection.execute(statement("fill_affected"), draft.markets)
    await connection.execute(statement("index_affected"))
    (found,) = await connection.fetchrow("SELECT count(*) FROM affected")
    if found > asked.bets_max:
        raise Refused("too_many_bets", f"{found:,} bets are on these markets, at most {asked.bets_max:,} may be")
    sums, digest, places = Counted(), hashlib.sha256(), [0, DEBITS_FROM]
    outcomes: dict[str, Outcome] = {market: turn.after for market, turn in turns.items()}
    policy = _Choice(asked.policies, job.operator, draft.types, asked.now)
    after = ""
    while True:
        owners = [owner for (owner,) in await connection.fetch(statement("affected_owners"), after, USERS_AT_ONCE)]
        if not owners:
            break
        after = owners[-1]
        users = await _users(connection, owners, outcomes, policy, asked.now)
        for user in users:
            sums.add(user)
            for one in user:
                digest.update(hashed(frozen_row(one)))
        if asked.keep and users:
            await _freeze(connection, job.correction, users, places)
    return Impact(turns, sums.totals(), digest.hexdigest())


async def turns_of(connection: Any, draft: Draft) -> dict[str, Turn]:
    """What the draft's markets turn from and to, by all that was said of them by now."""
    sayings: defaultdict[str, list[Saying]] = defaultdict(list)
    for market, *said in await connection.fetch(settling("sayings"), draft.markets):
        sayings[market].append(Saying(*said))
    rows = await connection.fetch(statement("bodies_of_markets"), draft.markets)
    bodies = {saying: result_from_text(body) for saying, body in rows}
    return turned(draft, sayings, bodies)


class _Choice:
    """The policy of a bet, each found once."""

    def __init__(self, policies: Policies, operator: str, types: Mapping[str, str], now: datetime) -> None:
        self._policies = policies
        self._operator = operator
        self._types = types
        self._on = now.date()
        self._known: dict[tuple[str, str], Policy] = {}

    def of(self, jurisdiction: str, market: str) -> Policy:
        key = jurisdiction, self._types[market]
        if key not in self._known:
            self._known[key] = self._policies.policy_for(key[0], self._operator, key[1], on=self._on)
        return self._known[key]


async def _users(
    connection: Any, owners: list[str], outcomes: dict[str, Outcome], policy: _Choice, now: datetime
) -> list[list[Frozen]]:
    rows = await connection.fetch(statement("affected_bets"), owners)
    await _read_outcomes(connection, rows, outcomes)
    users: dict[str, list[tuple[SettledBet, str, Target, Change, str]]] = {}
    for row in rows:
        market, jurisdiction, reviewed, waived, settled, legs = row[9:]
        bet = SettledBet._make((*row[:9], tuple(Leg(*leg) for leg in orjson.loads(legs))))
        step = step_of(bet, target_of(bet.stake, bet.legs, bet.placed_ms, outcomes), Purse(0, 0))
        if step is None:
            continue
        if reviewed:
            raise Refused("under_review", f"bet {bet.bet} is under review by another correction")
        change = Change(bet.bet, step.cash + step.receivable, waived, settled, policy.of(jurisdiction, market))
        users.setdefault(bet.owner, []).append((bet, market, step.target, change, jurisdiction))
    return [_planned(found, now) for found in users.values()]


def _planned(found: Sequence[tuple[SettledBet, str, Target, Change, str]], now: datetime) -> list[Frozen]:
    parts = {part.bet: part for part in plan([change for _, _, _, change, _ in found], now)}
    return [
        Frozen(bet, market, target, change, parts[bet.bet], jurisdiction)
        for bet, market, target, change, jurisdiction in found
    ]


async def _read_outcomes(connection: Any, rows: Sequence[Any], outcomes: dict[str, Outcome]) -> None:
    """Of the other legs of parlays."""
    markets = {market for row in rows for market, _, _ in orjson.loads(row[-1])} - outcomes.keys()
    if markets:
        for market, text in await connection.fetch(settling("outcomes"), sorted(markets)):
            outcomes[market] = outcome_from_text(text)


def frozen_row(one: Frozen) -> tuple[Any, ...]:
    """The row of a bet, as statement frozen_bets gives it."""
    bet, target, part = one.bet, one.target, one.part
    return (
        *(bet.bet, bet.owner, bet.revision, bet.stake, bet.state, bet.payout, target.state, target.payout),
        *(one.change.delta, part.amount, part.waived, one.change.policy.shortfall == "owed", one.change.policy.id),
    )


def hashed(row: Iterable[Any]) -> bytes:
    """What of a row goes into the hash."""
    return "|".join("" if value is None else str(value) for value in row).encode() + b"\n"


async def _freeze(connection: Any, correction: str, users: Sequence[Sequence[Frozen]], places: list[int]) -> None:
    bets, owners = [], []
    for user in users:
        amount = sum(one.part.amount for one in user)
        places[amount < 0] += 1
        place = places[amount < 0]
        owners.append((user[0].bet.owner, place, user[0].bet.currency, len(user), amount))
        for one in user:
            bet, owner, revision, stake, *rest, policy = frozen_row(one)
            bets.append((place, bet, owner, one.market, revision, stake, *rest, policy, one.jurisdiction))
    await connection.execute(statement("freeze_bets"), correction, *_columns(bets))
    await connection.execute(statement("freeze_owners"), correction, *_columns(owners))


async def hash_of(connection: Any, correction: str) -> str:
    """The hash of a frozen list as it is kept."""
    digest = hashlib.sha256()
    async for row in connection.cursor(statement("frozen_bets"), correction, prefetch=1_000):
        digest.update(hashed(tuple(row)))
    return digest.hexdigest()


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
