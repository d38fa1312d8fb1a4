"""What a shard's board holds before anybody is measured: its games, and its memory once it has read them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from bench.processes import uss_bytes
from bench.scenario import CannotMeasure
from bench.swarm import Address, Swarm
from fanout.contract.replica import Replica
from feeds.providers.simulator.spec import ROTATION

SPORTS = tuple(sorted({league.sport.slug for league in ROTATION}))
"""Topics that together are the whole slate."""

_TIER_MS = 1000
_SETTLE_STEP_S = 2.0
_SETTLED_BYTES = 262_144
"""The board has settled when the shard grows by less than this in a step."""
_SETTLE_S = 40.0


class Slate(NamedTuple):
    """Topics of all games, live ones first, and how many markets there are."""

    topics: list[str]
    markets: int


@contextlib.asynccontextmanager
async def observed(address: Address, events: int) -> AsyncIterator[Slate]:
    """So many events as one device sees them that watches it all meanwhile: so the shard reads every lane.

    Raises CannotMeasure.
    """
    observing = Swarm(address, conflate_ms=_TIER_MS)
    try:
        device = await observing.read(SPORTS)
        topics = _games(device.replica)
        if len(topics) < events:
            raise CannotMeasure(f"the slate has {len(topics)} events, not {events}")
        yield Slate(topics[:events], len(device.replica.markets))
    finally:
        observing.leave()


def _games(replica: Replica) -> list[str]:
    games = [
        event for event in replica.events.values() if event.get("kind") != "outright" and event["state"] != "ended"
    ]
    return [event["topic"] for event in sorted(games, key=lambda event: (event["state"] != "live", event["topic"]))]


async def settled(pid: int) -> int:
    """The shard's own memory once its board has stopped growing; that of the last look if it never does."""
    deadline_s = time.monotonic() + _SETTLE_S
    last = uss_bytes(pid)
    while True:
        await asyncio.sleep(_SETTLE_STEP_S)
        now = uss_bytes(pid)
        if now - last < _SETTLED_BYTES or time.monotonic() > deadline_s:
            return now
        last = now
