"""Wires the archiver and runs it: here the archive meets NATS and the database."""

from __future__ import annotations

import asyncio

from prometheus_client import start_http_server

from feeds.adapters import process
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.tap import JetStreamTap
from feeds.contract.lane import LaneTap
from feeds.contract.settings import BusSettings
from gateway.history.archiver import Archiver
from gateway.history.metrics import HistoryMetrics
from gateway.history.settings import HistorySettings
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings
from gateway.store.waiting import until_migrated

DURABLE = "archive"
"""The archive's name among the consumers of a lane."""


async def archive(bus: BusSettings, database: DatabaseSettings, settings: HistorySettings) -> int:
    """Archives until SIGTERM or SIGINT. Raises MigrationRefused. Gives the exit status."""
    metrics = HistoryMetrics()
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


async def _work(
    bus: BusSettings, database: DatabaseSettings, settings: HistorySettings, metrics: HistoryMetrics
) -> None:
    await until_migrated(database)
    async with open_database(database) as pool, Connection(bus.nats_url, name="archive") as connection:

        def make_tap(lane: int) -> LaneTap:
            return JetStreamTap(connection, lane, lanes=bus.lanes, durable=DURABLE)

        archiver = Archiver(
            pool, make_tap, lanes=bus.lanes, log_age_s=bus.log_age_s, settings=settings, metrics=metrics
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(connection.ended())
            group.create_task(archiver.run(_say_ready))


def _say_ready() -> None:
    print("archive ready", flush=True)
