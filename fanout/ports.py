"""The port between the pure shard and a device's connection. The shells ws.py and sse.py stand behind it."""

from __future__ import annotations

from typing import Protocol

from fanout.contract.closing import Close


class Wire(Protocol):
    """A way of framing: one object for all connections of its kind, so that a frame is made once for all of them."""

    def frame(self, payload: bytes, cursor: str | None = None) -> bytes:
        """The bytes on the socket for one JSON message. `cursor` is what the message carries, where it does."""


class Outlet(Protocol):
    """One device's connection, as the shard sees it. No call waits, none fails."""

    wire: Wire

    def write(self, frame: bytes) -> None:
        """Bytes made by this outlet's wire. May report at once, or later, that the socket is full."""

    def close(self, close: Close) -> None:
        """Say why and end the connection; what was written before is flushed for a while."""
