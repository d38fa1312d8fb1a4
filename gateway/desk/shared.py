"""Something that many look at and that costs something to make: made for all of them together, at most so often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """What `make` gives, at most `age_s` old. Whoever asks while it is made waits for that; what `make` raises, all of
    those hear, and the next one makes it anew."""

    def __init__(self, make: Callable[[], Awaitable[T]], *, age_s: float) -> None:
        self._make = make
        self._age_s = age_s
        self._made: tuple[float, T] | None = None
        self._making: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """It."""
        if self._made is not None and monotonic() - self._made[0] < self._age_s:
            return self._made[1]
        if self._making is None:
            self._making = asyncio.ensure_future(self._anew())
            self._making.add_done_callback(self._over)
        return await asyncio.shield(self._making)

    def forget(self) -> None:
        """It has changed: whoever asks from now on gets it anew, also where it is being made."""
        self._made = self._making = None

    async def _anew(self) -> T:
        began_s = monotonic()
        made = await self._make()
        if self._making is asyncio.current_task():
            self._made = (began_s, made)
        return made

    def _over(self, task: asyncio.Task[T]) -> None:
        if self._making is task:
            self._making = None
        if not task.cancelled():
            task.exception()  # whoever asked may be gone
