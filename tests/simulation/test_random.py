"""Random runs of the whole pure part: no gap, no wrong, missing or ghost market, no false cursor, in any seed."""

from __future__ import annotations

import pytest

from tests.simulation.world import World

SEEDS_CI = 200
SEEDS_PROOF = 2_000
BATCH = 20
ONCE_FAILED = (2186,)
"""Seeds that found what was wrong, beyond those that CI runs."""


def run(seed: int) -> None:
    """One seed; what went before stands in the failure."""
    world = World(seed)
    try:
        world.run()
    except Exception as failure:
        trace = "\n".join(world.trace)
        raise AssertionError(f"seed {seed}: {failure!r}\n{trace}") from failure


@pytest.mark.parametrize("first", range(0, SEEDS_CI, BATCH))
def test_every_device_shows_the_log(first: int) -> None:
    for seed in range(first, first + BATCH):
        run(seed)


@pytest.mark.parametrize("seed", ONCE_FAILED)
def test_what_was_wrong_once(seed: int) -> None:
    run(seed)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_every_device_shows_the_log_in_many_seeds() -> None:
    for seed in range(SEEDS_CI, SEEDS_CI + SEEDS_PROOF):
        run(seed)
