"""How fast bets are settled, where that is told."""

from __future__ import annotations

import asyncio


class Pace:
    """At most so many a second on the average of some batches; 0: as fast as it goes."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._next_s = 0.0

    async def spend(self, number: int) -> None:
        """So many were done; waits until the next may be."""
        if not self._per_s:
            return
        now_s = asyncio.get_running_loop().time()
        self._next_s = max(self._next_s, now_s - BURST_S) + number / self._per_s
        if self._next_s > now_s:
            await asyncio.sleep(self._next_s - now_s)


BURST_S = 0.2
"""What was not used of the pace is made up for so long."""
