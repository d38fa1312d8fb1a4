"""Devices of a swarm. Most only count what comes; a few read it all, follow the client rule and time every change.

Each tells the tally when it is live and when its connection ends; neither connects by itself (swarm.py). A device that
only counts is read by the event loop until it is live, and then from time to time by `read_waiting`: so it costs a few
system calls a second, and not one for every frame. To the shard that is the same, the kernel takes in what it sends.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import orjson
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from bench import wire
from bench.arrival import StampedReader
from bench.latency import Latency
from fanout.contract.replica import Replica

_HEAD_END = b"\r\n\r\n"
_UPGRADED = b"HTTP/1.1 101 "
_BUSY = b"HTTP/1.1 503 "
_RETRY_AFTER = re.compile(rb"\r\nRetry-After: (\d+)", re.IGNORECASE)
_LIVE = b'{"t":"live"'
_READ_BYTES = 262_144
_DEFERRED = 0
_SERVICE_UNAVAILABLE = 503
_LOST = 1006
"""The connection ended without a close frame (RFC 6455 section 7.1.5)."""


class Tally:
    """What a swarm saw. Counters only rise, but for `reset`; `closed` is by close code, `refused` by status line.

    `deferred`: how often the shard said 503 and when to come again. `lost_with_cursor`: who lost the shard and
    went on elsewhere from a cursor. `became_live_s`: when somebody became live, by the monotonic clock.
    """

    def __init__(self) -> None:
        self.live = 0
        self.frames = 0
        self.received_bytes = 0
        self.gaps = 0
        self.deferred = 0
        self.lost_with_cursor = 0
        self.became_live_s: list[float] = []
        self.closed: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        self.ingest_to_device = Latency()
        self.ingest_to_flush = Latency()
        self.flush_to_device = Latency()

    def came(self) -> None:
        """One more is live."""
        self.live += 1
        self.became_live_s.append(time.monotonic())

    def reset(self) -> None:
        """A measured window begins."""
        self.frames = self.received_bytes = 0
        self.ingest_to_device.reset()
        self.ingest_to_flush.reset()
        self.flush_to_device.reset()


class Said(NamedTuple):
    """What a device says: the upgrade, and then its subscribe."""

    request: bytes
    subscribe: bytes


Deferred = Callable[[float], None]
"""Told in how many seconds a device may come again that the shard does not take now (503)."""

Lost = Callable[[str | None], None]
"""Told the cursor of a live device whose shard is gone, and that wants to go on elsewhere."""


class Told(NamedTuple):
    """Whom a device tells what becomes of it. `moved`: it became live, or ended. Without the others it just ends."""

    moved: Callable[[], None]
    deferred: Deferred | None = None
    lost: Lost | None = None


class CountingDevice(asyncio.Protocol):
    """Subscribes, counts frames and bytes, answers pings, notices its end. One that may be lost keeps its cursor."""

    __slots__ = (
        "_code",
        "_cursor",
        "_live",
        "_request",
        "_socket",
        "_subscribe",
        "_tally",
        "_told",
        "_transport",
        "_unread",
        "_walker",
    )

    _buffer = bytearray(_READ_BYTES)

    def __init__(self, own: socket.socket, said: Said, tally: Tally, told: Told) -> None:
        self._socket = own
        self._request, self._subscribe = said
        self._tally = tally
        self._told = told
        self._cursor: str | None = None
        self._unread: bytes | None = b""
        self._walker = wire.FrameWalker()
        self._live = False
        self._code = _LOST

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Counts."""
        tally = self._tally
        tally.received_bytes += len(data)
        if self._unread is not None:
            data = self._upgrade(self._unread + data)
        for opcode, start in self._walker.walk(data):
            if opcode == wire.TEXT:
                tally.frames += 1
                if not self._live and start.startswith(_LIVE):
                    self._live = True
                    tally.came()
                    self._transport.pause_reading()
                    self._told.moved()
            else:
                self._take_control(opcode, start)
        if self._live and self._told.lost is not None:
            self._cursor = wire.last_cursor(data) or self._cursor

    def read_waiting(self) -> None:
        """Counts what the kernel has for a live device."""
        if not self._live:
            return
        try:
            size = self._socket.recv_into(self._buffer)
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
        was_live, self._live = self._live, False
        self._tally.live -= was_live
        if was_live and self._code == _LOST and self._told.lost is not None:
            self._told.lost(self._cursor)
        elif self._code != _DEFERRED:
            self._tally.closed[self._code] += 1
        self._told.moved()

    def _upgrade(self, answer: bytes) -> bytes:
        """What follows the answer to the upgrade, nothing as long as that is not whole."""
        head, end, rest = answer.partition(_HEAD_END)
        if not end:
            self._unread = answer
            return b""
        self._unread = None
        if head.startswith(_BUSY) and (found := _RETRY_AFTER.search(head)):
            self._defer(float(found[1]))
            return b""
        if not head.startswith(_UPGRADED):
            self._tally.refused[head.split(b"\r\n")[0].decode(errors="replace")] += 1
            self._transport.abort()
            return b""
        self._transport.write(self._subscribe)
        return rest

    def _defer(self, seconds: float) -> None:
        self._tally.deferred += 1
        self._code = _DEFERRED
        self._transport.abort()
        if self._told.deferred is not None:
            self._told.deferred(seconds)

    def _take_control(self, opcode: int, payload: bytes) -> None:
        if opcode == wire.PING:
            self._transport.write(wire.message(Opcode.PONG, payload))
        elif opcode == wire.CLOSE:
            self._code = int.from_bytes(payload[:2]) if payload else 1005


class Wish(NamedTuple):
    """What a device subscribes to, at which tier, and where."""

    url: str
    topics: Sequence[str]
    conflate_ms: int


class ReadingDevice(asyncio.Protocol):
    """A device as a customer would write it. Changes are timed from `ts` to arrival, but for those of a catch-up.

    Arrival is when the kernel had it, once the device is live (arrival.py). What it holds is `replica`, which one that
    goes on elsewhere brings along.
    """

    def __init__(self, own: socket.socket, wish: Wish, tally: Tally, told: Told, replica: Replica) -> None:
        self.replica = replica
        self._socket = own
        self._reader: StampedReader | None = None
        self._protocol = ClientProtocol(parse_uri(wish.url))
        self._wish = wish
        self._told = told
        self._away = False
        self._tally = tally
        self._live = False
        self._ops = 0
        self._gaps = self.replica.gaps

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.send_request(self._protocol.connect())
        self._send()

    def data_received(self, data: bytes) -> None:
        """Reads it all, until it is live."""
        self._read(data, time.time_ns())
        if self._live and self._reader is None:
            self._transport.pause_reading()
            self._reader = StampedReader(self._socket, self._read, self._transport.abort)

    def _read(self, data: bytes, arrived_ns: int) -> None:
        self._tally.received_bytes += len(data)
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._upgraded(event)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._tally.frames += 1
                self._take(orjson.loads(event.data), arrived_ns)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """By whomever."""
        del exc
        if self._reader is not None:
            self._reader.close()
        self._protocol.receive_eof()
        self._tally.live -= self._live
        code = self._protocol.close_code or _LOST
        if self._live and code == _LOST and self._told.lost is not None:
            self._told.lost(self.replica.cursor)
        elif not self._away:
            self._tally.closed[code] += 1
        self._live = False
        self._told.moved()

    def _upgraded(self, response: Response) -> None:
        retry_after = response.headers.get("Retry-After")
        if response.status_code == _SERVICE_UNAVAILABLE and retry_after is not None and self._told.deferred is not None:
            self._tally.deferred += 1
            self._away = True
            self._transport.abort()
            self._told.deferred(float(retry_after))
        elif self._protocol.handshake_exc is not None:
            self._tally.refused[f"HTTP/1.1 {response.status_code} {response.reason_phrase}"] += 1
            self._transport.abort()
        else:
            self._subscribe(self.replica.cursor)

    def _take(self, message: dict[str, Any], arrived_ns: int) -> None:
        kind = message["t"]
        self.replica.receive(message)
        if kind == "d" and "why" not in message:
            self._time(message, arrived_ns)
        elif kind == "live" and not self._live:
            self._live = True
            self._tally.came()
            self._told.moved()
        if self.replica.gaps > self._gaps:
            self._gaps = self.replica.gaps
            self._tally.gaps += 1
            self._subscribe(self.replica.cursor)
            self.replica.resubscribing(self._ops)

    def _time(self, frame: dict[str, Any], arrived_ns: int) -> None:
        tally, arrived_us, flushed_us = self._tally, arrived_ns // 1000, frame["ts"] * 1000
        tally.flush_to_device.record_us(arrived_us - flushed_us)
        for change in frame["m"]:
            ingested_us = change["ts"] * 1000
            tally.ingest_to_device.record_us(arrived_us - ingested_us)
            tally.ingest_to_flush.record_us(flushed_us - ingested_us)

    def _subscribe(self, cursor: str | None) -> None:
        self._ops += 1
        said = {
            "op": "subscribe",
            "id": self._ops,
            "topics": list(self._wish.topics),
            "conflate_ms": self._wish.conflate_ms,
            "cursor": cursor,
        }
        self._protocol.send_text(orjson.dumps(said))

    def _send(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
