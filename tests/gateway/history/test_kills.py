"""The archive through kill -9 of the archiver, of NATS and of PostgreSQL at random moments: no hole, nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer, free_port
from gateway.store.binaries import Binaries
from gateway.store.child import PostgresServer
from gateway.store.migrations import migrate
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings
from tests.bus import LANES, HandFed, event, feeding, market
from tests.gateway.conftest import kinds
from tests.gateway.history.archiving import equals_log

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

EVENTS = 6


class Archiver:
    """`python -m gateway archive` as a process that is killed and started again."""

    def __init__(self, nats_url: str, database_url: str) -> None:
        self._environment = os.environ | {
            "ODDSWIRE_LANES": str(LANES),
            "ODDSWIRE_LOG_AGE_S": "3600",
            "ODDSWIRE_NATS_URL": nats_url,
            "ODDSWIRE_DATABASE_URL": database_url,
            "ODDSWIRE_HISTORY_GATHER_S": "0.02",
            "ODDSWIRE_HISTORY_LOG_LEVEL": "error",
        }
        self._process: Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "archive", env=self._environment, stdout=DEVNULL
        )

    async def kill(self) -> None:
        assert self._process is not None
        assert self._process.returncode is None, "it ended by itself"
        self._process.kill()
        await self._process.wait()

    async def restart(self) -> None:
        await self.kill()
        await self.start()


@asynccontextmanager
async def prices(provider: HandFed) -> AsyncIterator[None]:
    """Markets change all the time, some of them without any change."""

    async def change() -> None:
        ts = 1
        while True:
            ts += 1
            states = [market(f"M{number}", f"E{number}", ts=ts) for number in random.sample(range(EVENTS), 3)]
            provider.put(*states, *states[:1])
            await asyncio.sleep(0.002)

    running = asyncio.create_task(change())
    try:
        yield
    finally:
        running.cancel()


async def rounds(count: int, nats: NatsServer, postgres: PostgresServer, *, seed: int) -> None:
    dice = random.Random(seed)
    known = [made for number in range(EVENTS) for made in (event(f"E{number}"), market(f"M{number}", f"E{number}"))]
    provider = HandFed(known)
    archiver = Archiver(nats.url, postgres.url)
    async with Connection(nats.url, name="test") as connection, feeding(connection, provider):
        await archiver.start()
        try:
            async with prices(provider):
                for _ in range(count):
                    victim = dice.choice((archiver, nats, postgres))
                    await asyncio.sleep(dice.uniform(0.05, 1.5))
                    async with asyncio.timeout(30):
                        await victim.restart()
            settings = DatabaseSettings(url=SecretStr(postgres.url))
            await migrate(settings)  # the archiver may have been killed before it did
            async with open_database(settings) as database:
                changes = await equals_log(database, connection, within_s=60.0)
            assert changes > 10 * count
        finally:
            await archiver.kill()


@asynccontextmanager
async def a_postgres(directory: Path, kind: Binaries) -> AsyncIterator[PostgresServer]:
    async with PostgresServer(directory=directory / "pg", port=free_port(), among=[kind]) as server:
        yield server


@pytest.mark.parametrize("kind", sorted(kinds()))
async def test_three_kills(kind: str, tmp_path: Path, nats_server: NatsServer) -> None:
    async with a_postgres(tmp_path, kinds()[kind]) as postgres:
        await rounds(3, nats_server, postgres, seed=3)


@pytest.mark.proof
@pytest.mark.parametrize("kind", sorted(kinds()))
async def test_twenty_kills(kind: str, tmp_path: Path, nats_server: NatsServer) -> None:
    async with a_postgres(tmp_path, kinds()[kind]) as postgres:
        await rounds(20, nats_server, postgres, seed=random.randrange(1_000_000))
