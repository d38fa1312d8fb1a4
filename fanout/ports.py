"""The port between the pure shard and a device's connection. The shells ws.py and sse.py stand behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fanout.contract.closing import Close


class Wire(Protocol):
    """A way of framing: one object for all connections of its kind, so that a frame is made once for all of them."""

    def frame(self, payload: bytes, cursor: str | None = None) -> bytes:
        """The bytes on the socket for one JSON message. `cursor` is what the message carries, where it does."""


Send = Callable[[bytes], int]
"""`Outlet.send`, without its outlet."""


class Outlet(Protocol):
    """One device's connection, as the shard sees it. No call waits; none fails but `send`.

    `send` is for who is not full, whose frames are all with the kernel. What it leaves over goes to `write`. `place`
    belongs to the cohort that the outlet is a member of.
    """

    wire: Wire
    place: int

    def send(self, frame: bytes, /) -> int:
        """How many bytes of the frame the kernel took. Raises OSError where it took none."""

    def write(self, data: bytes) -> None:
        """Bytes made by this outlet's wire. What the kernel does not take waits, and the socket is reported full."""

    def close(self, close: Close) -> None:
        """Say why and end the connection; what was written before is flushed for a while."""
