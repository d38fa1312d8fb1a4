"""Bets over HTTP at a rate, beside something else."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import AsyncIterator

from bench.betting import Betting
from bench.bettor import Broken, Caller
from bench.latency import Latency
from bench.pace import paced
from bench.scenario import CannotMeasure

_TIMEOUT_S = 10.0


class Placing:
    """By users at random, until it is told to end. `refused` counts what was not placed."""

    def __init__(self, betting: Betting, accounts: list[str], per_s: int) -> None:
        self._betting = betting
        [self._port] = betting.workers
        self._accounts = accounts
        self._per_s = per_s
        self._dice = random.Random(12)
        self._number = 0
        self._idle: deque[Caller] = deque()
        self.refused = 0

    @contextlib.asynccontextmanager
    async def beside(self) -> AsyncIterator[Latency]:
        """Goes on until the block ends; gives the latencies, complete afterwards. Raises CannotMeasure if none came."""
        latency = Latency()
        going = asyncio.create_task(self._go_on(latency))
        try:
            yield latency
        finally:
            going.cancel()
            await asyncio.wait((going,))
        if not len(latency):
            raise CannotMeasure("no bet was placed")

    async def _go_on(self, latency: Latency) -> None:
        async with asyncio.TaskGroup() as group:
            async for numbers in paced(self._per_s):
                for _ in numbers:
                    group.create_task(self._place(latency, time.perf_counter()))

    async def _place(self, latency: Latency, begun_s: float) -> None:
        self._number += 1
        asked = self._betting.bet(self._dice.choice(self._accounts), f"resettle-key-{self._number:012d}")
        caller = self._idle.popleft() if self._idle else Caller(self._port, _TIMEOUT_S)
        try:
            heard = await caller.ask(asked)
        except Broken:
            self.refused += 1
            return
        latency.record_us(int((time.perf_counter() - begun_s) * 1e6))
        self._idle.append(caller)
        self.refused += heard.status != 201
