"""Results as exact fractions. Pure; the rule is Sportradar's table of `result` and `void_factor`.

A void factor is the part of a stake that is refunded; the rest of it wins or loses. Result 1 with 0.5 is half won and
half refunded, result 0 with 1 is refunded whole. The dead-heat factor scales what is won.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Final

from feeds.contract.results import NONE, WHOLE, Share
from feeds.providers.sportradar.spec import UNDECIDED, SettledOutcome

DENOMINATOR_MAX: Final = 10_000
"""A factor such as 0.3333 means a third: fractions are the nearest with so small a denominator."""

_REPEATING_DIGITS: Final = 3
"""From so many digits on, a factor is a rounded one."""

_SMALL_DENOMINATOR: Final = 100


def shares(outcome: SettledOutcome) -> tuple[Share, Share, Share] | None:
    """Won, void and dead-heat shares. None: not decided."""
    if outcome.result == UNDECIDED:
        return None
    void = fraction(outcome.void_factor) if outcome.void_factor else Fraction(0)
    dead_heat = fraction(outcome.dead_heat_factor) if outcome.dead_heat_factor else Fraction(1)
    won = 1 - void if outcome.result == 1 else Fraction(0)
    return _share(won), _share(void), _share(dead_heat)


@lru_cache(maxsize=1024)
def fraction(text: str) -> Fraction:
    """The fraction that a factor means: the nearest with a small denominator where its digits were rounded."""
    exact = Fraction(text)
    digits = len(text.partition(".")[2])
    if digits < _REPEATING_DIGITS:
        return exact.limit_denominator(DENOMINATOR_MAX)
    small = exact.limit_denominator(_SMALL_DENOMINATOR)
    if abs(small - exact) * 2 <= Fraction(1, 10**digits):
        return small
    return exact.limit_denominator(DENOMINATOR_MAX)


def _share(value: Fraction) -> Share:
    if value == 0:
        return NONE
    return WHOLE if value == 1 else Share(value.numerator, value.denominator)
