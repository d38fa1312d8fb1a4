"""Reads lanes of the log densely, for a LaneSink: the board, then every record after it, in order.

One wildcard subscription a lane, because each subscription has a queue of its own and order across them is lost. It
must never hand on a record out of order, and never leave out one: a hole means the board again.
"""

from __future__ import annotations

import asyncio
import time

import structlog

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.follower import PENDING_MESSAGES_MAX, LaneFollower, LaneSource
from feeds.adapters.nats.streams import FallBack, Streams
from feeds.contract.epoch import epoch_of
from feeds.contract.lane import LaneSink

log = structlog.get_logger(__name__)

FLOOR_INTERVAL_S_MAX = 60.0
FLOORS_PER_LOG_AGE = 20
"""The log's first position is read again this often within its age, and at least every 60 s."""


class LogReader:
    """Follows the lanes that are wanted. `run` follows until cancelled; `want` may be called at any time.

    It waits for streams that do not exist yet and for a server that is away. What a sink raises ends the process by
    way of `Connection.ended`.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        lanes: int,
        log_age_s: int,
        sink: LaneSink,
        pending_messages_max: int = PENDING_MESSAGES_MAX,
    ) -> None:
        self._connection = connection
        self._streams = Streams(connection, lanes=lanes)
        self._sink = sink
        self._source = LaneSource(
            connection=connection,
            streams=self._streams,
            sink=sink,
            floor_interval_s=min(FLOOR_INTERVAL_S_MAX, log_age_s / FLOORS_PER_LOG_AGE),
            pending_messages_max=pending_messages_max,
            compare_epoch=self._compare_epoch,
        )
        self._wanted: frozenset[int] = frozenset()
        self._given_up: frozenset[int] = frozenset()
        self._changed = asyncio.Event()
        self._followers: dict[int, LaneFollower] = {}
        self._comparing = asyncio.Lock()
        self._created = ""
        self._fell_back = 0
        self._fall_back = FallBack()

    def want(self, lanes: frozenset[int]) -> None:
        """From now on exactly these lanes are followed. A lane that is wanted again begins anew with its board."""
        self._given_up |= self._wanted - lanes
        self._wanted = lanes
        self._changed.set()

    def position(self, lane: int) -> int:
        """Position of the last record handed on; 0 for a lane that is not followed, or is waiting for its board."""
        follower = self._followers.get(lane)
        return follower.joining.position if follower is not None and follower.joining.joined else 0

    @property
    def boards(self) -> int:
        """Boards handed on so far, of the lanes followed now: one for joining, one more for every hole."""
        return sum(follower.boards for follower in self._followers.values())

    async def run(self) -> None:
        """Follows the wanted lanes until cancelled."""
        self._connection.listen(self._on_connection)
        try:
            await self._follow()
        finally:
            self._connection.unlisten(self._on_connection)

    async def _follow(self) -> None:
        tasks: dict[int, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                given_up, self._given_up = self._given_up, frozenset()
                for lane in tasks.keys() & given_up:
                    del self._followers[lane]
                    tasks.pop(lane).cancel()
                for lane in self._wanted - tasks.keys():
                    self._followers[lane] = follower = LaneFollower(lane, self._source)
                    tasks[lane] = group.create_task(follower.run(), name=f"lane-{lane}")
                await self._changed.wait()

    def _on_connection(self, connected: bool) -> None:
        del connected  # both ways records may have been missed
        for follower in self._followers.values():
            follower.break_off()

    async def _compare_epoch(self) -> None:
        """Tells the sink of another log than the one known, and makes every lane begin anew.

        A log that fell back behind what was read of it is another one too, though its streams are as old as before.
        """
        async with self._comparing:
            read = {lane: follower.joining.position for lane, follower in self._followers.items()}
            infos = await self._streams.infos()
            created = epoch_of(info.created for info in infos)
            fell_back = created == self._created and self._fall_back.lost(
                ((infos[lane], s) for lane, s in read.items()), time.monotonic()
            )
            if created == self._created and not fell_back:
                return
            if self._created:
                log.error("log_lost", created=created, before=self._created, fell_back=fell_back)
            self._fell_back = self._fell_back + 1 if fell_back else 0
            self._created = created
            for follower in self._followers.values():
                follower.forget()
            self._sink.epoch(f"{created}-{self._fell_back}" if self._fell_back else created)
