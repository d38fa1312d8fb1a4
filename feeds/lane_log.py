"""The ports between writers and the log: a lane of it, and the results. Adapters in `feeds/adapters/nats` stand behind:
`publisher.py` and `settling.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from feeds.contract.errors import LogUnavailable
from feeds.contract.lane import Stored


class Message(NamedTuple):
    """What is to be stored: a subject of the lane and its bytes."""

    subject: str
    data: bytes


class Fence(NamedTuple):
    """A write is stored only if the last record of `subject` is still the one at `s` (0: there is none)."""

    subject: str
    s: int


class WriteRefused(Exception):
    """The fence did not hold; nothing was stored."""


class LogMissing(LogUnavailable):
    """Nobody stores what is written to this lane: it has no stream, or its stream has no leader now."""


class LaneLog(Protocol):
    """One lane of the log, as its writers see it.

    LogUnavailable (but for LogMissing) means: nobody knows whether anything was stored, or still will be.
    """

    async def write(self, messages: list[Message], fence: Fence) -> int:
        """Stores all messages or none, without another between; gives the last one's position.

        Raises WriteRefused, LogMissing, LogUnavailable.
        """

    async def last(self, subject: str) -> Stored | None:
        """The last record of a subject, as the stream's leader has it. Raises LogMissing, LogUnavailable."""

    async def remake(self, *, created: str, s: int) -> str:
        """Makes the stream where it is missing; and anew if it is still the one `created` then and ends below `s`.

        Gives when the stream there is now was created. Raises LogUnavailable.
        """


class Positions(NamedTuple):
    """Where the last records of some subjects of a lane stand; `s` has 0 for one that has none. `created`: when the
    lane's stream was, which is its epoch."""

    created: str
    s: dict[str, int]


class ResultLog(Protocol):
    """The results on the bus, as a feed's leader sees them."""

    async def positions(self, lane: int, subjects: Iterable[str]) -> Positions:
        """As the stream's leader has them, all of one log. Raises LogUnavailable."""

    async def publish(self, message: Message, message_id: str) -> None:
        """Stores a result, once however often it is called with one id within the stream's duplicate window.

        Makes the stream where it is missing. Raises LogUnavailable: nobody knows whether it was stored.
        """
