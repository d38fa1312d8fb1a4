"""From the bus to the shard: implements the lane port, keeps the shard's clock, makes it settle after each burst."""

from __future__ import annotations

from collections.abc import Callable

from fanout.pulse import now_ms
from fanout.shard import Shard
from feeds.contract.lane import Board, Stored


class Relay:
    """A feeds.contract.lane.LaneSink for one shard. `came` is called after whatever the log brought."""

    def __init__(self, shard: Shard, came: Callable[[], None]) -> None:
        self._shard = shard
        self._came = came

    def board(self, lane: int, board: Board) -> None:
        """The whole lane as of a position."""
        self._shard.now_ms = now_ms()
        self._shard.board_read(lane, board)
        self._came()

    def record(self, lane: int, record: Stored) -> None:
        """The next record of a lane."""
        self._shard.now_ms = now_ms()
        self._shard.record(lane, record)
        self._came()

    def floor(self, lane: int, floor: int) -> None:
        """The lane's log begins at `floor` now."""
        self._shard.floor(lane, floor)
        self._came()

    def epoch(self, epoch: str) -> None:
        """Identity of the log."""
        self._shard.now_ms = now_ms()
        self._shard.epoch(epoch)
        self._came()
