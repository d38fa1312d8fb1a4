"""The proxy: a listener on loopback, and for each connection one to the server behind it, with a pipe each way.

    async with FaultProxy(("127.0.0.1", 5432), Faults(drop_answers=0.3, reset_answers=0.1), seed=7) as proxy:
        connect("127.0.0.1", proxy.port)

Only for tests and bench: it listens on 127.0.0.1 and forwards to nothing but its upstream.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from dataclasses import dataclass
from typing import Literal, NoReturn, Self

from bench.faults.pipe import READ_BYTES, Cut, Pipe
from bench.faults.plan import Fate, Fates, Faults, Schedule, always

CONNECTIONS_MAX = 4_096
"""More at once are reset."""

CONNECT_S = 5.0
_RESET = struct.pack("ii", 1, 0)
"""struct linger {on, 0 s}: close sends RST (socket(7))."""


@dataclass
class Counters:
    """What the proxy did so far."""

    connections: int = 0
    half_open: int = 0
    unreachable: int = 0
    """The server behind did not take the connection: the client was reset."""

    requests: int = 0
    answers: int = 0
    requests_reset: int = 0
    answers_reset: int = 0
    answers_dropped: int = 0
    refused: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    writes_up: int = 0
    writes_down: int = 0


class FaultProxy:
    """A TCP proxy before `upstream` (host, port). `port` is its own, on 127.0.0.1, from `__aenter__` on."""

    def __init__(self, upstream: tuple[str, int], faults: Faults | Schedule, *, seed: int, port: int = 0) -> None:
        self.counters = Counters()
        self.port = port
        self._upstream = upstream
        self._schedule = faults if isinstance(faults, Schedule) else always(faults)
        self._seed = seed
        self._began_s = 0.0
        self._running: dict[asyncio.Task[None], Connection] = {}

    @property
    def faults(self) -> Faults:
        """What is wrong with the line now."""
        return self._schedule.at(asyncio.get_running_loop().time() - self._began_s)

    def become(self, faults: Faults) -> None:
        """From now on the line is so, whatever was scheduled; connections that stand feel it, too."""
        self._schedule = always(faults)

    def reset_all(self) -> None:
        """Every connection is reset now, at both ends."""
        for connection in self._running.values():
            connection.reset()

    async def __aenter__(self) -> Self:
        self._began_s = asyncio.get_running_loop().time()
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, backlog=CONNECTIONS_MAX)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.reset_all()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._server.wait_closed()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._running) >= CONNECTIONS_MAX:
            self.counters.refused += 1
            _reset(writer)
            return
        self.counters.connections += 1
        connection = Connection(self, Fates(self._seed, self.counters.connections), reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._running[task] = connection
        try:
            await connection.run(self._upstream)
        except asyncio.CancelledError:
            pass  # the proxy ends; asyncio would tell of it as of an accident
        finally:
            del self._running[task]


class Connection:
    """A client's connection, and ours to the server for it."""

    def __init__(
        self, proxy: FaultProxy, fates: Fates, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._fates = fates
        self._client = (reader, writer)
        self._writers = [writer]
        self._client_ended = asyncio.Event()
        self._speaking: Literal["nobody", "client", "server"] = "nobody"

    def reset(self) -> None:
        """Both ends get an RST, whatever is held is lost."""
        for writer in self._writers:
            _reset(writer)

    async def run(self, upstream: tuple[str, int]) -> None:
        """Until both ends have closed, or a fault has ended it."""
        counters, faults = self._proxy.counters, self._proxy.faults
        try:
            if self._fates.half_open(faults):
                counters.half_open += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(faults.hold_s):
                        await _swallow(self._client[0])
                return
            try:
                async with asyncio.timeout(CONNECT_S):
                    reader, writer = await asyncio.open_connection(*upstream)
            except OSError:  # TimeoutError is one
                counters.unreachable += 1
                self.reset()
                return
            self._writers.append(writer)
            await self._forward(reader, writer)
        finally:
            for each in self._writers:
                each.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up = Pipe(writer, lambda: self._proxy.faults, self._fates.up, "up")
        down = Pipe(self._client[1], lambda: self._proxy.faults, self._fates.down, "down")
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._requests(up), self._answers(reader, down), up.run(), down.run()):
                    group.create_task(work)
        except* (Cut, OSError):
            self.reset()  # of whom one end was reset, the other learns of it
        except* _Over:
            pass
        finally:
            counters = self._proxy.counters
            counters.bytes_up += up.passed_bytes
            counters.bytes_down += down.passed_bytes
            counters.writes_up += up.writes
            counters.writes_down += down.writes

    async def _requests(self, up: Pipe) -> None:
        while data := await self._client[0].read(READ_BYTES):
            if self._speaking != "client":
                self._speaking = "client"
                self._proxy.counters.requests += 1
                fate = self._fates.request(self._proxy.faults)
                if fate.end == "reset":
                    self._proxy.counters.requests_reset += 1
                    return await _cut(up, data, fate)
            await up.put(data)
        self._client_ended.set()
        up.finish()
        return None

    async def _fall_silent(self, reader: asyncio.StreamReader, hold_s: float) -> NoReturn:
        """The client hears nothing more, not even that the server closes; it may still ask. Raises _Over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hold_s):
                await _swallow(reader)
                await self._client_ended.wait()
        raise _Over

    async def _answers(self, reader: asyncio.StreamReader, down: Pipe) -> None:
        counters = self._proxy.counters
        while data := await reader.read(READ_BYTES):
            if self._speaking != "server":
                self._speaking = "server"
                counters.answers += 1
                faults = self._proxy.faults
                fate = self._fates.answer(faults)
                if fate.end == "drop":
                    counters.answers_dropped += 1
                    await self._fall_silent(reader, faults.hold_s)
                if fate.end == "reset":
                    counters.answers_reset += 1
                    return await _cut(down, data, fate)
            await down.put(data)
        down.finish()
        return None


class _Over(Exception):
    """The connection has been held for long enough."""


async def _cut(pipe: Pipe, data: bytes, fate: Fate) -> None:
    """Lets a part pass, never all of it."""
    await pipe.put(data[: int(len(data) * fate.part)])
    pipe.finish(cut=True)


async def _swallow(reader: asyncio.StreamReader) -> None:
    """Reads and forgets until the other end has closed, so that the kernel acknowledges."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(READ_BYTES):
            pass


def _reset(writer: asyncio.StreamWriter) -> None:
    ours = writer.get_extra_info("socket")  # None: it was closed meanwhile
    descriptor = -1 if ours is None else ours.fileno()
    if descriptor >= 0:
        with socket.socket(fileno=os.dup(descriptor)) as same:  # uvloop's own offers no setsockopt
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
