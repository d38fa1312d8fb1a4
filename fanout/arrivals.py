"""Streams that begin, a few between two turns of the event loop: thousands may ask at once, as after an outage.

Each is asked for admission when its turn comes, by what the shard is like then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

ARRIVALS_A_TURN = 32
"""About 5 ms, with welcome and the first chunk of an image."""


class Arrivals:
    """Who waits to begin, in order of coming. There are never more than sockets that are open."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, begin: Callable[[], None]) -> None:
        """One more, called in its turn."""
        self._waiting.append(begin)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        for begin in [self._waiting.popleft() for _ in range(min(len(self._waiting), ARRIVALS_A_TURN))]:
            begin()
        if self._waiting:
            self._loop.call_soon(self._turn)
