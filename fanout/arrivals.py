"""What devices ask, a few milliseconds of it between two turns of the event loop: thousands may come at once, as after
an outage, and whoever is there already is not to wait for them.

A stream that begins always has its turn here, and is asked for admission then, by what the shard is like then. What a
device says is answered at once, unless others wait or this turn's time is spent.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

TURN_S = 0.005
"""As much again as two turns of writing take (fanout/pulse.py)."""


class Arrivals:
    """Who waits for a turn, in order of coming. There are never more than sockets that are open, and one each."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.perf_counter) -> None:
        self._loop = loop
        self._clock = clock
        self._waiting: deque[Callable[[], None]] = deque()
        self._spent_s = 0.0

    def take(self, work: Callable[[], None]) -> bool:
        """Does it now, or in its turn. Gives whether it was done."""
        if self._waiting or self._spent_s >= TURN_S:
            self.add(work)
            return False
        self._do(work)
        return True

    def add(self, work: Callable[[], None]) -> None:
        """One more, done in its turn."""
        self._waiting.append(work)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        try:
            while self._waiting and self._spent_s < TURN_S:
                self._do(self._waiting.popleft())
        finally:
            if self._waiting:
                self._loop.call_soon(self._turn)

    def _do(self, work: Callable[[], None]) -> None:
        if not self._spent_s:
            self._loop.call_soon(self._begin_turn)
        began_s = self._clock()
        try:
            work()
        finally:
            self._spent_s += self._clock() - began_s

    def _begin_turn(self) -> None:
        self._spent_s = 0.0
