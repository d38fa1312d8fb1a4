"""Fixtures of settlement: a migrated database whose ledger must be clean, and agree with the results, at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from gateway.money.audit import audit
from gateway.settlement.recounting import recount
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import money_pool


@pytest.fixture
async def money(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A pool on a migrated database."""
    await migrate(settings)
    await without_waiting_for_the_disk(settings)
    async with money_pool(settings) as database:
        yield database
        found = await audit(database, print)
        await recount(database, found, print)
        assert found.clean, found.differences


async def without_waiting_for_the_disk(settings: DatabaseSettings) -> None:
    """What is tested is what commits hold, and when they do, not how long they last."""
    connection = await asyncpg.connect(settings.url.get_secret_value())
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await connection.close()
