"""The project's own asyncio client under Locust: one event loop in a real thread, for all users of a process.

Locust runs its users on gevent, which has changed sockets, threads and selectors of the standard library. uvloop uses
none of those, so asyncio runs beside it in a thread that gevent did not make. Between the two goes nothing but two
queues: coroutines in, what they tell out, which is counted by a greenlet. A user waits for its coroutine by looking, a
few times a second, so it costs gevent nothing while it streams; latencies are taken in the loop and do not wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, Generic, TypeVar

import gevent
import uvloop
from gevent import monkey

T = TypeVar("T")

LOOK_S = 0.05
TOLD_MAX = 100_000
"""What is told and not yet counted; beyond it the oldest is lost: a process that full measures itself."""


class Pending(Generic[T]):
    """What will come of a coroutine."""

    def __init__(self) -> None:
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None


class ClientLoop:
    """The loop and its thread, which ends with the process."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._told: deque[Callable[[], None]] = deque(maxlen=TOLD_MAX)
        self._kept: set[asyncio.Task[None]] = set()
        start: Any = monkey.get_original("_thread", "start_new_thread")
        start(self._loop.run_forever, ())
        gevent.spawn(self._count)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What it gives; this greenlet alone waits. Raises what it raises."""
        pending: Pending[T] = Pending()
        self._loop.call_soon_threadsafe(self._begin, coroutine, pending)
        while not pending.done:
            gevent.sleep(LOOK_S)
        if pending.error is not None:
            raise pending.error
        return pending.value  # type: ignore[return-value]  # it is done, so that is its value

    def tell(self, counted: Callable[[], None]) -> None:
        """From within the loop: has this called where Locust counts."""
        self._told.append(counted)

    def _begin(self, coroutine: Coroutine[Any, Any, T], pending: Pending[T]) -> None:
        async def kept() -> None:
            try:
                pending.value = await coroutine
            except BaseException as error:  # noqa: BLE001 it is raised again where it is waited for
                pending.error = error
            pending.done = True

        task = self._loop.create_task(kept())
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    def _count(self) -> None:
        while True:
            while self._told:
                self._told.popleft()()
            gevent.sleep(LOOK_S)


@cache
def client_loop() -> ClientLoop:
    """That of this process."""
    return ClientLoop()
