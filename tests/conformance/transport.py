"""A socket's device side below the shard's own protocols, and one shard for many of them.

`Line` is a fake of asyncio's transport: it records what is written and, as real ones do, delivers nothing more once it
was closed. `Stage` is a real Server that does not listen: its lane is joined, its ticks do not run, so what a device is
answered depends on what it said and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import weakref
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, cast

from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from fanout.listener import Head
from fanout.server import Server
from fanout.settings import FanoutSettings
from fanout.ws import WebSocketConnection
from tests.fanout.memory_log import MemoryLog
from tests.fanout.serving import event, spread

UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MESSAGE_BYTES = 4096


class Line(asyncio.Transport):
    """One connection, with a real socket to send by. `written` is what the shard said, in whole, by either way."""

    def __init__(self) -> None:
        super().__init__()
        self._socket, self._device = socket.socketpair()
        self._written = bytearray()
        self.closed = False
        self.aborted = False
        self.protocol: asyncio.BaseProtocol | None = None
        self._read = asyncio.Event()
        self._read.set()
        for end in (self._socket, self._device):
            end.setblocking(False)
            weakref.finalize(self, end.close)

    @property
    def written(self) -> bytearray:
        """What the device has got."""
        self._drain()
        return self._written

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := self._device.recv(65_536):
                assert not self.closed, "sent after the end"
                self._written += data

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Bytes for the device."""
        assert not self.closed, "written after the end"
        assert data
        self.written.extend(data)

    def close(self) -> None:
        """No more of either side."""
        self._drain()
        self.closed = True
        self._read.set()

    def abort(self) -> None:
        """Reset."""
        self.aborted = True
        self.close()

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Who hears from here on."""
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who hears."""
        assert self.protocol is not None
        return self.protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """A device of this machine."""
        return {"peername": ("127.0.0.1", 50_000), "socket": self._socket}.get(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Never full."""

    def pause_reading(self) -> None:
        """What the device sends waits."""
        self._read.clear()

    def resume_reading(self) -> None:
        """It goes on."""
        self._read.set()

    async def deliver(self, chunks: Iterable[bytes]) -> None:
        """What the device sends, read by read, until the shard reads again or has closed."""
        for chunk in chunks:
            if not self.closed:
                cast("asyncio.Protocol", self.get_protocol()).data_received(chunk)
                await self._read.wait()

    def lost(self) -> None:
        """The socket is no more."""
        self.close()
        self.get_protocol().connection_lost(None)


class Stage:
    """A shard with one event and one market, and lines to it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def line(self) -> Line:
        """A new connection."""
        line = Line()
        head = Head(self.server.front)
        line.set_protocol(head)
        head.connection_made(line)
        return line

    async def upgraded(self) -> tuple[Line, WebSocketConnection]:
        """A new WebSocket; what it was told so far is dropped."""
        line = self.line()
        await line.deliver([UPGRADE])
        connection = line.get_protocol()
        assert isinstance(connection, WebSocketConnection)
        line.written.clear()
        return line, connection

    def clear(self) -> None:
        """Hangs up on everyone but the first: those whom a test that failed has left behind."""
        for connection in tuple(self.server.front.connections)[1:]:
            connection.connection_lost(None)

    async def settled(self) -> None:
        """Walks are over: the images that were asked for are written."""
        for _ in range(3):
            await asyncio.sleep(0)


@asynccontextmanager
async def stage(**changes: object) -> AsyncIterator[Stage]:
    """A stage whose lane stays joined because someone holds its topic."""
    log = MemoryLog()
    log.append(event())
    log.append(spread())
    settings = FanoutSettings.model_validate({"message_bytes": MESSAGE_BYTES, "ops_per_s": 1000, **changes})
    server = Server(settings, lanes=log.lanes, connected=lambda: True, make_reader=log.reader)
    made = Stage(server)
    line, _ = await made.upgraded()
    reading = asyncio.create_task(log.readers[0].run())
    await line.deliver([masked(Opcode.TEXT, b'{"op":"subscribe","id":1,"topics":["football"]}')])
    async with asyncio.timeout(10):
        while b'"t":"live"' not in line.written:  # noqa: ASYNC110  # what the line hears is no event
            await asyncio.sleep(0)
    reading.cancel()
    try:
        yield made
    finally:
        made.clear()
        line.lost()


def masked(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    """A frame as a device sends it."""
    return Frame(opcode, payload, fin=fin).serialize(mask=True)


def frames_in(written: bytes | bytearray) -> list[Frame]:
    """The server's frames, all of them whole. Raises ProtocolError for what is none."""
    reader = StreamReader()
    reader.feed_data(bytes(written))
    frames: list[Frame] = []
    while reader.buffer:
        parsing = Frame.parse(reader.read_exact, mask=False)
        try:
            next(parsing)
        except StopIteration as parsed:
            frames.append(parsed.value)
        else:
            raise AssertionError("half a frame")
    return frames


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The same bytes in several reads, cut at these places where there are such."""
    edges = sorted({0, len(data), *(place for place in places if place < len(data))})
    return [data[begin:end] for begin, end in pairwise(edges)]
