"""`python -m bench.bare_writes SOCKETS BYTES SECONDS READERS`: what the same writes cost where nothing else is done.

A loop of `send(2)` over as many sockets as a shard has, in an order that no cache knows, as fast as it goes: no program
that serves them with one write each can be faster on this core. Who reads is another process, on the cores READERS, and
reads as the swarm does (bench/swarm.py). Says microseconds of the core a write.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence

from bench.swarm import READ_INTERVAL_S, READ_SLICES, allow_files, source_socket

_UNREAD_BYTES_MAX = 32_768
"""Of one socket: that much fits into its buffers, however small they begin."""

_READ_BYTES = 262_144
_CONNECT_S = 10.0


def measure(sends: Sequence[Callable[[bytes], int]], frame: bytes, *, seconds: float) -> float:
    """Microseconds a write, everything that the core did meanwhile included. Few sockets get it in bursts, so that none
    is ever full. Raises BlockingIOError."""
    rounds_max = max(1, _UNREAD_BYTES_MAX // len(frame))
    writes, busy_s, ends_s = 0, 0.0, time.perf_counter() + seconds
    while time.perf_counter() < ends_s:
        began_s = time.perf_counter()
        for _ in range(rounds_max):
            for send in sends:
                send(frame)
            writes += len(sends)
            if time.perf_counter() >= ends_s:
                break
        busy_s += time.perf_counter() - began_s
        time.sleep(1.5 * READ_INTERVAL_S)
    return busy_s / writes * 1e6


def _read(address: tuple[str, int], count: int) -> None:
    """Connects so many, then reads them all from time to time, until it is ended."""
    sockets = []
    for number in range(count):
        own = source_socket(number)
        own.setblocking(True)
        own.connect(address)
        own.setblocking(False)
        sockets.append(own)
    buffer = bytearray(_READ_BYTES)
    while True:
        for part in range(READ_SLICES):
            for own in sockets[part::READ_SLICES]:
                try:
                    own.recv_into(buffer)
                except BlockingIOError:
                    continue
            time.sleep(READ_INTERVAL_S / READ_SLICES)


def main() -> None:
    """Lets another process connect and read, and writes. Raises CannotMeasure, OSError."""
    count, size, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    allow_files(count)
    writing = []
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.settimeout(_CONNECT_S)
        reader = os.fork()
        if not reader:
            os.sched_setaffinity(0, [int(core) for core in sys.argv[4].split(",")])
            _read(listening.getsockname(), count)
        try:
            for _ in range(count):
                accepted, _ = listening.accept()
                accepted.setblocking(False)
                writing.append(accepted)
            random.Random(1).shuffle(writing)
            print(measure([own.send for own in writing], b"\x81" + bytes(size - 1), seconds=seconds))
        finally:
            os.kill(reader, signal.SIGKILL)
            os.waitpid(reader, 0)


if __name__ == "__main__":
    main()
