"""The device's side of a WebSocket, as cheap as it can be: frames are walked by their heads, never read. Pure.

What a device says is made by `websockets`, once for all who say the same: the masking key protects proxies, not us.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

_START = 125
"""So much of a payload is looked at: the whole of a control frame (RFC 6455 section 5.5), the beginning of another."""

_MEDIUM = 126

_CURSOR = b'"cursor":"'

TEXT, CLOSE, PING = int(Opcode.TEXT), int(Opcode.CLOSE), int(Opcode.PING)


def handshake(url: str) -> bytes:
    """A request to upgrade, good for any number of connections."""
    return ClientProtocol(parse_uri(url)).connect().serialize()


def message(opcode: Opcode, payload: bytes) -> bytes:
    """A whole masked frame, as a device sends it."""
    return Frame(opcode, payload).serialize(mask=True)


def subscribe(topics: Sequence[str], conflate_ms: int, cursor: str | None = None, *, op: int = 1) -> bytes:
    """The subscribe to some topics, from a cursor or from nothing, as a frame."""
    said = {"op": "subscribe", "id": op, "topics": list(topics), "conflate_ms": conflate_ms, "cursor": cursor}
    return message(Opcode.TEXT, orjson.dumps(said))


def last_cursor(data: bytes) -> str | None:
    """The last cursor that stands whole in what came; None where there is none."""
    start = data.rfind(_CURSOR)
    while start >= 0:
        end = data.find(b'"', start + len(_CURSOR))
        if end >= 0:
            return data[start + len(_CURSOR) : end].decode()
        start = data.rfind(_CURSOR, 0, start)
    return None


def whole_frames(data: bytearray) -> list[tuple[int, bytes]]:
    """Opcode and payload of every unmasked frame that stands whole at the beginning; takes them away from there."""
    found, at = [], 0
    while True:
        start, size = _head(data, at)
        if start < 0 or len(data) < start + size:
            break
        found.append((data[at] & 15, bytes(data[start : start + size])))
        at = start + size
    del data[:at]
    return found


class FrameWalker:
    """Walks the frames of one connection, however TCP cuts them."""

    __slots__ = ("_part", "_skip")

    def __init__(self) -> None:
        self._part = b""
        self._skip = 0

    def walk(self, data: bytes) -> list[tuple[int, bytes]]:
        """Opcode and beginning of the payload of every frame whose beginning has now come whole."""
        if self._part:
            data, self._part = self._part + data, b""
        at, end = self._skip, len(data)
        found = []
        while at < end:
            start, size = _head(data, at)
            if start < 0 or end < start + min(size, _START):
                self._part, at = data[at:], end
                break
            found.append((data[at] & 15, data[start : start + min(size, _START)]))
            at = start + size
        self._skip = at - end
        return found


def _head(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Where the payload of the unmasked frame at `at` starts, and its size; (-1, 0) if its head is not whole yet."""
    end = len(data)
    if end < at + 2:
        return -1, 0
    size = data[at + 1]
    if size < _MEDIUM:
        return at + 2, size
    if size == _MEDIUM:
        return (at + 4, int.from_bytes(data[at + 2 : at + 4])) if end >= at + 4 else (-1, 0)
    return (at + 10, int.from_bytes(data[at + 2 : at + 10])) if end >= at + 10 else (-1, 0)
