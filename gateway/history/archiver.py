"""The archiver: takes records from the taps, writes them, and starts again from the stored position whatever failed.

It must never keep a position of its own beside the database's, and never stop for good because something is away.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import structlog

from feeds.contract.errors import LogUnavailable
from feeds.contract.lane import LaneTap, Logged
from gateway.history.batch import Batch, LaneMemory, decoded
from gateway.history.lag import Lag
from gateway.history.metrics import HistoryMetrics
from gateway.history.settings import HistorySettings
from gateway.history.tables import ARCHIVER_LOCK, ArchiveTables, Hole, LanePosition, Overtaken
from gateway.history.upkeep import Upkeep
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

RETRY_S = (0.1, 3.0)
"""Wait after a failure: from, doubling, up to; half of it at random."""

COMPLAINTS_FROM_ATTEMPT = 4
"""An archiver may start before the feeds that make the streams; the first attempts are not worth a word."""

IDENTITY_EVERY_S = 5.0
"""How often it is looked whether the log is still the same."""

PROGRESS_EVERY_S = 5.0
CATCHING_UP_RECORDS = 20_000
"""Who is behind by more says how it gets on."""

ALARM_LOOK_S = 1.0
STANDBY_S = 1.0
LOCK_LOOK_S = 1.0


class _Moved(Exception):
    """The lane's log is another one now, or the tap lost its place."""


class LaneArchiver:
    """One lane. `run` until cancelled; `reading` is set while it is joined to the log."""

    def __init__(
        self,
        lane: int,
        tap: LaneTap,
        tables: ArchiveTables,
        *,
        settings: HistorySettings,
        log_age_s: float,
        metrics: HistoryMetrics,
    ) -> None:
        self.lane = lane
        self.reading = asyncio.Event()
        self.lag = Lag(log_age_s)
        self._tap = tap
        self._tables = tables
        self._settings = settings
        self._metrics = metrics
        self._epoch = ""
        self._created = ""
        self._attempts = 0

    async def run(self) -> None:
        """Until cancelled. Raises Overtaken."""
        wait_s, wait_s_max = RETRY_S
        while True:
            try:
                await self._archive()
            except _Moved as moved:
                log.info("archive_begins_anew", lane=self.lane, why=str(moved))
            except (LogUnavailable, DatabaseUnavailable) as error:
                self._metrics.failures.labels(str(self.lane)).inc()
                self._attempts += 1
                if self._attempts >= COMPLAINTS_FROM_ATTEMPT or self.reading.is_set():
                    log.warning("archive_interrupted", lane=self.lane, attempt=self._attempts, error=str(error))
            self.interrupted()
            if self._attempts <= 1:
                wait_s = RETRY_S[0]
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(2 * wait_s, wait_s_max)

    def interrupted(self) -> None:
        """The lane is not read for the time being."""
        self.reading.clear()
        self.lag.interrupted(time.time_ns() // 1000)

    def tell_lag(self, now_s: float) -> None:
        """Shows how far behind the lane is, and says so where that is an alarm."""
        label, lag = str(self.lane), self.lag
        seconds = lag.seconds(now_s)
        told = lag.alarm(now_s)
        self._metrics.lag.labels(label).set(seconds)
        self._metrics.pending.labels(label).set(lag.pending)
        self._metrics.alarm.labels(label).set(lag.alarmed)
        if told == "raised":
            log.error("archive_lags", lane=self.lane, lag_s=round(seconds), pending=lag.pending)
        elif told == "cleared":
            log.info("archive_caught_up", lane=self.lane)

    async def _archive(self) -> None:
        """From the stored position on. Raises _Moved, Overtaken, LogUnavailable, DatabaseUnavailable."""
        position, memory = await self._open()
        await self._tap.begin(position.s)
        self.reading.set()
        self._attempts = 0
        self.lag.archived(position.at_us, self._tap.pending)
        if self._tap.pending > CATCHING_UP_RECORDS:
            log.info("archive_catching_up", lane=self.lane, position=position.s, pending=self._tap.pending)
        looked_s = said_s = time.monotonic()
        while True:
            if time.monotonic() - looked_s > IDENTITY_EVERY_S:
                looked_s = time.monotonic()
                await self._look(position)
            taken = await self._tap.take(self._settings.batch_records, self._settings.gather_s)
            records = [record for record in taken if record.s > position.s]
            if not records:
                continue
            self.lag.waits(records[0].at_us, self._tap.pending)
            position = await self._write(position, memory, records)
            if self._tap.pending > CATCHING_UP_RECORDS and time.monotonic() - said_s > PROGRESS_EVERY_S:
                said_s = time.monotonic()
                log.info("archive_catching_up", lane=self.lane, position=position.s, pending=self._tap.pending)

    async def _open(self) -> tuple[LanePosition, LaneMemory]:
        identity = await self._tap.identity()
        position = await self._tables.open_log(self.lane, identity.created, last_s=identity.last_s)
        await self._tables.name_epoch(identity.epoch, self.lane, position)
        self._created, self._epoch = identity.created, identity.epoch
        return position, LaneMemory(self.lane, await self._tables.sources(position.log))

    async def _look(self, position: LanePosition) -> None:
        """Whether it is still the same log. Another lane's may be new: the epoch is over all of them."""
        identity = await self._tap.identity()
        if identity.created != self._created or identity.last_s < position.s:
            raise _Moved(f"lane {self.lane} has another log")
        if identity.epoch != self._epoch:
            self._epoch = identity.epoch
            await self._tables.name_epoch(identity.epoch, self.lane, position)

    async def _write(self, position: LanePosition, memory: LaneMemory, records: list[Logged]) -> LanePosition:
        hole = await self._hole(position, records)
        values = decoded(records)
        markets, events = memory.unknown(values)
        memory.learn(await self._tables.last_states(markets), await self._tables.last_events(events))
        batch = memory.batch(values)
        began_s = time.perf_counter()
        position = await self._tables.write(position, batch, hole)
        self._metrics.commit_seconds.labels(str(self.lane)).observe(time.perf_counter() - began_s)
        self._count(batch, hole)
        self.lag.archived(batch.at_us, self._tap.pending)
        await self._tap.done(position.s)
        return position

    async def _hole(self, position: LanePosition, records: list[Logged]) -> Hole | None:
        """What the log forgot before it was read. Raises _Moved where it forgot nothing, and the tap lost its place."""
        last_s = position.s
        for record in records:
            if record.s != last_s + 1 and last_s != position.s:
                raise _Moved(f"the tap skipped from {last_s} to {record.s}")
            last_s = record.s
        first_s = records[0].s
        if first_s == position.s + 1:
            return None
        identity = await self._tap.identity()
        if identity.created != self._created or identity.first_s < first_s:
            raise _Moved(f"the tap skipped from {position.s} to {first_s}, which the log still holds")
        log.error("archive_lost", lane=self.lane, first_s=position.s + 1, last_s=first_s - 1, why="the log forgot it")
        return Hole(position.s + 1, first_s - 1)

    def _count(self, batch: Batch, hole: Hole | None) -> None:
        label = str(self.lane)
        self._metrics.records.labels(label).inc(batch.records)
        self._metrics.changes.labels(label).inc(len(batch.changes) + len(batch.events))
        self._metrics.repeats.labels(label).inc(batch.repeats)
        self._metrics.position.labels(label).set(batch.s)
        lost = len(batch.unreadable) + (hole.last_s - hole.first_s + 1 if hole else 0)
        self._metrics.holes.labels(label).inc(lost)
        for one in batch.unreadable:
            log.error("archive_unreadable", lane=self.lane, s=one.s, why=one.why)


class Archiver:
    """All lanes, by one at a time of all archivers of one database: the others stand by."""

    def __init__(
        self,
        database: Database,
        make_tap: Callable[[int], LaneTap],
        *,
        lanes: int,
        log_age_s: float,
        settings: HistorySettings,
        metrics: HistoryMetrics,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._told_ready = False
        tables = ArchiveTables(database)
        self._upkeep = Upkeep(database, settings, waits_since_us=self.waits_since_us)
        self.lanes = [
            LaneArchiver(lane, make_tap(lane), tables, settings=settings, log_age_s=log_age_s, metrics=metrics)
            for lane in range(lanes)
        ]

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Until cancelled. `on_ready`, once, when every lane is read, or another archiver reads them."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            told = ""
            while True:
                try:
                    await self._work(on_ready)
                except* (DatabaseUnavailable, Overtaken) as errors:
                    why = str(first_of(errors))
                    if why != told:
                        log.warning("archive_stands_by", why=why)
                    told = why
                self._metrics.active.set(0)
                for lane in self.lanes:
                    lane.interrupted()
                await asyncio.sleep(STANDBY_S * random.uniform(0.5, 1.0))

    def waits_since_us(self) -> int | None:
        """When the log stored the oldest record that is not archived, in any lane; None where all is."""
        return min((lane.lag.oldest_us for lane in self.lanes if lane.lag.oldest_us is not None), default=None)

    async def _work(self, on_ready: Callable[[], None]) -> None:
        """One turn at the lock. That nothing is written twice rests on positions; the lock saves work in vain."""
        async with self._database.connection() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", ARCHIVER_LOCK):
                self._ready(on_ready)
                raise Overtaken("another archiver works on this database")
            self._metrics.active.set(1)
            async with asyncio.TaskGroup() as group:
                for lane in self.lanes:
                    group.create_task(lane.run(), name=f"archive-{lane.lane}")
                group.create_task(self._keep_up(on_ready))
                while True:
                    await self._database.look(connection)
                    await asyncio.sleep(LOCK_LOOK_S)

    async def _keep_up(self, on_ready: Callable[[], None]) -> None:
        """Upkeep waits until it is known how far behind every lane is."""
        for lane in self.lanes:
            await lane.reading.wait()
        self._ready(on_ready)
        await self._upkeep.run()

    def _ready(self, on_ready: Callable[[], None]) -> None:
        if not self._told_ready:
            self._told_ready = True
            on_ready()

    async def _watch(self) -> None:
        """Says and shows how far behind it is, also while nothing can be read or written."""
        while True:
            for lane in self.lanes:
                lane.tell_lag(time.time())
            await asyncio.sleep(ALARM_LOOK_S)


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in a group, of whatever depth."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
