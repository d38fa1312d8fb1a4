"""Many listeners that all get the same: what every contestant of `peers` is measured by, byte for byte in the same way.

A listener counts the updates in what comes. One in `TIME_EVERY` is read by the event loop and times every update, from
when it was made to its arrival; the others are read in rounds.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import NamedTuple, cast

from bench import steady
from bench.latency import Latency
from bench.scenario import CannotMeasure
from bench.swarm import Address, source_socket

TIME_EVERY = 50
JOINING_MAX = 32
JOIN_S = 20.0

READ_INTERVAL_S = 0.02
"""No longer than the time between two messages, so that each is acknowledged before the next: a server that leaves
Nagle's algorithm on (nchan) would else be spared most of its sending, by a delay that only the timed ones would see."""

_READ_SLICES = 20
_READ_BYTES = 65_536
_TAIL_BYTES = 64
"""The longest beginning of an update that may lie at the end of what came."""


class Speech(NamedTuple):
    """What a listener says and hears: the upgrade, what it says after that, and what tells it that it is live."""

    request: bytes
    hello: bytes
    live: bytes


class Heard:
    """What an audience heard."""

    def __init__(self) -> None:
        self.live = 0
        self.lost = 0
        self.refused = ""
        self.updates = 0
        self.latency = Latency()

    def reset(self) -> None:
        """A measured window begins."""
        self.updates = 0
        self.latency.reset()


class Listener(asyncio.Protocol):
    """One of them."""

    __slots__ = ("_before", "_heard", "_moved", "_socket", "_speech", "_state", "_timed", "_transport")

    def __init__(
        self, own: socket.socket, speech: Speech, heard: Heard, moved: Callable[[], None], *, timed: bool
    ) -> None:
        self._socket = own
        self._speech = speech
        self._heard = heard
        self._moved = moved
        self._timed = timed
        self._state = "upgrading"
        self._before = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._speech.request)

    def data_received(self, data: bytes) -> None:
        """Listens."""
        if self._state != "live":
            self._begin(data)
        elif self._timed:
            self._time(data)
        else:
            self._count(data)

    def read_waiting(self) -> None:
        """Takes what the kernel has for one that only counts."""
        if self._state != "live" or self._timed:
            return
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if data:
            self._count(data)
        else:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """By whomever."""
        del exc
        self._heard.lost += 1
        self._moved()

    def _begin(self, data: bytes) -> None:
        self._before += data
        if self._state == "upgrading":
            head, end, rest = self._before.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self._heard.refused = head.split(b"\r\n")[0].decode(errors="replace")
                self._transport.abort()
                return
            self._state, self._before = "waiting", rest
            if self._speech.hello:
                self._transport.write(self._speech.hello)
        if self._speech.live in self._before:
            self._state, self._before = "live", b""
            self._heard.live += 1
            if not self._timed:
                self._transport.pause_reading()
            self._moved()

    def _count(self, data: bytes) -> None:
        kept = len(steady.DELTA_MARK) - 1
        edge = self._before + data[:kept]
        self._heard.updates += data.count(steady.DELTA_MARK) + edge.count(steady.DELTA_MARK)
        self._before = (data if len(data) >= kept else edge)[-kept:]

    def _time(self, data: bytes) -> None:
        now_us = time.time_ns() // 1000
        text, end = self._before + data, 0
        for found in steady.DELTA_TS.finditer(text):
            self._heard.updates += 1
            self._heard.latency.record_us(now_us - int(found[1]) * 1000)
            end = found.end()
        self._before = text[max(end, len(text) - _TAIL_BYTES) :]


class Audience:
    """Listeners of one server. What they hear stands in `heard`."""

    def __init__(self, address: Address, speech: Speech) -> None:
        self.heard = Heard()
        self._address = address
        self._speech = speech
        self._listeners: list[Listener] = []
        self._transports: list[asyncio.Transport] = []
        self._rounds: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    async def join(self, listeners: int) -> None:
        """So many, all live when it returns. Raises CannotMeasure."""
        self._rounds = asyncio.create_task(self._read_in_rounds())
        for number in range(listeners):
            await self._room(number - JOINING_MAX)
            await self._connect(number)
        await self._room(listeners - 1)

    def leave(self) -> None:
        """Everybody goes, without a word."""
        if self._rounds is not None:
            self._rounds.cancel()
        for transport in self._transports:
            transport.abort()
        self._listeners.clear()
        self._transports.clear()

    async def _read_in_rounds(self) -> None:
        while True:
            for part in range(_READ_SLICES):
                for listener in self._listeners[part::_READ_SLICES]:
                    listener.read_waiting()
                await asyncio.sleep(READ_INTERVAL_S / _READ_SLICES)

    async def _connect(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        own = source_socket(number)
        timed = number % TIME_EVERY == 0
        try:
            await loop.sock_connect(own, tuple(self._address))
            transport, listener = await loop.create_connection(
                lambda: Listener(own, self._speech, self.heard, self._moved.set, timed=timed), sock=own
            )
        except OSError as error:
            own.close()
            raise CannotMeasure(f"connection number {number + 1}: {error}") from error
        self._transports.append(transport)
        self._listeners.append(listener)

    async def _room(self, live: int) -> None:
        while self.heard.live <= live:
            if self.heard.lost:
                raise CannotMeasure(f"listeners were sent away ({self.heard.refused}), {self.heard.live} are live")
            self._moved.clear()
            try:
                async with asyncio.timeout(JOIN_S):
                    await self._moved.wait()
            except TimeoutError:
                raise CannotMeasure(f"only {self.heard.live} listeners are live, and no more in {JOIN_S} s") from None
