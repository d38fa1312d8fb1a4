"""Admission to the database by how long one waits for it: who would wait too long is refused at once.

So many statements at once as there are connections; the others wait in the order they came. A queue that does not get
shorter than its bound costs nobody more than the bound: that is what keeps a storm from becoming an outage.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.money.refusals import MoneyRefused

_SMOOTHING = 0.05
_RETRY_AFTER_S_MAX = 3


class Gate:
    """`slots`: statements at once. `queue_s_max`: longest wait. `clock` gives seconds."""

    def __init__(self, slots: int, queue_s_max: float, clock: Callable[[], float]) -> None:
        self._free = slots
        self._slots = slots
        self._queue_s_max = queue_s_max
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._took_s = 0.0
        self.passed = 0
        self.shed = 0

    @property
    def expected_s(self) -> float:
        """How long who comes now would wait."""
        return 0.0 if self._free else self._took_s * (len(self._waiting) + 1) / self._slots

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One statement's turn. Raises MoneyRefused("overloaded")."""
        await self._enter()
        self.passed += 1
        began_s = self._clock()
        try:
            yield
        finally:
            self._took_s += _SMOOTHING * (self._clock() - began_s - self._took_s)
            self._leave()

    async def _enter(self) -> None:
        if self._free:
            self._free -= 1
            return
        if self.expected_s > self._queue_s_max:
            raise self._overloaded()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._queue_s_max):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave()  # it came at the same moment
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise self._overloaded() from None
            raise

    def _leave(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _overloaded(self) -> MoneyRefused:
        self.shed += 1
        retry_after_s = random.randint(1, _RETRY_AFTER_S_MAX)
        return MoneyRefused("overloaded", "nothing was done", retry_after_s=retry_after_s)
