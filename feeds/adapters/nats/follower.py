"""Following one lane: subscribe, join the board, hand on records; after a hole the board again; the floor now and then.

Records are handed on from the subscription's own task without awaiting, as cheaply as can be: this is the hot path.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from feeds.adapters.nats.board import read_board
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.streams import Streams
from feeds.contract.errors import LogUnavailable
from feeds.contract.joining import Joining
from feeds.contract.lane import LaneSink, Stored
from feeds.contract.subjects import live_subjects

log = structlog.get_logger(__name__)

PENDING_MESSAGES_MAX = 65_536
PENDING_BYTES_MAX = 64 * 1024 * 1024
"""What may wait for this process in one lane. Beyond it messages are dropped, which shows as a hole."""

RETRY_S = (0.05, 5.0)
"""Wait before another board read after one failed or had a hole: from, doubling, up to; half of it at random."""

COMPLAINTS_FROM_ATTEMPT = 4
"""Readers may start before the writers that make the streams; the first failed attempts are not worth a word."""


@dataclass(frozen=True)
class LaneSource:
    """What the followers of one LogReader share. `compare_epoch` comes before a board read; raises LogUnavailable."""

    connection: Connection
    streams: Streams
    sink: LaneSink
    floor_interval_s: float
    pending_messages_max: int
    compare_epoch: Callable[[], Awaitable[None]]


class LaneFollower:
    """One lane. `run` until cancelled."""

    def __init__(self, lane: int, source: LaneSource) -> None:
        self.lane = lane
        self.joining = Joining()
        self.boards = 0
        self._source = source
        self._floor = 0
        self._hole = asyncio.Event()
        self._outdated = False

    def break_off(self) -> None:
        """Records may have been missed: the board is read again, also where a board read is under way."""
        self._outdated = True
        self.joining.hold()
        self._hole.set()

    def forget(self) -> None:
        """The log was lost: nothing held means anything."""
        self.joining.forget()
        self._hole.set()

    async def run(self) -> None:
        """Follows the lane until cancelled."""
        subscription = await self._source.connection.client.subscribe(
            live_subjects(self.lane),
            cb=self._on_message,
            pending_msgs_limit=self._source.pending_messages_max,
            pending_bytes_limit=PENDING_BYTES_MAX,
        )
        try:
            while True:
                await self._join()
                await self._watch()
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

    async def _on_message(self, message: Msg) -> None:
        try:
            record = Stored(message.subject, int(message.headers["Nats-Sequence"]), message.data)  # type: ignore[index]
        except (TypeError, KeyError, ValueError):
            return  # not the log's own: somebody published to live.> by hand
        if self.joining.received(record):
            self._source.sink.record(self.lane, record)
        else:
            self._hole.set()

    async def _join(self) -> None:
        """Reads the board until it joins what is held. Attempts are ever rarer, but a reconnect cuts the wait short."""
        wait_s, wait_s_max = RETRY_S
        attempt = 1
        while not await self._try_to_join(attempt):
            self._hole.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s * random.uniform(0.5, 1.0)):
                    await self._woken()
            wait_s = min(2 * wait_s, wait_s_max)
            attempt += 1

    async def _woken(self) -> None:
        while not self._outdated:
            await self._hole.wait()
            self._hole.clear()

    async def _try_to_join(self, attempt: int) -> bool:
        self._outdated = False
        self.joining.hold()
        try:
            await self._source.compare_epoch()
            board = await read_board(self._source.connection, self._source.streams, self.lane)
        except LogUnavailable as error:
            if attempt >= COMPLAINTS_FROM_ATTEMPT:
                log.warning("board_unavailable", lane=self.lane, attempt=attempt, error=str(error))
            return False
        if self._outdated or (held := self.joining.board_read(board.position)) is None:
            return False
        self.boards += 1
        self._hole.clear()
        self._floor = board.floor
        self._source.sink.board(self.lane, board)
        for record in held:
            self._source.sink.record(self.lane, record)
        return True

    async def _watch(self) -> None:
        """Waits for a hole; meanwhile the floor is read now and then, and with it whether the log is still the same."""
        while self.joining.joined:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._source.floor_interval_s * random.uniform(0.9, 1.1)):
                    await self._hole.wait()
                continue
            await self._read_floor()

    async def _read_floor(self) -> None:
        try:
            await self._source.compare_epoch()
            floor = (await self._source.streams.info(self.lane)).first_s
        except LogUnavailable as error:
            log.warning("floor_unavailable", lane=self.lane, error=str(error))
            return
        if floor > self._floor and self.joining.joined:
            self._floor = floor
            self._source.sink.floor(self.lane, floor)
