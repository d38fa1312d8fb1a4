"""The port between a lane's writer and the log. `feeds/adapters/nats/publisher.py` stands behind it."""

from __future__ import annotations

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
