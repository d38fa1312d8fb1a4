"""Which device watches which event. Pure; the same seed, the same spread."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal

Spread = Literal["even", "zipf"]
SPREADS: tuple[Spread, ...] = ("even", "zipf")


def spread_over(topics: Sequence[str], devices: int, *, how: Spread, seed: int = 1) -> list[str]:
    """One topic for each device, in random order: every topic alike, or topic number n by 1/n (Zipf, exponent 1)."""
    rng = Random(seed)
    if how == "zipf":
        weights = [1 / rank for rank in range(1, len(topics) + 1)]
        return rng.choices(topics, weights, k=devices)
    chosen = [topics[number % len(topics)] for number in range(devices)]
    rng.shuffle(chosen)
    return chosen
