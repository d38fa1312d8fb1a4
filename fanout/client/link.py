"""One connection to a shard, whatever it is made of: opened once, received from until it is lost, closed."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from fanout.client.errors import LinkLost, StreamRefused
from fanout.client.limits import SILENT_HEARTBEATS, ClientLimits
from fanout.contract.messages import ClientIn, Subscribe
from fanout.contract.replica import Message

Wish = Callable[[], Sequence[Subscribe]]
"""What to subscribe to, asked at the moment the connection is there."""

_RETRIED_STATUSES = frozenset({408, 425, 429})


class Leave(NamedTuple):
    """The server wants the connection left at `at_s` (loop time), for `url` where it names one."""

    at_s: float
    url: str | None


class Link(ABC):
    """A connection and what the stream notes about it.

    `asked`: its wish was taken; `opened`: it is connected; `live`: through catch-up. `gaps` counts gaps on it;
    `leave` is set once the server drains. `ticket`: what opens it, where the stream is not public.
    """

    speaks: bool
    """Whether more can be said on it. Where not, it takes another connection."""

    def __init__(self, url: str, limits: ClientLimits) -> None:
        self.url = url
        self.limits = limits
        self.asked = False
        self.opened = False
        self.live = False
        self.gaps = 0
        self.leave: Leave | None = None
        self.ticket: str | None = None
        self.heartbeat_s = limits.silence_s / SILENT_HEARTBEATS
        self._silence_s = limits.silence_s
        self._hearing: asyncio.Timeout | None = None

    def note(self, message: Message) -> None:
        """What a message says of the connection. In catch-up no heartbeats come, and the server may first wait for the
        log; from `live` on they do."""
        match message.get("t"):
            case "welcome":
                self.heartbeat_s = message["hb_ms"] / 1000
            case "subscribed" | "slow":
                self.live = False
                self._expect_within(self.limits.silence_s)
            case "live":
                self.live = True
                self._expect_within(self.heartbeat_s * SILENT_HEARTBEATS)
            case "drain":
                after_s = message["after_ms"] / 1000
                self.leave = Leave(asyncio.get_running_loop().time() + after_s, message.get("url"))

    async def receive(self) -> bytes:
        """The next message. Raises LinkLost (also where nothing comes for too long), StreamRefused."""
        try:
            async with asyncio.timeout(self._silence_s) as self._hearing:
                return await self.next_message()
        except TimeoutError as error:
            raise LinkLost(f"nothing was heard for {self._silence_s:g} s") from error
        finally:
            self._hearing = None

    @abstractmethod
    async def open(self, wish: Wish) -> None:
        """Connects and subscribes. Raises LinkLost, StreamRefused."""

    @abstractmethod
    async def next_message(self) -> bytes:
        """The next message, whenever it comes. Raises LinkLost, StreamRefused."""

    @abstractmethod
    async def say(self, op: ClientIn) -> None:
        """One more message to the shard. Lost with the connection, without an error."""

    @abstractmethod
    async def close(self) -> None:
        """Ends the connection. Twice is once."""

    def _expect_within(self, silence_s: float) -> None:
        self._silence_s = silence_s
        if self._hearing is not None and not self._hearing.expired():
            self._hearing.reschedule(asyncio.get_running_loop().time() + silence_s)


def refusal(status: int, retry_after: str | None, body: bytes) -> LinkLost | StreamRefused:
    """What an HTTP answer other than the stream means: 5xx, 408, 425 and 429 may pass, the rest will not.

    `body` is a problem (RFC 9457), or anything. A `retry_after` that is a date counts as none.
    """
    problem = _problem(body)
    detail = str(problem.get("detail", f"HTTP {status}"))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRIED_STATUSES:
        seconds = retry_after if retry_after is not None and retry_after.isdecimal() else "0"
        return LinkLost(f"HTTP {status}, {detail}", retry_after_s=float(seconds))
    return StreamRefused(str(problem.get("code", f"http_{status}")), detail)


def reason_of(error: Exception) -> str:
    """In words for people: why there is no connection."""
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def _problem(body: bytes) -> dict[str, Any]:
    try:
        problem = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return problem if isinstance(problem, dict) else {}
