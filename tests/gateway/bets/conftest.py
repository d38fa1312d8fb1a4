"""Fixtures of bets: a migrated database, the newer PostgreSQL; and one worker over it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.money.audit import audit
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import Worker, money_pool


@pytest.fixture
async def money(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A pool on a migrated database, of which the ledger must be clean at the end of every test."""
    await migrate(settings)
    async with money_pool(settings) as database:
        yield database
        found = await audit(database, print)
        assert found.clean, found.differences


@pytest.fixture
async def worker(money: Database) -> AsyncIterator[Worker]:
    """A worker and its client."""
    made = Worker(money)
    async with made.client:
        yield made
        await made.service.once.finish()
