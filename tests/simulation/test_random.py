"""Random runs of the whole pure part: no gap, no wrong, missing or ghost market, no false cursor, in any seed."""

from __future__ import annotations

import pytest

from tests.simulation.world import World

SEEDS_CI = 200
SEEDS_PROOF = 2_000
BATCH = 20


def run(seed: int, *, forge: bool = False) -> None:
    """One seed; what went before stands in the failure."""
    world = World(seed, forge=forge)
    try:
        world.run()
    except Exception as failure:
        pytest.fail(f"seed {seed}: {failure!r}\n" + "\n".join(world.trace), pytrace=True)


@pytest.mark.parametrize("first", range(0, SEEDS_CI, BATCH))
def test_every_device_shows_the_log(first: int) -> None:
    for seed in range(first, first + BATCH):
        run(seed)
