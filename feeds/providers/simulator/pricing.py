"""From a fair probability to American odds on the ladder a sportsbook quotes, with the house's share on top.

Probabilities are floats and never leave the simulation; what is published is a rung of `LADDER`, an integer price.
A book of rungs sums to its overround (1.03 to 1.08) within half a rung of its last selection.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Protocol

from feeds.contract.prices import Price, price_from_american

Rungs = tuple[int, ...]
"""One index into LADDER per selection."""

_STEPS = (
    (100, 200, 5),
    (200, 300, 10),
    (300, 500, 20),
    (500, 1_000, 50),
    (1_000, 2_000, 100),
    (2_000, 5_000, 250),
    (5_000, 10_000, 1_000),
    (10_000, 55_000, 5_000),
)
"""Magnitudes of American odds that are quoted: from, below, step."""

_FAVOURITE_MAX = 10_000
_MAGNITUDES = tuple(magnitude for low, high, step in _STEPS for magnitude in range(low, high, step))
_AMERICAN = (
    *reversed(_MAGNITUDES),
    *(-magnitude for magnitude in _MAGNITUDES if 100 < magnitude <= _FAVOURITE_MAX),
)

LADDER: tuple[Price, ...] = tuple(price_from_american(american) for american in _AMERICAN)
"""Every price there is, from +50000 to -10000; evens are +100."""

IMPLIED: tuple[float, ...] = tuple(
    100 / (american + 100) if american > 0 else -american / (100 - american) for american in _AMERICAN
)
"""The probability each rung implies, rising."""

_BETWEEN = [(low + high) / 2 for low, high in pairwise(IMPLIED)]
_FAIR_MIN, _FAIR_MAX = 0.03, 0.97


def rung_of(implied: float) -> int:
    """The rung nearest to an implied probability."""
    return bisect(_BETWEEN, implied)


def normal_cdf(z: float) -> float:
    """P(Z <= z) of a standard normal."""
    return 0.5 * (1.0 + math.erf(z * 0.7071067811865476))


def two_way(fair: float, overround: float) -> Rungs:
    """Rungs of a market with two sides. `fair` is the first side's probability; the favourite is rounded first."""
    fair = min(max(fair, _FAIR_MIN), _FAIR_MAX)
    if fair >= 0.5:
        favourite = rung_of(fair * overround)
        return favourite, rung_of(overround - IMPLIED[favourite])
    favourite = rung_of((1.0 - fair) * overround)
    return rung_of(overround - IMPLIED[favourite]), favourite


def many_way(fair: Sequence[float], overround: float) -> Rungs:
    """Rungs of a market with any number of sides. Longest odds first, each hands its rounding error on to the next."""
    rungs = [0] * len(fair)
    error = 0.0
    for index in sorted(range(len(fair)), key=fair.__getitem__):
        wanted = fair[index] * overround + error
        rungs[index] = rung_of(wanted)
        error = wanted - IMPLIED[rungs[index]]
    return tuple(rungs)


class Pricer(Protocol):
    """What a market's selections cost now."""

    def reprice(self, shown: Rungs, rng: Random) -> Rungs:
        """The next rungs, different from those shown."""


class TwoWay:
    """Two sides. The market's own opinion leans away from the fair probability and is pulled back by `keep`."""

    __slots__ = ("_fair", "_keep", "_lean", "_overround", "_step")

    def __init__(self, fair: Callable[[], float], overround: float, *, keep: float = 0.9, step: float = 0.03) -> None:
        self._fair = fair
        self._overround = overround
        self._keep = keep
        self._step = step
        self._lean = 0.0

    def reprice(self, shown: Rungs, rng: Random) -> Rungs:
        """The fair price with its lean; where that is what is shown, one rung to either side."""
        self._lean = self._keep * self._lean + self._step * (rng.random() - 0.5)
        rungs = two_way(self._fair() + self._lean, self._overround)
        if rungs != shown:
            return rungs
        first = rungs[0] + (1 if rng.random() < 0.5 else -1)
        if first == len(LADDER):
            first -= 2
        return first, rung_of(self._overround - IMPLIED[first])


class ThreeWay:
    """Home, draw, away."""

    __slots__ = ("_fair", "_overround")

    def __init__(self, fair: Callable[[], tuple[float, float, float]], overround: float) -> None:
        self._fair = fair
        self._overround = overround

    def reprice(self, shown: Rungs, rng: Random) -> Rungs:
        """The fair prices; where they are what is shown, a little belief moves between home and away."""
        home, draw, away = self._fair()
        rungs = many_way((home, draw, away), self._overround)
        moved = 0.0
        while rungs == shown:
            moved += 0.01 * rng.random()
            move = min(moved, away - _FAIR_MIN / 2) if away > home else -min(moved, home - _FAIR_MIN / 2)
            rungs = many_way((home + move, draw, away - move), self._overround)
        return rungs
