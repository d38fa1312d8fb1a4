"""A real shard whose conversations are an echo: what the Autobahn cases talk to.

Production code under test, unchanged: `fanout.server` (listening, keep-alive, going away), `fanout.listener` (request
head, upgrade) and `fanout.ws` (parser, fragments, UTF-8, ping and pong, closing handshake, framing of what is sent).

The test's own: `EchoSessions` answers a text with the same text instead of a message of the protocol, and has no
welcome, no deadline to speak and no ops limit, which the cases know nothing of. `EchoConnection` lets binary messages
through to be echoed, where the shard refuses them with 1003: it hands their frames to the shard's own `_take` as text
and only then sees that they need not be UTF-8.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.frames import Frame, Opcode

from fanout.contract.closing import Close
from fanout.contract.tickets import Grant
from fanout.device import Device
from fanout.ports import Outlet
from fanout.server import Server
from fanout.sessions import Sessions
from fanout.ws import WebSocketConnection
from tests.fanout.memory_log import MemoryLog
from tests.fanout.serving import shard

MESSAGE_BYTES = 1_048_576


class EchoSessions(Sessions):
    """Every device hears what it said."""

    def connect(self, outlet: Outlet, now_ms: int, grant: Grant | None = None) -> Device:
        """A device is there; nothing is said to it."""
        del grant
        device = Device(len(self.devices), outlet, now_ms=now_ms, tokens=0)
        self.devices[device] = None
        return device

    def receive(self, device: Device, text: bytes, now_ms: int) -> None:
        """One message of a device, back to it."""
        del now_ms
        device.send(text)


class EchoConnection(WebSocketConnection):
    """The shard's connection, but for binary messages, which are echoed as such."""

    __slots__ = ("_opcode",)

    def _take(self, frame: Frame) -> Close | None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._opcode = frame.opcode
        if frame.opcode is Opcode.BINARY:
            frame = Frame(Opcode.TEXT, frame.data, fin=frame.fin)
        return super()._take(frame)

    def _take_text(self, text: bytes) -> Close | None:
        if self._opcode is Opcode.BINARY:
            self.write(Frame(Opcode.BINARY, text).serialize(mask=False))
            return None
        return super()._take_text(text)


@asynccontextmanager
async def echo_shard(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A shard on a free port that echoes."""
    monkeypatch.setattr("fanout.listener.WebSocketConnection", EchoConnection)
    async with shard(MemoryLog(), message_bytes=MESSAGE_BYTES) as server:
        inner = server.shard
        inner.sessions = EchoSessions(inner.settings, inner.board, inner.placement, inner.peers, inner.accounts)
        yield server
