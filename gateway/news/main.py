"""Wires `news` and runs it: here the outbox meets NATS and the shards."""

from __future__ import annotations

import asyncio

from feeds.adapters import probes, process
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
    metrics, readiness = NewsMetrics(), probes.Readiness(probes.DATABASE, probes.LOG, probes.WORK)
    async with probes.answering(settings.metrics_host, settings.metrics_port, metrics.registry, readiness):
        await process.until_ended(_work(bus, database, settings, metrics, readiness))
    return 0


async def _work(
    bus: BusSettings,
    database: DatabaseSettings,
    settings: NewsSettings,
    metrics: NewsMetrics,
    readiness: probes.Readiness,
) -> None:
    await until_migrated(database)
    readiness.has(probes.DATABASE)
    limits = {"connections": settings.connections, "statement_timeout_s": settings.statement_timeout_s}
    limited = database.model_copy(update=limits)
    connection = Connection(bus.nats_url, name="news")
    readiness.follow(connection)
    async with (
        open_database(limited, _BY_INDEX, stateless=True) as pool,
        coordinating(bus, connection) as coordination,
        connection,
    ):
        readiness.has(probes.WORK)
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
