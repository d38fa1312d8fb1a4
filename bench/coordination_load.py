"""Load on a backend of coordination from this process: claims and reads at full speed, and single claims at rest."""

from __future__ import annotations

import asyncio
import gc
import secrets
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from bench.latency import Latency
from bench.result import Reading
from feeds.contract.coordination import Coordination, Unavailable

TTL_S = 120
VALUE = b"a claimant, and what it was told"
PAUSE_S = 0.01
"""Between two claims at rest."""

POOL_THREADS = 8
"""Of the plain thread pool that the coalescer is held against."""

Operation = Callable[[str], Awaitable[object]]


async def figures_of(
    name: str, coordination: Coordination, *, operations: int, tasks: int, singles: int
) -> dict[str, Reading]:
    """`NAME_claims`, `NAME_gets` a second, and the latency of a single claim, `NAME_claim_*_ms`."""
    run = secrets.token_hex(6)

    async def claim(key: str) -> object:
        return await coordination.claim(key, VALUE, ttl_s=TTL_S)

    figures = {
        f"{name}_claims": await rate(claim, run, operations, tasks),
        f"{name}_gets": await rate(coordination.answer, run, operations, tasks),
    }
    latency = Latency()
    for number in range(singles):
        began = time.perf_counter()
        await claim(f"{run}/single/{number}")
        latency.record_us(round((time.perf_counter() - began) * 1e6))
        await asyncio.sleep(PAUSE_S)
    return figures | latency.figures(f"{name}_claim")


async def rate(operation: Operation, run: str, operations: int, tasks: int) -> Reading:
    """Operations on as many keys, from so many tasks at once."""
    numbers = iter(range(operations))

    async def worker() -> None:
        for number in numbers:
            await operation(f"{run}/{number}")

    gc.collect()
    gc.freeze()  # as the shard and the gateway do with what they hold when they are ready
    try:
        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(tasks)))
        return Reading(operations / (time.perf_counter() - began), "/s")
    finally:
        gc.unfreeze()


async def pool_figures(client: Any, namespace: str, *, operations: int, tasks: int) -> dict[str, Reading]:
    """The same claims and reads as single calls of the client by a plain thread pool: `pool_claims`, `pool_gets`."""
    loop, run = asyncio.get_running_loop(), secrets.token_hex(6)
    policy = {"exists": 1, "ttl": TTL_S}  # aerospike.POLICY_EXISTS_CREATE

    def key_of(key: str) -> tuple[str, str, str]:
        return (namespace, "claim", key)

    with ThreadPoolExecutor(POOL_THREADS) as pool:

        async def claim(key: str) -> object:
            put = partial(client.put, key_of(key), {"v": VALUE, "t": 1}, policy=policy)
            return await loop.run_in_executor(pool, put)

        async def get(key: str) -> object:
            return await loop.run_in_executor(pool, client.get, key_of(key))

        return {
            "pool_claims": await rate(claim, run, operations, tasks),
            "pool_gets": await rate(get, run, operations, tasks),
        }


async def answers(coordination: Coordination, *, within_s: float) -> None:
    """Waits until it takes claims. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                await coordination.claim(f"ready/{secrets.token_hex(6)}", b"", ttl_s=TTL_S)
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return
