"""What is posted when a bet comes to something else than before: the target minus what is posted already. Pure.

A bet stands somewhere in the ledger: open, its stake is on hold; void, it is the user's again; won or lost, the stake
is the house's and the payout the user's. A step moves it from where it stands to where it is to stand, in one journal.

Of what the user gets, what the user owes is paid first, unless a policy keeps winnings whole; of what the user gives,
what is there is taken from cash and the rest is owed. So cash is never below zero, and what a user has in the end, less
what is owed, does not depend on the order of steps. Deposits pay nothing that is owed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from gateway.money.journals import AccountKind, Line, Lines
from gateway.settlement.targets import Leg, Target

SETTLED = ("won", "lost", "void")


class SettledBet(NamedTuple):
    """A bet that settlement looks at. `stake`: what is open of it, what partial cash-outs took is gone."""

    bet: str
    owner: str
    currency: str
    stake: int
    potential_payout: int
    state: str
    payout: int | None
    revision: int
    placed_ms: int
    legs: tuple[Leg, ...]

    @property
    def liability(self) -> int:
        """What the house would lose by it beyond the stake, while it is open."""
        return self.potential_payout - self.stake

    @property
    def stands(self) -> Target:
        """What it was settled as."""
        return Target(self.state, self.payout)  # type: ignore[arg-type]  # a state that settlement may see


class Purse(NamedTuple):
    """What a user has and owes, `receivable` at most 0; `open_stakes` are on hold."""

    cash: int
    receivable: int
    open_stakes: int = 0


class Step(NamedTuple):
    """One revision of a bet. `journal`: its kind, None where no money moves. `hold`: what becomes of the bet's hold;
    `open`: another turn begins. `waived`: what the house bears of it instead of the user (corrections alone)."""

    bet: SettledBet
    target: Target
    lines: Lines
    journal: Literal["settle", "correct", "reopen"] | None
    hold: Literal["posted", "voided", "open"] | None
    cash: int
    receivable: int
    waived: int = 0

    @property
    def revision(self) -> int:
        """The bet's, after this step."""
        return self.bet.revision + 1

    @property
    def source_key(self) -> str:
        """Of the journal: twice is once."""
        return f"bet/{self.bet.bet}/settle/{self.revision}"

    def after(self, purse: Purse) -> Purse:
        """What the user has then."""
        held = self.opened * self.bet.stake
        return Purse(purse.cash + self.cash, purse.receivable + self.receivable, purse.open_stakes + held)

    @property
    def opened(self) -> int:
        """1 where the stake is at risk again, -1 where it is no more, else 0."""
        return (self.target.state == "accepted") - (self.bet.state == "accepted")


class _Place(NamedTuple):
    """Where a bet stands, in minor units on each account."""

    held: int
    user: int
    stakes: int
    payouts: int


def _place(target: Target, stake: int) -> _Place:
    if target.payout is None:
        return _Place(stake, 0, 0, 0)
    if target.state == "void":
        return _Place(0, stake, 0, 0)
    return _Place(0, target.payout, stake, -target.payout)


def step_of(bet: SettledBet, target: Target, purse: Purse, *, offset: bool = True) -> Step | None:
    """The step to the target; None: it stands there. `offset`: what the user gets pays what the user owes."""
    if target == bet.stands:
        return None
    before, after = _place(bet.stands, bet.stake), _place(target, bet.stake)
    user = after.user - before.user
    cash, receivable = split(user, purse, offset=offset)
    moved: tuple[tuple[AccountKind, int], ...] = (
        ("user:cash", cash),
        ("user:open_stakes", after.held - before.held),
        ("user:receivable", receivable),
        ("house:stakes", after.stakes - before.stakes),
        ("house:payouts", after.payouts - before.payouts),
    )
    lines = tuple(Line(kind, amount) for kind, amount in moved if amount)
    return Step(bet, target, lines, _journal(bet, target) if lines else None, _hold(bet, target), cash, receivable)


def split(amount: int, purse: Purse, *, offset: bool = True) -> tuple[int, int]:
    """What of an amount goes to, or comes from, cash and receivable."""
    if amount >= 0:
        owed = min(amount, -purse.receivable) if offset else 0
        return amount - owed, owed
    taken = min(-amount, purse.cash)
    return -taken, amount + taken


def steps_of(
    aims: Iterable[tuple[SettledBet, Target]], purses: dict[str, Purse], kept_whole: frozenset[str] = frozenset()
) -> list[Step]:
    """The steps of a batch, one after the other: each finds in its user's purse what those before left. `kept_whole`:
    bets whose winnings pay nothing that is owed."""
    steps: list[Step] = []
    for bet, target in aims:
        purse = purses[bet.owner]
        step = step_of(bet, target, purse, offset=bet.bet not in kept_whole)
        if step is not None:
            purses[bet.owner] = step.after(purse)
            steps.append(step)
    return steps


def _journal(bet: SettledBet, target: Target) -> Literal["settle", "correct", "reopen"]:
    if target.payout is None:
        return "reopen"
    return "settle" if bet.state == "accepted" else "correct"


def _hold(bet: SettledBet, target: Target) -> Literal["posted", "voided", "open"] | None:
    if target.payout is None:
        return "open"
    if bet.state != "accepted":
        return None
    return "voided" if target.state == "void" else "posted"
