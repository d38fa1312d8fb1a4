"""Many seeds, over all cores: in batches, each in a process of its own, in any order, as seeds have nothing to do with
each other."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from bench.simulation import worlds

BATCH = 10


class Ran(NamedTuple):
    """A batch of one world: how many seeds ran, and the words of those that failed, by seed."""

    name: worlds.Name
    seeds: int
    failed: dict[int, str]


def run_batch(name: worlds.Name, seeds: Sequence[int]) -> Ran:
    """Runs them all."""
    failed = {}
    for seed in seeds:
        try:
            worlds.run(name, seed)
        except worlds.Failed as failure:
            failed[seed] = str(failure)
    return Ran(name, len(seeds), failed)


async def run_many(names: Sequence[worlds.Name], seeds: Sequence[int], cores: int) -> AsyncIterator[Ran]:
    """Every seed in every world. Batches come as they are done."""
    spawn = multiprocessing.get_context("spawn")  # a fork would share our loop's descriptors
    pool = ProcessPoolExecutor(cores, mp_context=spawn, initializer=_begin)
    loop = asyncio.get_running_loop()
    try:
        batches = [
            loop.run_in_executor(pool, run_batch, name, seeds[at : at + BATCH])
            for at in range(0, len(seeds), BATCH)
            for name in names
        ]
        for batch in asyncio.as_completed(batches):
            yield await batch
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """A world is small and soon gone: the collector would walk everything imported, again and again."""
    gc.freeze()
