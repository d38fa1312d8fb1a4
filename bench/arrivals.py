"""What comes by itself: begun when it is due, at random moments, whatever became of what was begun before.

Whoever times something times it from when it was due, so a server that stalls is charged with everything that came
meanwhile (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

UNDER_WAY_MAX = 5_000
"""Of one kind; what would be more is not begun and counts as lost."""

Act = Callable[[float], Awaitable[None]]
"""Does one of them, and is told when it was due (of the loop's clock)."""


class Arrivals:
    """Of one kind, in a group that fails where one of them does. `due` counts all, `lost` those never begun."""

    def __init__(self, group: asyncio.TaskGroup, act: Act, *, seed: int) -> None:
        self.due = 0
        self.lost = 0
        self._group = group
        self._act = act
        self._dice = random.Random(seed)
        self._under_way: set[asyncio.Task[None]] = set()

    async def come(self, per_s: float, seconds: float) -> int:
        """So many a second on average (a Poisson process), for so long. Gives how many came due."""
        loop = asyncio.get_running_loop()
        before, ends_s = self.due, loop.time() + seconds
        due_s = loop.time() + self._dice.expovariate(per_s)
        while due_s < ends_s:
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            while due_s <= min(loop.time(), ends_s):
                self._begin(due_s)
                due_s += self._dice.expovariate(per_s)
        await asyncio.sleep(max(0.0, ends_s - loop.time()))
        return self.due - before

    async def finished(self) -> None:
        """All that were begun are done."""
        while self._under_way:
            await asyncio.wait(tuple(self._under_way))

    def _begin(self, due_s: float) -> None:
        self.due += 1
        if len(self._under_way) >= UNDER_WAY_MAX:
            self.lost += 1
            return
        task = self._group.create_task(self._do(due_s))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _do(self, due_s: float) -> None:
        await self._act(due_s)
