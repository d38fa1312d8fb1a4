"""What one user gets or gives for a correction, bet by bet, by policy. Pure; integers in minor units.

What the house bore for a bet before (`waived_before`) is the house's again before the user gets anything for it: so
a correction that is corrected leaves everybody where they would be without either. What is taken from cash and what is
owed shows only when it is applied (`taken`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.settlement.corrections.policy import Policy


class Change(NamedTuple):
    """A bet whose user's side changes by `delta`. `settled`: when it was settled first, None: never."""

    bet: str
    delta: int
    waived_before: int
    settled: datetime | None
    policy: Policy


class Part(NamedTuple):
    """Of a change: what the user gets, or gives below 0; what the house bears, or gets back below 0."""

    bet: str
    amount: int
    waived: int


class Taken(NamedTuple):
    """How an amount is moved: on cash, on what the user owes (at most 0), and on what the house bears."""

    cash: int
    receivable: int
    waived: int


def plan(changes: Sequence[Change], now: datetime) -> list[Part]:
    """All changes of one user: credits first, then debits, each by bet. Amount less waived is the delta, always."""
    ordered = sorted(changes, key=lambda one: (one.delta < 0, one.bet))
    asked = {one.bet: _asked(one, now) for one in ordered if one.delta < 0}
    left = _left(ordered, asked)
    parts = []
    for one in ordered:
        if one.delta >= 0:
            back = min(max(one.waived_before, 0), one.delta)
            parts.append(Part(one.bet, one.delta - back, -back))
            continue
        taken = min(asked[one.bet], left[one.policy.id])
        left[one.policy.id] -= taken
        parts.append(Part(one.bet, -taken, -one.delta - taken))
    return parts


def _asked(one: Change, now: datetime) -> int:
    """What a debit may take, but for floor and cap."""
    if one.policy.mode in ("credit_only", "frozen"):
        return 0
    if one.settled is not None and now - one.settled > timedelta(hours=one.policy.window_h):
        return 0
    return -one.delta


def _left(changes: Sequence[Change], asked: dict[str, int]) -> dict[str, int]:
    """How much each policy may take of the user in all."""
    sums: defaultdict[str, int] = defaultdict(int)
    policies = {one.policy.id: one.policy for one in changes}
    for one in changes:
        sums[one.policy.id] += asked.get(one.bet, 0)
    return {name: _within(policies[name], total) for name, total in sums.items()}


def _within(policy: Policy, total: int) -> int:
    if total < policy.floor:
        return 0
    return total if policy.cap is None else min(total, policy.cap)


def taken(amount: int, *, cash: int, receivable: int, owed: bool) -> Taken:
    """Moves an amount where the user has `cash` and `receivable` (at most 0): what comes pays what is owed first, what
    goes comes out of cash as far as there is any; the rest is owed, or the house's."""
    if amount >= 0:
        paid = min(amount, -receivable)
        return Taken(amount - paid, paid, 0)
    from_cash = min(-amount, cash)
    rest = -amount - from_cash
    return Taken(-from_cash, -rest, 0) if owed else Taken(-from_cash, 0, rest)
