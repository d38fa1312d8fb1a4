"""Ladders of one runner as Betfair sends them. Entries are absolute; size 0 removes; an absent key may be removed."""

from __future__ import annotations

from collections.abc import Iterable

from feeds.providers.betfair.spec import LevelPriceSize, PriceSize

PriceLadder = dict[float, float]
"""Size at each price, in no order."""

LevelLadder = dict[int, PriceSize]
"""Price and size at each level, 0 the best. Removing a level does not shift the others."""


def apply_prices(ladder: PriceLadder, entries: Iterable[PriceSize]) -> None:
    """Entries keyed by price."""
    for price, size in entries:
        if size:
            ladder[price] = size
        else:
            ladder.pop(price, None)


def apply_levels(ladder: LevelLadder, entries: Iterable[LevelPriceSize]) -> None:
    """Entries keyed by level."""
    for level, price, size in entries:
        if size:
            ladder[level] = (price, size)
        else:
            ladder.pop(level, None)
