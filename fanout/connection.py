"""What every connection of a device is, whatever its framing: an Outlet of the sessions on an asyncio transport.

Owns backpressure and the end of a connection. It decides nothing about odds, topics or frames.

Frames go to the kernel directly (`send`): a transport costs a third more. It keeps what the kernel did not take, and
from its first byte on the connection is full.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from fanout.device import Device
from fanout.ports import Send, Wire
from fanout.pulse import now_ms

if TYPE_CHECKING:
    from fanout.listener import Front


class DeviceConnection(asyncio.Protocol):
    """One device's connection, from after its request to its end. An Outlet once a shell adds `close` and `_device`."""

    __slots__ = ("_device", "_front", "_full", "_late", "_socket", "_transport", "place", "send", "wire")

    _device: Device

    def __init__(self, front: Front, transport: asyncio.Transport, wire: Wire) -> None:
        own = transport.get_extra_info("socket")
        self.wire = wire
        self.place = 0
        self._socket = socket.SocketType(own.family, own.type, own.proto, own.fileno())
        self.send: Send = self._socket.send
        self._front = front
        self._transport = transport
        self._full = False
        self._late = False

    def write(self, data: bytes) -> None:
        """All of it, in its turn."""
        sent = 0
        if not self._full and not self._transport.is_closing():
            try:
                sent = self.send(data)
            except OSError:  # nothing fits, or the connection is lost: the transport finds out
                sent = 0
        if sent < len(data):
            self._transport.write(data[sent:])

    def eof_received(self) -> None:
        """The device has said all it will."""
        self._gone()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is no more. Its number is free from here on."""
        del exc
        self._gone()
        self._socket.detach()
        self._front.left(self)

    def pause_writing(self) -> None:
        """The socket is full. What the device says waits too, or its answers would pile up here without a bound."""
        self._full = True
        self._transport.pause_reading()
        self._front.shard.placement.blocked(self._device, now_ms())

    def resume_writing(self) -> None:
        """The socket has room again."""
        self._full = False
        self._read_on()
        self._front.shard.placement.drained(self._device)
        self._front.pulse.devices_moved()

    def _read_on(self) -> None:
        """Reads again, unless the socket is full or what was read last waits for its turn."""
        if not self._full and not self._late:
            self._transport.resume_reading()

    def _gone(self) -> None:
        self._front.shard.sessions.disconnect(self._device, now_ms())
