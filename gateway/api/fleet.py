"""The shards that serve the stream, as their registry says; and which of them a device goes to.

While the coordination is away what was read last counts for as long as a shard's own word would.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from operator import attrgetter

import structlog

from fanout.contract.fleet import SHARDS, ShardStatus, decode_status
from fanout.contract.ring import Ring, RingShard
from fanout.contract.topics import Topic
from feeds.contract.coordination import Coordination, Record, Unavailable
from feeds.contract.errors import Refused
from feeds.contract.subjects import lane_of

log = structlog.get_logger(__name__)

INTERVAL_S = 1.0
JITTER = 0.2
KNOWN_FOR_MS = 4_000
"""As long as a shard that stops announcing itself is remembered by default."""

ALTERNATES_MAX = 2


class Fleet:
    """The registry as it was read last."""

    def __init__(self, coordination: Coordination, *, lanes: int) -> None:
        self._coordination = coordination
        self._lanes = lanes
        self._shards: list[RingShard] = []
        self.statuses: tuple[ShardStatus, ...] = ()
        """All shards by name, as they said last; `read_ms`: when that was read, Unix ms."""
        self.read_ms = 0
        self._away = False

    @property
    def away(self) -> bool:
        """Whether the registry could not be read."""
        return self._away

    async def run(self) -> None:
        """Reads the registry again and again, until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(INTERVAL_S * random.uniform(1 - JITTER, 1 + JITTER))

    async def read(self) -> None:
        """Reads it once; where that cannot be done, what is known stays until it is too old."""
        try:
            records = await self._coordination.scan(SHARDS)
        except (Unavailable, Refused) as error:
            if not self._away:
                log.warning("registry_away", why=str(error))
            self._away = True
            return
        self._away = False
        self.read_ms = _now_ms()
        found = [status for status in map(_status, records) if status is not None]
        self.statuses = tuple(sorted(found, key=attrgetter("name")))
        self._shards = [_shard(status, self.read_ms + KNOWN_FOR_MS) for status in self.statuses]

    def urls(self) -> list[str]:
        """Where devices reach them."""
        return [shard.url for shard in self._shards]

    def shards_for(self, key: str, topics: Sequence[Topic]) -> list[RingShard]:
        """The shard of this device, and those to try after it; none where none serves."""
        events = [topic.event for topic in topics]
        lanes = {lane_of(event, self._lanes) for event in events if event is not None}
        wanted = frozenset(range(self._lanes)) if None in events else frozenset(lanes)
        return Ring(self._shards, _now_ms()).rank(key, wanted)[: 1 + ALTERNATES_MAX]


def _status(record: Record) -> ShardStatus | None:
    """None for what another version of this software may have written."""
    try:
        return decode_status(record.value)
    except Refused as refusal:
        log.warning("registry_entry_refused", shard=record.name, why=str(refusal))
        return None


def _shard(status: ShardStatus, ends_ms: int) -> RingShard:
    serving = status.state == "serving"
    return RingShard(status.name, status.url, status.headroom, frozenset(status.lanes), serving, ends_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
