"""From the bus to the book: implements the lane port, and keeps the book's clock and the shelf's."""

from __future__ import annotations

import asyncio
import time

from feeds.contract.lane import Board, Stored
from gateway.read.book import ReadBook
from gateway.read.shelf import Shelf

TICK_S = 0.25
"""How often silence is looked for: a source that turns stale is told at most this late."""


class Relay:
    """A feeds.contract.lane.LaneSink for one book."""

    def __init__(self, book: ReadBook, shelf: Shelf) -> None:
        self._book = book
        self._shelf = shelf

    def board(self, lane: int, board: Board) -> None:
        """The whole lane as of a position."""
        self._wind()
        self._book.board(lane, board)

    def record(self, lane: int, record: Stored) -> None:
        """The next record of a lane."""
        self._wind()
        self._book.record(lane, record)

    def floor(self, lane: int, floor: int) -> None:
        """The lane's log begins at `floor` now."""
        self._book.floor(lane, floor)

    def epoch(self, epoch: str) -> None:
        """Identity of the log."""
        self._wind()
        self._book.epoch_is(epoch)

    async def run(self) -> None:
        """Keeps the clocks going until cancelled."""
        while True:
            self._wind()
            self._book.tick()
            self._shelf.expire()
            await asyncio.sleep(TICK_S)

    def _wind(self) -> None:
        self._book.now_ms = self._shelf.now_ms = time.time_ns() // 1_000_000
