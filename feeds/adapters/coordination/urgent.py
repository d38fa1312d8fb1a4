"""Single operations that must not wait for a batch, through a small pool of threads. It must never block the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from feeds.contract.coordination import InDoubt, Unavailable

T = TypeVar("T")


class UrgentPool:
    """Threads for calls that block. Beyond `waiting` calls at once it refuses: Unavailable."""

    def __init__(self, name: str, *, threads: int = 4, waiting: int = 256, deadline_s: float = 2.0) -> None:
        self._name = name
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting = waiting
        self._deadline_s = deadline_s
        self._asked = 0
        self._closed = False
        self._counting = threading.Lock()

    async def call(self, function: Callable[[], T], *, changes: bool) -> T:
        """What it returns or raises. After the deadline: Unavailable where no thread took it, and none will; where one
        did, InDoubt if the call `changes` something."""
        if self._closed:
            raise Unavailable(f"{self._name}: closed")
        if self._asked >= self._waiting:
            raise Unavailable(f"{self._name}: {self._asked} calls wait already")
        with self._counting:
            self._asked += 1
        call = self._pool.submit(function)
        call.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await asyncio.wrap_future(call)
        except TimeoutError:
            text = f"{self._name}: no answer within {self._deadline_s:g} s"
            raise (Unavailable(text) if call.cancelled() or not changes else InDoubt(text)) from None

    def close(self) -> None:
        """Calls that no thread has taken are never made; those under way are waited for, so this blocks."""
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    def _ended(self, _call: object) -> None:
        with self._counting:
            self._asked -= 1
