"""Fixtures of settlement: a migrated database whose ledger must be clean, and agree with the results, at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.money.audit import audit
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import money_pool


@pytest.fixture
async def money(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A pool on a migrated database."""
    await migrate(settings)
    async with money_pool(settings) as database:
        yield database
        found = await audit(database, print)
        assert found.clean, found.differences
