"""What a bet comes to by the outcomes of all its legs. Pure: exact fractions, rounded once, half even.

A bet with a leg that lost whole is lost at once, whatever the others will say. Otherwise it is open until every leg is
decided, and then pays the stake multiplied by all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal, NamedTuple

from gateway.money.amounts import half_even
from gateway.settlement.outcome import UNDECIDED, LegResult, Outcome, leg_result

SettledState = Literal["won", "lost", "void"]


class Leg(NamedTuple):
    """A leg of a bet, struck at `milli` thousandths."""

    market: str
    selection: str
    milli: int


class Target(NamedTuple):
    """What a bet is to be. `accepted`, without a payout: open, the stake is on hold."""

    state: Literal["accepted", "won", "lost", "void"]
    payout: int | None


OPEN: Final = Target("accepted", None)
LOST: Final = Target("lost", 0)


def target_of(stake: int, legs: Sequence[Leg], placed_ms: int, outcomes: Mapping[str, Outcome]) -> Target:
    """The target of a bet with `stake` minor units open. Markets that are not in `outcomes` are not decided."""
    results = [
        leg_result(outcomes.get(leg.market, UNDECIDED), leg.selection, milli=leg.milli, placed_ms=placed_ms)
        for leg in legs
    ]
    if any(result is not None and not result.factor for result in results):
        return LOST
    decided: list[LegResult] = [result for result in results if result is not None]
    if len(decided) < len(results):
        return OPEN
    if all(result.void for result in decided):
        return Target("void", stake)
    payout = paid(stake, [result.factor for result in decided])
    return Target("won" if any(result.won for result in decided) else "lost", payout)


def paid(stake: int, factors: Sequence[Fraction]) -> int:
    """The stake times all factors, rounded once, half even."""
    numerator, denominator = stake, 1
    for factor in factors:
        numerator *= factor.numerator
        denominator *= factor.denominator
    return half_even(numerator, denominator)
