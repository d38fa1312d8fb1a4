"""A rolling restart of every process of a stack: one at a time, the next when the last serves again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bench.chaos.stack import Stack
from bench.scenario import Tell

SETTLE_S = 1.0
"""Between one that serves again and the next, at least: caches are warm and devices are spread again."""


async def restart_all(stack: Stack, names: Sequence[str], seconds: float, tell: Tell) -> dict[str, float]:
    """Ends and starts each, spread over so many seconds; gives after how long each served again."""
    loop = asyncio.get_running_loop()
    began_s, took_s = loop.time(), {}
    for number, name in enumerate(names):
        await asyncio.sleep(max(SETTLE_S, began_s + seconds * number / len(names) - loop.time()))
        part, from_s = stack.parts[name], loop.time()
        await part.end()
        part.let_run()
        await part.ready()
        took_s[name] = loop.time() - from_s
        tell(f"{name} serves again after {took_s[name]:.1f} s")
    return took_s
