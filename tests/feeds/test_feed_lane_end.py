"""A lane's task that is cancelled ends, also in the very turn of the loop in which an overlay moves."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from feeds.ownership import NO_PRIORITY
from tests.feeds.joint_lane import JointLane, Process, Provider


@pytest.mark.parametrize("turns", range(5))
async def test_a_cancellation_beside_a_moving_overlay_is_not_lost(turns: int) -> None:
    lane = Process(JointLane(Random(1)), Provider("alpha", ["M0"]), NO_PRIORITY).states
    lane._taken_over.set()
    running = asyncio.create_task(lane.run_overlays())
    for _ in range(5):
        await asyncio.sleep(0)
    lane._moved.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.cancelled()
