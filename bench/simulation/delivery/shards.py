"""A shard over the simulated log: it reads lanes late, may lose records, and is driven as by pulse.py and relay.py."""

from __future__ import annotations

from collections import deque
from functools import cache

from bench.simulation.delivery.log import Log
from fanout.settings import FanoutSettings
from fanout.shard import Shard
from feeds.contract.joining import Joining
from feeds.contract.lane import Board, Stored

TIERS_MS = (0, 100, 250)
TICK_CEILING_MS = 150
SOCKET_BYTES = 2_000
SOCKET_ROOM_BYTES = 1_500
"""A full socket has room again once so much is free."""


@cache
def settings(name: str) -> FanoutSettings:
    """Small limits, so that everything that is rare is not."""
    return FanoutSettings(
        name=name,
        tiers_ms=TIERS_MS,
        tick_phases=2,
        hb_ms=400,
        ops_per_s=1_000,
        waiting_ops=100,
        chunk_bytes=1_024,
        slow_close_ms=3_000,
        behind_ms=600,
        joining_ms=1_500,
        lane_linger_s=1.0,
    )


class FollowedLane:
    """One lane as this shard reads it: what was stored and did not arrive yet, and a board that is being read."""

    def __init__(self) -> None:
        self.joining = Joining()
        self.pipe: deque[Stored] = deque()
        self.reading: Board | None = None


class SimulatedShard:
    """A Shard, the lanes it follows, and when its tiers tick."""

    def __init__(self, name: str, log: Log) -> None:
        self.name = name
        self.log = log
        self.restart()

    def restart(self) -> None:
        """A new process: nothing is known yet but the log's epoch."""
        self.epoch = self.log.epoch
        self.core = Shard(settings(self.name), lanes=self.log.lanes)
        self.core.epoch(self.epoch)
        self.followed: dict[int, FollowedLane] = {}
        self._due_ms = [0] * len(self.core.tiers)

    @property
    def current(self) -> bool:
        """Whether it knows of the log's epoch."""
        return self.epoch == self.log.epoch

    def want(self, now_ms: int) -> None:
        """Begins and ends to follow lanes, as the shard wishes."""
        wanted = self.core.wanted_lanes(now_ms)
        for lane in wanted - self.followed.keys():
            self.followed[lane] = FollowedLane()
        for lane in self.followed.keys() - wanted:
            del self.followed[lane]

    def stored(self, lane: int, record: Stored) -> None:
        """The log stored a record: it will arrive some time."""
        if self.current and lane in self.followed:
            self.followed[lane].pipe.append(record)

    def learn_epoch(self, now_ms: int) -> None:
        """It finds out that the log was lost."""
        if self.current:
            return
        self.epoch = self.log.epoch
        for lane in self.followed:
            self.followed[lane] = FollowedLane()
        self.core.now_ms = now_ms
        self.core.epoch(self.epoch)

    def deliver(self, lane: int, count: int) -> None:
        """The next records of a lane arrive."""
        followed = self.followed.get(lane)
        if followed is None:
            return
        for _ in range(min(count, len(followed.pipe))):
            record = followed.pipe.popleft()
            if followed.joining.received(record):
                self.core.record(lane, record)

    def break_off(self, lane: int) -> None:
        """It lost the connection: what was on its way is lost, and the board is read again."""
        followed = self.followed[lane]
        followed.pipe.clear()
        followed.reading = None
        followed.joining.hold()

    def begin_board(self, lane: int) -> None:
        """A board read begins: it shows the lane as of now."""
        followed = self.followed[lane]
        if self.current and followed.reading is None:
            followed.joining.hold()
            followed.reading = self.log.board(lane)

    def end_board(self, lane: int) -> None:
        """The board has come, and so have all records that it covers."""
        followed = self.followed[lane]
        board, followed.reading = followed.reading, None
        if board is None:
            return
        self.deliver(lane, sum(record.s <= board.position for record in followed.pipe))
        held = followed.joining.board_read(board.position)
        if held is None:
            return
        self.core.board_read(lane, board)
        for record in held:
            self.core.record(lane, record)

    def needs_board(self, lane: int) -> bool:
        """Whether a lane is not joined, or has a hole."""
        return not self.followed[lane].joining.joined

    def reached(self, lane: int) -> int:
        """Up to where everything of a lane is known to every device that is live here."""
        book = self.core.board.lanes[lane].book
        return min(book.position, *(tier.flushed[lane] for tier in self.core.tiers))

    def settle(self, now_ms: int) -> None:
        """After a burst of records, as fanout/pulse.py does it; everything on its way is written."""
        self.core.settle(now_ms)
        undelayed = self.core.tiers[0]
        if undelayed.interval_ms == 0:
            self.write(now_ms)
            self.core.flush(undelayed, now_ms)
        self.write(now_ms)
        self.core.serve_waiting(now_ms)

    def flush_all(self, now_ms: int) -> None:
        """Every tier ticks, and everything is written."""
        self.write(now_ms)
        for tier in self.core.tiers:
            self.core.flush(tier, now_ms)
        self.write(now_ms)

    def write(self, now_ms: int, turns: int = 1_000_000, writes: int = 1_000) -> None:
        """Turns of writing, each of at most so many writes, until nothing is on its way."""
        while self.core.writing and turns:
            turns -= 1
            for tier in self.core.write_some(now_ms, writes):
                self._due_ms[tier.index] = now_ms + (tier.interval_ms or TICK_CEILING_MS)

    def tick(self, now_ms: int) -> None:
        """Begins the flushes that are due; none begins while another of its tier is on its way."""
        for tier in self.core.tiers:
            if self._due_ms[tier.index] <= now_ms and not tier.flushing:
                self.core.flush(tier, now_ms)
