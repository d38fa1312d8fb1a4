"""Fixtures of account news: a migrated database, a worker over it, who tells and a shard over a real nats-server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from feeds.adapters.server import NatsServer
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import Worker, money_pool
from tests.gateway.news.telling import Told, shard_of, telling


@pytest.fixture
async def money(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A pool on a migrated database."""
    await migrate(settings)
    async with money_pool(settings) as database:
        yield database


@pytest.fixture
async def told(money: Database, nats_server: NatsServer) -> AsyncIterator[Told]:
    """Who tells and a shard that listens, in this process."""
    worker = Worker(money)
    async with telling(money, nats_server.url), shard_of(nats_server.url) as server, worker.client:
        yield Told(worker, server, money)
        await worker.service.once.finish()
