"""The registry of shards: this one announces itself in it, and learns of the others.

What it learns are the peers that devices are sent to. While the coordination is away a shard serves on: what was read
last counts for its time to live, then the configured peers do. It must never end or hold up a shard that serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable

import structlog

from fanout.contract.fleet import LAG_BOUNDS_MS, SHARDS, ShardStatus, decode_status, encode, headroom
from fanout.contract.ring import RingShard
from fanout.peers import Peers
from fanout.pulse import now_ms
from fanout.server import Server
from fanout.settings import FanoutSettings
from feeds.contract.coordination import Conflict, Coordination, Record, Unavailable
from feeds.contract.errors import Refused

log = structlog.get_logger(__name__)

JITTER = 0.2
"""Part of the interval by which two turns differ at random, so that a fleet does not come in step."""

INSTANCE_BYTES = 6


class Registry:
    """One shard's entry and its view of the others. `status` tells how it is, whenever that is announced."""

    def __init__(
        self, coordination: Coordination, settings: FanoutSettings, peers: Peers, status: Callable[[], ShardStatus]
    ) -> None:
        self._coordination = coordination
        self._settings = settings
        self._peers = peers
        self._status = status
        self._version: int | None = None
        self._others: dict[str, RingShard] = {}
        self._hurry = asyncio.Event()
        self._away = False

    @contextlib.asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """In the registry within this context, as far as the coordination can be reached; gone from it afterwards."""
        async with asyncio.TaskGroup() as group:
            turns = group.create_task(self._turns(), name="registry")
            try:
                yield
            finally:
                turns.cancel()
                await asyncio.wait([turns])
                await self._leave()

    def changed(self) -> None:
        """The shard turned: that is announced now."""
        self._hurry.set()

    async def _turns(self) -> None:
        interval_s = self._settings.registry_interval_s
        while True:
            self._hurry.clear()
            try:
                await self._announce()
                self._read(await self._coordination.scan(SHARDS))
                self._tell(away=False)
            except (Unavailable, Refused) as error:
                self._tell(away=True, why=str(error))
            self._peers.known(self._others.values(), now_ms())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval_s * random.uniform(1 - JITTER, 1 + JITTER)):
                    await self._hurry.wait()

    async def _announce(self) -> None:
        """Expects what this process wrote last, so that another one of the same name is noticed."""
        status, ttl_s = self._status(), self._settings.registry_ttl_s
        expected, self._version = self._version, None  # where the next line fails, nothing is known of it
        try:
            self._version = await self._coordination.put(
                SHARDS, status.name, value=encode(status), ttl_s=ttl_s, version=expected
            )
        except Conflict:
            await self._look_who(status)

    async def _look_who(self, status: ShardStatus) -> None:
        """The entry is not as this process left it: it ended meanwhile, or another process writes it, too."""
        record = await self._coordination.get(SHARDS, status.name)
        if record is not None and (other := _decoded(record)) and other.instance != status.instance:
            log.error("shard_name_taken", shard=status.name, by=other.url)
        self.changed()

    def _read(self, records: list[Record]) -> None:
        ends_ms = now_ms() + self._settings.registry_ttl_s * 1000
        found = (_decoded(record) for record in records if record.name != self._settings.name)
        self._others = {status.name: ring_shard(status, ends_ms) for status in found if status is not None}

    async def _leave(self) -> None:
        """Removes what this process wrote, which may be newer than what it knows of."""
        name, instance = self._settings.name, self._status().instance
        with contextlib.suppress(Unavailable, Conflict):
            record = await self._coordination.get(SHARDS, name)
            if record is not None and (found := _decoded(record)) and found.instance == instance:
                await self._coordination.delete(SHARDS, name, version=record.version)

    def _tell(self, *, away: bool, why: str = "") -> None:
        if away and not self._away:
            log.warning("registry_away", why=why)
        elif self._away and not away:
            log.info("registry_back")
        self._away = away


def new_instance() -> str:
    """What tells this process from any other of its name."""
    return secrets.token_hex(INSTANCE_BYTES)


def status_of(server: Server, instance: str) -> ShardStatus:
    """How a shard is now. Its lag is that of its worst tier among those held to the ceiling. One that is not ready, as
    it has not read its lanes yet, has no headroom."""
    settings, front = server.settings, server.front
    fast = [clock for tier, clock in front.pulse.clocks.items() if tier.interval_ms <= settings.tick_ceiling_ms]
    lags_ms = [clock.lag_ms() for clock in fast]
    lag_p50_ms, lag_p99_ms = (max((lag[which] for lag in lags_ms), default=0) for which in ("p50", "p99"))
    sockets = len(front.connections)
    room = headroom(sockets=sockets, sockets_max=settings.sockets, lag_p99_ms=lag_p99_ms)
    return ShardStatus(
        name=settings.name,
        url=settings.stream_url(server.port),
        instance=instance,
        state="draining" if server.shard.sessions.draining else "serving",
        sockets=sockets,
        lag_p99_ms=lag_p99_ms,
        headroom=room if server.is_ready() else 0.0,
        lanes=tuple(lane.number for lane in server.shard.board.lanes if lane.joined),
        lag_p50_ms=lag_p50_ms,
        lags=bucketed(front.pulse.admission.lags_ms),
        closed=front.pulse.admission.closed(server.shard.placement.owed) or "",
    )


def bucketed(lags_ms: Iterable[float]) -> tuple[int, ...]:
    """How many are in each bucket of LAG_BOUNDS_MS."""
    counts = [0] * (len(LAG_BOUNDS_MS) + 1)
    for lag_ms in lags_ms:
        counts[bisect_left(LAG_BOUNDS_MS, lag_ms)] += 1
    return tuple(counts)


def ring_shard(status: ShardStatus, ends_ms: int) -> RingShard:
    """A shard of the registry as the ring sees it, worth something until `ends_ms`."""
    return RingShard(
        name=status.name,
        url=status.url,
        headroom=status.headroom,
        lanes=frozenset(status.lanes),
        serving=status.state == "serving",
        ends_ms=ends_ms,
    )


async def read_registry(coordination: Coordination) -> list[ShardStatus]:
    """Every shard that announces itself, by name. Raises Unavailable."""
    found = (_decoded(record) for record in await coordination.scan(SHARDS))
    return [status for status in found if status is not None]


def _decoded(record: Record) -> ShardStatus | None:
    """None for what another version of this software may have written."""
    try:
        return decode_status(record.value)
    except Refused as refusal:
        log.warning("registry_entry_refused", shard=record.name, why=str(refusal))
        return None
