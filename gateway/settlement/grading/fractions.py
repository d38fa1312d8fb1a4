"""What became of a selection, as exact fractions: won, refunded, shared. Pure.

A line in quarters is two lines a quarter away on both sides, with half of the stake each (Asian handicap); a line that
is met is a push, refunded.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.results import NONE, WHOLE, SelectionResult, Share

QUARTER = Decimal("0.25")


class Became(NamedTuple):
    """`w` won, `v` refunded, the rest lost; `dh` is the dead-heat factor."""

    w: Share = NONE
    v: Share = NONE
    dh: Share = WHOLE

    def of(self, selection: str) -> SelectionResult:
        """As a feed says it."""
        return SelectionResult(selection, self.w, self.v, self.dh)


WON = Became(w=WHOLE)
LOST = Became()
VOID = Became(v=WHOLE)


def against_line(number: Decimal) -> Became:
    """A selection that is `number` beyond its line: above 0 it won, below it lost, at 0 it is refunded."""
    quarters = number / QUARTER
    if quarters != quarters.to_integral_value():
        raise Refused("bad_line", "lines are whole, halves or quarters")
    halves = (number - QUARTER, number + QUARTER) if quarters % 2 else (number, number)
    won = sum(half > 0 for half in halves)
    pushed = sum(half == 0 for half in halves)
    return Became(w=share(Fraction(won, 2)), v=share(Fraction(pushed, 2)))


def dead_heat(places: int, tied: int) -> Became:
    """One of `tied` that share the last `places` places that are paid."""
    if places <= 0:
        return LOST
    return Became(w=WHOLE, dh=share(Fraction(min(places, tied), tied)))


def share(fraction: Fraction) -> Share:
    """In lowest terms."""
    return Share(fraction.numerator, fraction.denominator)
