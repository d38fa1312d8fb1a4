"""Wires `news` and runs it: here the outbox meets NATS and the shards."""

from __future__ import annotations

import asyncio

from prometheus_client import start_http_server

from feeds.adapters import process
from feeds.adapters.coordination.opening import check_coordination, coordinating
from feeds.adapters.nats.asking import NobodyAnswers, listening, tell
from feeds.adapters.nats.connection import Connection
from feeds.contract.coordination import Coordination
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import NEWS_ASKED_SUBJECT
from gateway.news.answering import Answering
from gateway.news.metrics import NewsMetrics
from gateway.news.ports import Away
from gateway.news.relay import Relay
from gateway.news.revocations import Revoking
from gateway.news.settings import NewsSettings
from gateway.news.tables import NewsTables
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from gateway.store.waiting import until_migrated

GROUP = "news"
"""Of those who answer one does."""

_BY_INDEX = {"enable_seqscan": "off", "plan_cache_mode": "force_custom_plan"}
"""Everything here is found by an index; which one depends on the snapshot that is asked about."""


class NatsBus:
    """A gateway.news.ports.Bus."""

    def __init__(self, connection: Connection) -> None:
        self.losses = 0
        self._connection = connection
        self._there = asyncio.Event()
        connection.listen(self._turned)
        self._turned(connected=connection.connected)

    async def connected(self) -> None:
        """See Bus."""
        await self._there.wait()

    async def publish(self, subject: str, data: bytes) -> None:
        """See Bus."""
        try:
            await tell(self._connection, subject, data)
        except NobodyAnswers as error:
            raise Away(str(error)) from error

    def _turned(self, connected: bool) -> None:
        if connected:
            self._there.set()
        else:
            self.losses += 1
            self._there.clear()


async def news(bus: BusSettings, database: DatabaseSettings, settings: NewsSettings) -> int:
    """Tells news until SIGTERM or SIGINT. Raises MigrationRefused. Gives the exit status."""
    check_coordination(bus)
    metrics = NewsMetrics()
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr="127.0.0.1", registry=metrics.registry)
    working = asyncio.create_task(_work(bus, database, settings, metrics))
    signalled = asyncio.create_task(process.until_signalled())
    await asyncio.wait((working, signalled), return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
        return 0
    working.result()
    return 0


async def _work(bus: BusSettings, database: DatabaseSettings, settings: NewsSettings, metrics: NewsMetrics) -> None:
    await until_migrated(database)
    limits = {"connections": settings.connections, "statement_timeout_s": settings.statement_timeout_s}
    limited = database.model_copy(update=limits)
    connection = Connection(bus.nats_url, name="news")
    async with (
        open_database(limited, _BY_INDEX, stateless=True) as pool,
        coordinating(bus, connection) as coordination,
        connection,
    ):
        await tell_news(pool, connection, coordination, settings, metrics)


async def tell_news(
    pool: Database, connection: Connection, coordination: Coordination, settings: NewsSettings, metrics: NewsMetrics
) -> None:
    """Relay, answers, revocations, until cancelled."""
    tables, bus = NewsTables(pool), NatsBus(connection)
    answering = Answering(tables, settings, metrics)
    revoking = Revoking(pool, coordination, bus, metrics, every_s=settings.revocations_ms / 1000)
    async with listening(connection, NEWS_ASKED_SUBJECT, answering.hear, group=GROUP), asyncio.TaskGroup() as group:
        group.create_task(Relay(tables, bus, settings, metrics).run(), name="relay")
        group.create_task(revoking.run(), name="revocations")
        group.create_task(connection.ended(), name="connection")
        print("news ready", flush=True)
