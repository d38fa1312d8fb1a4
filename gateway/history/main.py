"""Wires the archiver and runs it: here the archive meets NATS and the database."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import date

from feeds.adapters import probes, process
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.tap import JetStreamTaps
from feeds.contract.errors import LogUnavailable, NotLeader
from feeds.contract.settings import BusSettings
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from gateway.history.archiver import Archiver, first_of
from gateway.history.changes import day_span
from gateway.history.metrics import HistoryMetrics
from gateway.history.replay import ArchivedDay
from gateway.history.settings import HistorySettings
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings
from gateway.store.waiting import until_migrated

DURABLE = "archive"
"""The archive's name among the consumers of a lane."""

_FLUSH_LOOK_S = 0.02

_GARBAGE_THRESHOLD = 100_000
"""A batch is tens of thousands of tuples that hold no cycle; looking for some took an eighth of the archiver's time."""


async def archive(bus: BusSettings, database: DatabaseSettings, settings: HistorySettings) -> int:
    """Archives until SIGTERM or SIGINT. Raises MigrationRefused. Gives the exit status."""
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    metrics, readiness = HistoryMetrics(), probes.Readiness(probes.DATABASE, probes.LOG)
    async with probes.answering(settings.metrics_host, settings.metrics_port, metrics.registry, readiness):
        await process.until_ended(_work(bus, database, settings, metrics, readiness))
    return 0


async def _work(
    bus: BusSettings,
    database: DatabaseSettings,
    settings: HistorySettings,
    metrics: HistoryMetrics,
    readiness: probes.Readiness,
) -> None:
    await until_migrated(database)
    readiness.has(probes.DATABASE)
    async with open_database(database) as pool, Connection(bus.nats_url, name="archive") as connection:
        readiness.follow(connection)
        make_tap = JetStreamTaps(connection, lanes=bus.lanes, durable=DURABLE).tap
        archiver = Archiver(
            pool, make_tap, lanes=bus.lanes, log_age_s=bus.log_age_s, settings=settings, metrics=metrics
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(connection.ended())
            group.create_task(archiver.run(_say_ready))


class ReplayEnded(OSError):
    """The log or the database went away, or another process took the feed over."""


async def replay(
    bus: BusSettings, database: DatabaseSettings, *, day: date, speed: float, feed: str, tell: Callable[[str], None]
) -> int:
    """Plays an archived day onto a bus, until its end or a signal. Raises NotInHistory, ReplayEnded."""
    async with open_database(database) as pool, Connection(bus.nats_url, name=f"feed-{feed}") as connection:
        span = await day_span(pool, day)
        finished = asyncio.Event()
        provider = ArchivedDay(pool, span, feed=feed, lanes=bus.lanes, speed=speed, finished=finished.set)
        playing = Feed(provider, connection, bus=bus, metrics=FeedMetrics())
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(playing.run(lambda: tell(f"feed {feed} ready")))
                ends = [group.create_task(process.until_signalled()), group.create_task(_played(playing, finished))]
                await asyncio.wait([*ends, running], return_when=asyncio.FIRST_COMPLETED)
                playing.stop()
                for task in ends:
                    task.cancel()
        except* (NotLeader, LogUnavailable, DatabaseUnavailable) as errors:
            raise ReplayEnded(f"the replay ended early: {first_of(errors)}") from errors
    tell(f"played {provider.put} changes of {day}")
    return 0


async def _played(playing: Feed, finished: asyncio.Event) -> None:
    """Waits until the last change was put, and all that was put is stored."""
    await finished.wait()
    while any(leader.writer.busy for leader in playing.leaders.values()):  # noqa: ASYNC110 the writer tells nobody
        await asyncio.sleep(_FLUSH_LOOK_S)


def _say_ready() -> None:
    print("archive ready", flush=True)
