"""The WebSocket shell: bytes of one socket to and from the sessions. It decides nothing about odds or topics.

`websockets`' sans-I/O ServerProtocol parses what a device sends; it is dropped while the device is silent, because it
is most of what an idle socket would cost. Frames to devices are made once for all of them (`WIRE`).
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from websockets import frames
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from fanout.connection import DeviceConnection
from fanout.contract import closing, messages
from fanout.contract.closing import Close
from fanout.contract.tickets import Grant
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


class WebSocketConnection(DeviceConnection):
    """One device's WebSocket, from after its upgrade to its end. An Outlet."""

    __slots__ = (
        "_closing",
        "_message",
        "_parser",
        "_unparsed",
        "heard",
    )

    def __init__(self, front: Front, transport: asyncio.Transport, grant: Grant | None = None) -> None:
        super().__init__(front, transport, WIRE)
        self.heard = True
        self._parser: ServerProtocol | None = None
        self._unparsed = 0
        self._message: bytearray | None = None
        self._closing: Close | None = None
        self._device = front.shard.sessions.connect(self, now_ms(), grant)

    def ping(self) -> None:
        """Asks whether anyone is there; `heard` turns true with whatever comes."""
        self.heard = False
        self.write(_PING)

    def abort(self) -> None:
        """Nobody is there."""
        self._transport.abort()

    def close(self, close: Close) -> None:
        """The closing handshake; a peer that does not take part in it is cut off after a while."""
        if self._closing is not None or self._transport.is_closing():
            return
        self._closing = close
        parser = self._parser
        if parser is None:
            self.write(_close_frame(close))
        elif parser.state is State.OPEN:
            parser.send_close(close.code, close.reason)
            self._send(parser.data_to_send())
        self._front.cut_off_later(self._transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of the device. They may have to wait for a turn; then no more are read meanwhile."""
        self.heard = True
        if not self._front.arrivals.take(functools.partial(self._receive, data)):
            self._late = True
            if not self._transport.is_closing():
                self._transport.pause_reading()

    def _receive(self, data: bytes) -> None:
        if self._late:
            self._late = False
            if self._transport.is_closing():
                return
            self._read_on()
        parser = self._talking()
        self._unparsed += len(data)
        parser.receive_data(data)
        self._answer(parser)
        if parser.state is not State.OPEN:
            self._gone()
        elif not self._unparsed and self._message is None:
            self._parser = None
        self._front.pulse.devices_moved()

    def _talking(self) -> ServerProtocol:
        if self._parser is None:
            limit = self._front.shard.settings.message_bytes
            self._parser = ServerProtocol(state=State.OPEN, max_size=limit, logger=_LOGGER)
            if self._closing is not None:
                self._parser.state = State.CLOSING
                self._parser.close_sent = frames.Close(*self._closing)
        return self._parser

    def _answer(self, parser: ServerProtocol) -> None:
        """Answers frames in their order, however many came at once: the parser has read ahead and answered its part."""
        replies = deque(parser.data_to_send())
        for frame in parser.events_received():
            assert isinstance(frame, Frame)
            self._unparsed -= _wire_size(frame)
            if frame.opcode is Opcode.PING:
                self.write(replies.popleft())
            elif not self._closing and (wrong := self._take(frame)) is not None:
                self._fail(wrong, parser)
                return
        if isinstance(parser.parser_exc, PayloadTooBig) and not self._closing:
            limit = self._front.shard.settings.message_bytes
            self._device.send(messages.error("message_too_large", f"a message has at most {limit} bytes", fatal=True))
        self._send(replies)

    def _take(self, frame: Frame) -> Close | None:
        """A frame that is not a ping. Gives what is wrong with it, or None."""
        if frame.opcode is Opcode.BINARY:
            return closing.UNSUPPORTED_DATA
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            message = bytearray() if self._message is None else self._message
            message += frame.data
            self._message = None if frame.fin else message
            if frame.fin:
                return self._take_text(bytes(message))
        return None

    def _take_text(self, text: bytes) -> Close | None:
        try:
            text.decode()
        except UnicodeDecodeError:
            return closing.INVALID_DATA
        self._front.shard.sessions.receive(self._device, text, now_ms())
        return None

    def _fail(self, wrong: Close, parser: ServerProtocol) -> None:
        """Ends it because of a frame. What the parser made of later ones, a close frame perhaps, is void."""
        parser.fail(wrong.code, wrong.reason)
        parser.data_to_send()
        self._send((_close_frame(wrong), SEND_EOF))

    def _send(self, parsed: Iterable[bytes]) -> None:
        for data in parsed:
            if data == SEND_EOF:
                self._transport.close()
            else:
                self.write(data)


@functools.cache
def _close_frame(close: Close) -> bytes:
    """A goodbye, made once for all devices: thousands may leave at once."""
    return Frame(Opcode.CLOSE, frames.Close(*close).serialize()).serialize(mask=False)


def _wire_size(frame: Frame) -> int:
    """Bytes of a device's masked frame on the socket, its length written as short as can be."""
    size = len(frame.data)
    if size < _SMALL:
        return 6 + size
    return (8 if size < _MEDIUM else 14) + size
