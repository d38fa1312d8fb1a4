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


class Logged(NamedTuple):
    """One message of a lane with the time at which the log stored it, microseconds of Unix time."""

    subject: str
    s: int
    at_us: int
    data: bytes


class LaneIdentity(NamedTuple):
    """Which log a lane's is, and what it holds: `created` of its stream, `epoch` over all lanes."""

    epoch: str
    created: str
    first_s: int
    last_s: int


class LaneTap(Protocol):
    """A lane read from a position on by one reader that keeps its own position: the port for archives.

    Every call raises LogUnavailable; after that, and for a hole, the reader calls `begin` again.
    """

    async def identity(self) -> LaneIdentity:
        """The lane's log now."""

    async def begin(self, after: int) -> None:
        """From here on `take` gives what stands behind this position."""

    async def take(self, most: int, wait_s: float) -> list[Logged]:
        """The next records in order: as soon as there are `most`, or what has come within `wait_s`.

        Some may have been given before; and some may be missing, should the log have forgotten them already.
        """

    async def done(self, s: int) -> None:
        """Everything up to `s` is kept: the log's own count of what this reader lacks may move on."""

    @property
    def pending(self) -> int:
        """How many records the log held behind the last one that came, when it came."""


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
