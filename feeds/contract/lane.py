"""How a lane of the log is read: what a reader is handed, in which order. The port between the bus and its readers.

A reader is first handed a board, then every record after the board's position, dense and in order. After a hole it is
handed a board again; after the log was lost, `lost` and then a board of the new log.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """One message of a lane. `subject` without regard to its first token (`odds` or `live`); `s` is its position."""

    subject: str
    s: int
    data: bytes


class Board(NamedTuple):
    """The last message of every subject of a lane as of `position`, in order of `s`. The log begins at `floor`."""

    position: int
    floor: int
    records: list[Stored]


class LaneSink(Protocol):
    """What reads lanes implements. Calls come from one event loop, must not wait and must not fail."""

    def board(self, lane: int, board: Board) -> None:
        """The whole lane as of `board.position`: at joining, and after a hole."""

    def record(self, lane: int, record: Stored) -> None:
        """The next record: its `s` is the last position plus one."""

    def floor(self, lane: int, floor: int) -> None:
        """The log of this lane now begins at `floor`."""

    def epoch(self, epoch: str) -> None:
        """Identity of the log, over all lanes: told before the first board, and again when the log was lost.

        A second, different epoch means that nothing held is worth anything; new boards follow.
        """
