"""The stage for who calls from outside of its event loop, as Hypothesis and atheris do; and what must always hold."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import orjson
from websockets.client import ClientProtocol
from websockets.frames import EXTERNAL_CLOSE_CODES, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from fanout.listener import Head
from fanout.ws import WebSocketConnection
from tests.conformance.transport import Line, Stage, frames_in, stage

HEAD_BYTES = 2048
HEAD_END = b"\r\n\r\n"


class Theatre:
    """A stage and the loop it lives on."""

    def __init__(self, runner: asyncio.Runner, on: Stage) -> None:
        self.stage = on
        self._runner = runner
        self._troubles: list[dict[str, Any]] = []
        runner.get_loop().set_exception_handler(lambda _loop, context: self._troubles.append(context))

    def says(self, chunks: Sequence[bytes]) -> tuple[Line, WebSocketConnection]:
        """A device with a WebSocket that says this, and has been answered."""

        async def say() -> tuple[Line, WebSocketConnection]:
            self.stage.clear()
            line, connection = await self.stage.upgraded()
            await line.deliver(chunks)
            await self.stage.settled()
            return line, connection

        said = self._runner.run(say())
        assert not self._troubles
        return said

    def knocks(self, chunks: Sequence[bytes]) -> Line:
        """A connection that sends this, and has been answered. No memory is held of a head beyond its limit."""

        async def knock() -> Line:
            self.stage.clear()
            line = self.stage.line()
            head = line.get_protocol()
            assert isinstance(head, Head)
            for chunk in chunks:
                await line.deliver([chunk])
                assert len(head._buffer) <= HEAD_BYTES + len(HEAD_END) + len(chunk)
            await self.stage.settled()
            return line

        line = self._runner.run(knock())
        assert not self._troubles
        return line

    def goes_on(self, line: Line, chunks: Sequence[bytes]) -> None:
        """The device says more."""
        self._runner.run(line.deliver(chunks))

    def leaves(self, line: Line) -> None:
        """The device has gone, and nothing of it stays."""

        async def leave() -> None:
            line.lost()
            await self.stage.settled()

        self._runner.run(leave())
        assert not self._troubles
        assert len(self.stage.server.front.connections) == 1
        assert len(self.stage.server.shard.sessions.devices) == 1


@contextmanager
def opened() -> Iterator[Theatre]:
    """A theatre, closed afterwards."""
    with asyncio.Runner() as runner:
        entered = AsyncExitStack()
        made: Stage = runner.run(entered.enter_async_context(stage(handshake_bytes=HEAD_BYTES)))
        yield Theatre(runner, made)
        runner.run(entered.aclose())


def assert_open_or_properly_closed(line: Line) -> None:
    """JSON in text frames, and one close frame at the end where the line was closed."""
    frames = frames_in(line.written)
    closes = [frame for frame in frames if frame.opcode is Opcode.CLOSE]
    if line.closed:
        assert closes == frames[-1:]
        assert _is_proper(bytes(closes[0].data))
    else:
        assert closes == []
    assert all(isinstance(orjson.loads(frame.data), dict) for frame in frames if frame.opcode is Opcode.TEXT)


def assert_understood(line: Line) -> None:
    """The client side of `websockets` takes all that was written, and ends where the shard ended it."""
    client = ClientProtocol(parse_uri("ws://x/"), state=State.OPEN)
    client.receive_data(bytes(line.written))
    assert client.parser_exc is None
    assert [event for event in client.events_received() if isinstance(event, Frame)] == frames_in(line.written)
    assert (client.state is State.OPEN) == (not line.closed)


def assert_answered_or_awaited(line: Line, said: bytes) -> None:
    """An HTTP answer once the head is whole or too large, and before that nothing."""
    if isinstance(line.get_protocol(), Head):
        assert line.closed == bool(line.written)
        assert line.closed == (HEAD_END in said or len(said) > HEAD_BYTES)
    if line.written:
        assert line.written.startswith(b"HTTP/1.1 ")
        assert HEAD_END in line.written


def _is_proper(data: bytes) -> bool:
    """Whether a close frame may say this: nothing, or a code of RFC 6455 section 7.4 and a reason in UTF-8."""
    code = int.from_bytes(data[:2])
    data[2:].decode()
    return not data or code in EXTERNAL_CLOSE_CODES or 3000 <= code < 5000
