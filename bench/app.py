"""A device as an app is: it holds everything it is sent, and goes on elsewhere from its cursor whatever happens.

It follows PROTOCOL.md as the reference client does: the client rule with gaps answered, Retry-After obeyed, random
waits that double, a drain followed to the address it names while the former connection still delivers. Unlike that it
costs little enough to stand a thousandfold beside what is measured: what came is read twice a second (apps.py).
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
from collections.abc import Callable
from typing import Protocol, cast
from urllib.parse import urlsplit

import orjson
from websockets.frames import Opcode

from bench import wire
from bench.swarm import Address
from fanout.client.limits import ClientLimits
from fanout.contract.replica import Message, Replica

LIMITS = ClientLimits()
NO_CLOSE = 1006
"""The connection ended without a close frame (RFC 6455 section 7.1.5)."""

_HEAD_END = b"\r\n\r\n"
_UPGRADED = b"HTTP/1.1 101 "
_RETRY_AFTER = re.compile(rb"\r\nRetry-After: (\d+)", re.IGNORECASE)
_READ_BYTES = 262_144


class Crowd(Protocol):
    """Whom an app tells what becomes of it, and who opens its connections (apps.py)."""

    def connect(self, app: App, address: Address) -> None:
        """Opens a connection, of which `app` hears."""

    def became_live(self, app: App) -> None:
        """Through its catch-up, or with another connection."""

    def lost(self, app: App) -> None:
        """It was live and is not."""

    def note(self, what: str) -> None:
        """Something that is counted."""


class Link(asyncio.Protocol):
    """One connection of an app."""

    __slots__ = ("_app", "_data", "_socket", "_transport", "_upgraded", "address", "code", "gaps", "live", "retry_s")

    _buffer = bytearray(_READ_BYTES)

    def __init__(self, own: socket.socket, app: App, address: Address) -> None:
        self.address = address
        self.live = False
        self.gaps = 0
        self.code = NO_CLOSE
        self.retry_s: float | None = None
        self._socket = own
        self._app = app
        self._data = bytearray()
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(wire.handshake(self.address.url))

    def data_received(self, data: bytes) -> None:
        """Takes whole frames."""
        self._data += data
        if not self._upgraded and not self._upgrade():
            return
        for opcode, payload in wire.whole_frames(self._data):
            if opcode == wire.TEXT:
                self._app.take(self, orjson.loads(payload))
            elif opcode == wire.PING:
                self.say(wire.message(Opcode.PONG, payload))
            elif opcode == wire.CLOSE:
                self.code = int.from_bytes(payload[:2]) if payload else 1005

    def read_waiting(self) -> None:
        """Takes what the kernel has for one that is live."""
        try:
            while (size := self._socket.recv_into(self._buffer)) == _READ_BYTES:
                self.data_received(bytes(self._buffer))
        except BlockingIOError:
            return
        except ConnectionError:
            size = 0
        if size:
            self.data_received(bytes(memoryview(self._buffer)[:size]))
        else:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """By whomever."""
        del exc
        self._app.ended(self)

    def pause(self) -> None:
        """From here on it is read by `read_waiting`."""
        self._transport.pause_reading()

    def say(self, frame: bytes) -> None:
        """One frame."""
        self._transport.write(frame)

    def close(self) -> None:
        """Without a word."""
        self._transport.abort()

    def _upgrade(self) -> bool:
        end = self._data.find(_HEAD_END)
        if end < 0:
            return False
        head = bytes(self._data[:end])
        del self._data[: end + len(_HEAD_END)]
        if not head.startswith(_UPGRADED):
            found = _RETRY_AFTER.search(head)
            self.retry_s = float(found[1]) if found else None
            self._app.refused(self, head.split(b"\r\n")[0].decode(errors="replace"))
            self._transport.abort()
            return False
        self._upgraded = True
        self._app.opened(self)
        return True


class App:
    """One of them. `due_s`: since when it has wanted to be live; `topic` is all it watches."""

    def __init__(self, crowd: Crowd, topic: str, address: Address, *, conflate_ms: int, due_s: float) -> None:
        self.replica = Replica()
        self.topic = topic
        self.due_s = due_s
        self.primary: Link | None = None
        self.successor: Link | None = None
        self.left = False
        self._crowd = crowd
        self._address = address
        self._conflate_ms = conflate_ms
        self._ops = 0
        self._failures = 0
        self._waiting: asyncio.TimerHandle | None = None

    @property
    def live(self) -> bool:
        """Whether it is up to date."""
        return self.primary is not None and self.primary.live and not self.replica.gap

    def connect(self) -> None:
        """Now."""
        self._waiting = None
        self._crowd.connect(self, self._address)

    def made(self, link: Link) -> None:
        """A connection of it is being opened."""
        if self.primary is None:
            self.primary = link
        else:
            self.successor = link

    def cannot_connect(self) -> None:
        """A connection could not be opened."""
        self._crowd.note("unreachable")
        self._again(None)

    def leave(self) -> None:
        """For good."""
        self.left = True
        if self._waiting is not None:
            self._waiting.cancel()
        for link in (self.primary, self.successor):
            if link is not None:
                link.close()

    def opened(self, link: Link) -> None:
        """It is upgraded: subscribes from its cursor."""
        if link is self.primary:
            self.replica.reconnected()
        self._subscribe(link, self.replica.cursor)

    def refused(self, link: Link, line: str) -> None:
        """It is not upgraded."""
        self._crowd.note("deferred" if link.retry_s is not None else f"refused: {line}")

    def ended(self, link: Link) -> None:
        """A connection is over."""
        if link is self.successor:
            self.successor = None
            if not self.left:
                self._later(self._wait_s(), self._move_again)
            return
        if link is not self.primary or self.left:
            return
        if link.live:
            self._crowd.note(f"lost {link.code}")
            self._crowd.lost(self)
            self.due_s = asyncio.get_running_loop().time()
        self.primary, self.successor = self.successor, None
        if self.primary is None:
            self._again(link.retry_s)

    def take(self, link: Link, message: Message) -> None:
        """One message."""
        kind = message["t"]
        replica, gaps = self.replica, self.replica.gaps
        if link is not self.primary and link is not self.successor:
            return
        if link is self.successor and (kind == "live" or _another_epoch(message, replica)):
            self._promote(link)
        replica.receive(message)
        if kind == "subscribed":
            for answer in message["topics"].values():
                self._crowd.note(f"answered by {answer}")
        elif kind == "live":
            self._became_live(link)
        elif kind == "drain":
            self._drained(message)
        if replica.gaps > gaps:
            self._crowd.note("gaps")
            link.gaps += 1
            self._subscribe(link, replica.cursor if link.gaps <= 1 else None)
            replica.resubscribing(self._ops)

    def _became_live(self, link: Link) -> None:
        self._failures = 0
        if not link.live:
            link.live = True
            link.pause()
            self._crowd.became_live(self)

    def _promote(self, link: Link) -> None:
        former, self.primary, self.successor = self.primary, link, None
        self._address = link.address
        self._crowd.note("moved")
        if former is not None:
            former.close()

    def _drained(self, message: Message) -> None:
        parts = urlsplit(message.get("url") or "")
        if parts.hostname and parts.port:
            self._address = Address(parts.hostname, parts.port)
        self._later(message["after_ms"] / 1000, self._move_again)

    def _move_again(self) -> None:
        self._waiting = None
        if self.primary is not None and self.successor is None:
            self._crowd.connect(self, self._address)

    def _again(self, retry_s: float | None) -> None:
        if not self.left:
            self._later(self._wait_s() if retry_s is None else retry_s, self.connect)

    def _wait_s(self) -> float:
        ceiling_s = min(LIMITS.backoff_s * 2.0**self._failures, LIMITS.backoff_max_s)
        self._failures = min(self._failures + 1, 30)
        return random.uniform(ceiling_s / 2, ceiling_s)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = asyncio.get_running_loop().call_later(seconds, act)

    def _subscribe(self, link: Link, cursor: str | None) -> None:
        self._ops += 1
        link.say(wire.subscribe((self.topic,), self._conflate_ms, cursor, op=self._ops))


def _another_epoch(message: Message, replica: Replica) -> bool:
    return bool(message["t"] == "subscribed" and message["epoch"] != replica.epoch)
