"""Devices of some of those who bet: how long after a result they hear what became of their bets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Self

from bench.latency import Latency
from bench.line import free_port, shard_program
from bench.listeners import Listeners
from bench.processes import Program, running
from bench.swarm import Address
from fanout.contract.tickets import parse_keys
from gateway.store.settings import DatabaseSettings

KEYS = "bench:" + "k" * 32
_SETTINGS = {"ODDSWIRE_FANOUT_TICKET_KEYS": KEYS, "ODDSWIRE_FANOUT_ADMISSION_LAG_MS": "60000"}
_LAST_S = 2.0
"""What was committed is heard within this."""

_PATIENCE_S = 30.0


class Hearing:
    """One shard, who tells it, and a device for each of some accounts."""

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, nats_url: str, database: DatabaseSettings, accounts: Sequence[str], cores: Collection[int]
    ) -> AsyncIterator[Self]:
        """All of them connected."""
        port, listeners = free_port(), Listeners()
        shard = shard_program(nats_url, port, len(accounts), settings=_SETTINGS)
        where = ("--nats", nats_url, "--database", database.url.get_secret_value())
        news = Program("news", ("-m", "gateway", "news", *where), "^news ready$", {"ODDSWIRE_NEWS_LOG_LEVEL": "error"})
        async with (
            running(shard, cores),
            running(news, cores),
            listeners.listening(accounts, Address("127.0.0.1", port), parse_keys(KEYS)),
        ):
            yield cls(listeners)

    @property
    def holes(self) -> int:
        """News that did not follow on."""
        return self._listeners.holes

    @contextlib.asynccontextmanager
    async def since_now(self) -> AsyncIterator[Latency]:
        """From now to each piece of news about settled bets; complete after the block."""
        latency = self._listeners.settled_since(time.time())
        yield latency
        await asyncio.sleep(_LAST_S)

    @contextlib.asynccontextmanager
    async def one(self, latency: Latency) -> AsyncIterator[None]:
        """From the begin of the block to the one piece of news of it, which is waited for."""
        begun_s = time.time()
        heard = self._listeners.settled_since(begun_s)
        yield
        async with asyncio.timeout(_PATIENCE_S):
            while not len(heard):  # noqa: ASYNC110 it comes by itself
                await asyncio.sleep(0.001)
        latency.record_us(round(heard.quantile_ms(100) * 1000))
