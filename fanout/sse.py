"""The SSE shell: the same JSON objects as `text/event-stream`, over one HTTP response that ends with the connection.

`event:` is the message's `t`, `data:` the same bytes as on WebSocket, `id:` the cursor where there is one (HTML
Living Standard, server-sent events). What a device says, it says in the request.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from fanout.connection import DeviceConnection
from fanout.contract.closing import Close
from fanout.contract.messages import Subscribe
from fanout.contract.tickets import Grant
from fanout.pulse import now_ms

if TYPE_CHECKING:
    from fanout.listener import Front

RETRY_MS = (1_000, 3_000)
"""A client comes back after a time from this range, at random, so that a fleet does not come back in step."""

COMMENT_INTERVAL_S = 15.0
COMMENT = b":\n\n"

_T_START = len(b'{"t":"')


class SseWire:
    """Events of a stream."""

    def frame(self, payload: bytes, cursor: str | None = None) -> bytes:
        """One event. Every message begins with its `t`."""
        name = payload[_T_START : payload.index(b'"', _T_START)]
        if cursor is None:
            return b"event: %b\ndata: %b\n\n" % (name, payload)
        return b"event: %b\ndata: %b\nid: %b\n\n" % (name, payload, cursor.encode())


WIRE = SseWire()


class SseConnection(DeviceConnection):
    """One device's event stream. An Outlet."""

    __slots__ = ()

    def __init__(self, front: Front, transport: asyncio.Transport, wish: Subscribe, grant: Grant | None = None) -> None:
        super().__init__(front, transport, WIRE)
        self.write(b"retry: %d\n" % random.randint(*RETRY_MS))
        moment_ms = now_ms()
        self._device = front.shard.sessions.connect(self, moment_ms, grant)
        front.shard.sessions.handle(self._device, wish, moment_ms)
        front.pulse.devices_moved()

    def comment(self) -> None:
        """Keeps proxies from taking a quiet stream for a dead one."""
        if not self._device.is_full():
            self.write(COMMENT)

    def close(self, close: Close) -> None:
        """The response ends; EventSource then comes back by itself."""
        del close
        self._transport.close()
        self._front.cut_off_later(self._transport)

    def data_received(self, data: bytes) -> None:
        """A device has nothing more to say: ignored."""
