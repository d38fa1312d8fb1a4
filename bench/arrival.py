"""When bytes arrived, by the kernel: what is measured is the shard, not how busy the process is that plays the devices.

The kernel stamps what comes at a socket (SO_TIMESTAMPNS, socket(7)). Of several segments that are read at once it gives
the last one's time, so little is read at a time, and what is told is never too early.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

_SO_TIMESTAMPNS = 35  # Linux; the socket module names it from Python 3.15 on
_TIMESPEC = struct.Struct("@qq")
_CONTROL_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
_READ_BYTES = 1_024
_READS_A_TURN = 64


class StampedReader:
    """Reads a socket that an asyncio transport owns and has paused, until `close`.

    `take` gets the bytes with their arrival, Unix ns; `ended` is called when the other side is gone.
    """

    def __init__(self, own: socket.socket, take: Callable[[bytes, int], None], ended: Callable[[], None]) -> None:
        own.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._loop = asyncio.get_running_loop()
        self._socket = own.dup()  # the loop lets nobody else watch a transport's own descriptor
        self._take = take
        self._ended = ended
        self._loop.add_reader(self._socket.fileno(), self._read)

    def close(self) -> None:
        """Nothing more is read."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _read(self) -> None:
        for _ in range(_READS_A_TURN):
            try:
                data, control, _, _ = self._socket.recvmsg(_READ_BYTES, _CONTROL_BYTES)
            except BlockingIOError:
                return
            except ConnectionError:
                data, control = b"", []
            if not data:
                self._loop.remove_reader(self._socket.fileno())
                self._ended()
                return
            self._take(data, _stamp_ns(control))
            if self._socket.fileno() < 0:
                return


def _stamp_ns(control: list[tuple[int, int, bytes]]) -> int:
    """Raises ValueError where the kernel gave none."""
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    raise ValueError("the kernel did not say when this arrived")
