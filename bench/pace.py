"""Updates evenly spread in time: when which is due, however late one wakes up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

_STEP_S = 0.0005


async def paced(per_s: int) -> AsyncIterator[range]:
    """The numbers of the updates that have come due, endlessly, each once; several together only where one is late."""
    loop = asyncio.get_running_loop()
    began_s, number = loop.time(), 0
    while True:
        due = int((loop.time() - began_s) * per_s)
        if due > number:
            yield range(number, due)
            number = due
        await asyncio.sleep(max(_STEP_S, began_s + (number + 1) / per_s - loop.time()))
