"""One way of one connection: holds bytes back until they are due, then writes them as the line is just then.

Owns the delay line. What is held is bounded: beyond `HELD_BYTES_MAX` nothing more is read, and the sender's TCP waits.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Literal

from bench.faults.plan import Faults, pieces, turned

HELD_BYTES_MAX = 1 << 20
READ_BYTES = 65_536
HELD_LOOK_S = 0.01
"""Whether a line that is held has been let go is looked at this often."""

Way = Literal["up", "down"]
"""To the server, or from it."""


class Cut(Exception):
    """The stream ends here in the middle: both ends are to be reset."""


class Pipe:
    """`put` takes what came, `run` writes it when it is due, until `finish` was called and all is written."""

    def __init__(
        self, writer: asyncio.StreamWriter, faults: Callable[[], Faults], dice: random.Random, way: Way
    ) -> None:
        self._writer = writer
        self._way = way
        self._faults = faults
        self._dice = dice
        self._held: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._due_s = 0.0
        self._finished = self._cut = False
        self._moved = asyncio.Event()
        self.passed_bytes = 0
        self.writes = 0

    async def put(self, data: bytes) -> None:
        """Takes bytes; waits while too much is held."""
        while self._held_bytes >= HELD_BYTES_MAX:
            self._moved.clear()
            await self._moved.wait()
        faults = self._faults()
        late_ms = faults.delay_ms + self._dice.random() * faults.jitter_ms
        late_s = (late_ms + (self._dice.random() < faults.stalls) * faults.stall_ms) / 1000
        if self._dice.random() < faults.corrupt:
            data = turned(data, self._dice)
        self._due_s = max(self._due_s, asyncio.get_running_loop().time() + late_s)
        self._held.append((self._due_s, data))
        self._held_bytes += len(data)
        self._moved.set()

    def finish(self, *, cut: bool = False) -> None:
        """Nothing more comes. `cut`: and what came was not all of it."""
        self._finished, self._cut = True, cut
        self._moved.set()

    async def run(self) -> None:
        """Writes until all is written; then the other end gets EOF. Raises Cut instead where the stream was cut, and
        ConnectionError where the other end is gone."""
        while True:
            while not self._held:
                if self._finished:
                    await self._let_go()
                    self._end()
                    return
                self._moved.clear()
                await self._moved.wait()
            await _until(self._held[0][0])
            merge_s = self._faults().merge_ms / 1000
            if merge_s:
                await asyncio.sleep(merge_s)
            await self._let_go()
            await self._write(self._taken(merged=bool(merge_s)))

    async def _let_go(self) -> None:
        """Returns when this way is not held."""
        while self._held_now():  # noqa: ASYNC110 a schedule tells nobody that its time has come
            await asyncio.sleep(HELD_LOOK_S)

    def _held_now(self) -> bool:
        faults = self._faults()
        return faults.held_up if self._way == "up" else faults.held_down

    def _end(self) -> None:
        if self._cut:
            raise Cut
        if not self._writer.is_closing():
            self._writer.write_eof()

    def _taken(self, *, merged: bool) -> bytes:
        now_s = asyncio.get_running_loop().time()
        taken = [self._held.popleft()[1]]
        while merged and self._held and self._held[0][0] <= now_s:
            taken.append(self._held.popleft()[1])
        data = b"".join(taken)
        self._held_bytes -= len(data)
        self._moved.set()
        return data

    async def _write(self, data: bytes) -> None:
        for piece in pieces(data, self._faults().split_bytes, self._dice):
            if self._writer.is_closing():  # it was reset meanwhile; uvloop would raise RuntimeError
                raise ConnectionResetError
            self._writer.write(piece)
            self.writes += 1
            self.passed_bytes += len(piece)
            await self._writer.drain()
            bytes_per_s = self._faults().bytes_per_s
            # A turn of the loop after each piece: pieces are written for themselves.
            await asyncio.sleep(len(piece) / bytes_per_s if bytes_per_s else 0)


async def _until(due_s: float) -> None:
    wait_s = due_s - asyncio.get_running_loop().time()
    if wait_s > 0:
        await asyncio.sleep(wait_s)
