"""The WebSocket shell: bytes of one socket to and from the sessions. It decides nothing about odds or topics.

`websockets`' sans-I/O ServerProtocol parses what a device sends; it is dropped while the device is silent, because it
is most of what an idle socket would cost. Frames to devices are made once for all of them (`WIRE`).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from websockets.exceptions import PayloadTooBig
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from fanout.contract import closing, messages
from fanout.contract.closing import Close
from fanout.ports import Wire
from fanout.pulse import now_ms

if TYPE_CHECKING:
    from fanout.listener import Front

_LOGGER = logging.getLogger("websockets.server")
_SMALL, _MEDIUM = 126, 65_536


class WebSocketWire:
    """Server frames: unmasked text, FIN set (RFC 6455 section 5.2)."""

    def frame(self, payload: bytes, cursor: str | None = None) -> bytes:
        """One text frame. The cursor stands in the payload already."""
        del cursor
        size = len(payload)
        if size < _SMALL:
            return b"\x81" + size.to_bytes(1) + payload
        if size < _MEDIUM:
            return b"\x81\x7e" + size.to_bytes(2) + payload
        return b"\x81\x7f" + size.to_bytes(8) + payload


WIRE = WebSocketWire()
_PING = Frame(Opcode.PING, b"").serialize(mask=False)


class WebSocketConnection(asyncio.Protocol):
    """One device's WebSocket, from after its upgrade to its end. An Outlet."""

    __slots__ = (
        "_closing",
        "_device",
        "_front",
        "_parser",
        "_parts",
        "_transport",
        "_unparsed",
        "heard",
        "wire",
        "write",
    )

    def __init__(self, front: Front, transport: asyncio.Transport) -> None:
        self.wire: Wire = WIRE
        self.write = transport.write
        self.heard = True
        self._front = front
        self._transport = transport
        self._parser: ServerProtocol | None = None
        self._unparsed = 0
        self._parts: list[bytes] | None = None
        self._closing = False
        self._device = front.shard.sessions.connect(self, now_ms())

    def ping(self) -> None:
        """Asks whether anyone is there; `heard` turns true with whatever comes."""
        self.heard = False
        self.write(_PING)

    def abort(self) -> None:
        """Nobody is there."""
        self._transport.abort()

    def close(self, close: Close) -> None:
        """The closing handshake; a peer that does not take part in it is cut off after a while."""
        if self._closing or self._transport.is_closing():
            return
        self._closing = True
        parser = self._talking()
        if parser.state is State.OPEN:
            parser.send_close(close.code, close.reason)
            self._send_parsed(parser)
        self._front.cut_off_later(self._transport)

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Bytes of the device."""
        self.heard = True
        parser = self._talking()
        self._unparsed += len(data)
        parser.receive_data(data)
        for event in parser.events_received():
            if isinstance(event, Frame):
                self._unparsed -= _wire_size(event)
                self._take(event, parser)
        if isinstance(parser.parser_exc, PayloadTooBig) and not self._closing:
            limit = self._front.shard.settings.message_bytes
            self._device.send(messages.error("message_too_large", f"a message has at most {limit} bytes", fatal=True))
        self._send_parsed(parser)
        if parser.state is not State.OPEN:
            self._gone()
        elif not self._unparsed and self._parts is None:
            self._parser = None
        self._front.pulse.devices_moved()

    def eof_received(self) -> None:
        """The device has said all it will."""
        self._gone()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is no more."""
        del exc
        self._gone()
        self._front.left(self)

    def pause_writing(self) -> None:
        """The socket is full."""
        self._front.shard.placement.blocked(self._device, now_ms())

    def resume_writing(self) -> None:
        """The socket has room again."""
        self._front.shard.placement.drained(self._device)
        self._front.pulse.devices_moved()

    def _talking(self) -> ServerProtocol:
        if self._parser is None:
            limit = self._front.shard.settings.message_bytes
            self._parser = ServerProtocol(state=State.OPEN, max_size=limit, logger=_LOGGER)
        return self._parser

    def _take(self, frame: Frame, parser: ServerProtocol) -> None:
        if self._closing or parser.state is not State.OPEN:
            return
        if frame.opcode is Opcode.BINARY:
            parser.fail(closing.UNSUPPORTED_DATA.code, closing.UNSUPPORTED_DATA.reason)
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            parts = [] if self._parts is None else self._parts
            parts.append(bytes(frame.data))
            self._parts = None if frame.fin else parts
            if frame.fin:
                self._take_text(b"".join(parts), parser)

    def _take_text(self, text: bytes, parser: ServerProtocol) -> None:
        try:
            text.decode()
        except UnicodeDecodeError:
            parser.fail(CloseCode.INVALID_DATA, "not UTF-8")
            return
        self._front.shard.sessions.receive(self._device, text, now_ms())

    def _send_parsed(self, parser: ServerProtocol) -> None:
        for data in parser.data_to_send():
            if data:
                self.write(data)
            else:
                self._transport.close()

    def _gone(self) -> None:
        self._front.shard.sessions.disconnect(self._device, now_ms())


def _wire_size(frame: Frame) -> int:
    """Bytes of a device's masked frame on the socket, its length written as short as can be."""
    size = len(frame.data)
    if size < _SMALL:
        return 6 + size
    return (8 if size < _MEDIUM else 14) + size
