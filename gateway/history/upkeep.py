"""Retention: days become minutes, then go. What stood at the beginning of the first day that is kept is carried on.

Each step is one transaction that can be repeated, so an upkeep that is killed is done again. It waits for no reader for
longer than LOCK_TIMEOUT_MS: what cannot be locked now is dropped at the next look. A day is never dropped before its
minutes are written. It must never touch a day that is still written to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog

from gateway.history.rows import at_time
from gateway.history.settings import HistorySettings
from gateway.history.sql import statement
from gateway.history.tables import attach_day, begin_of, day_table
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

LOCK_TIMEOUT_MS = 2_000
STATEMENT_TIMEOUT_S = 1_800
"""For a statement that reads much of a day."""

SETTLED_AFTER = timedelta(hours=1)
"""A day is over for upkeep so long after its end, or once all that waits to be archived is younger."""

_DAYS_PER_LOOK = 400


class Upkeep:
    """What keeps the archive bounded. `run` until cancelled.

    `waits_since_us`: when the log stored the oldest record that is not archived yet; None: all is.
    """

    def __init__(
        self, database: Database, settings: HistorySettings, *, waits_since_us: Callable[[], int | None]
    ) -> None:
        self._database = database
        self._settings = settings
        self._waits_since_us = waits_since_us

    async def run(self) -> None:
        """Looks now and then."""
        while True:
            try:
                await self.look(datetime.now(UTC))
            except DatabaseUnavailable as error:
                log.warning("upkeep_put_off", why=str(error))
            await asyncio.sleep(self._settings.upkeep_s)

    async def look(self, now: datetime) -> None:
        """Does what is due. Raises DatabaseUnavailable."""
        waits_since_us = self._waits_since_us()
        settled = now - SETTLED_AFTER if waits_since_us is None else min(at_time(waits_since_us), now - SETTLED_AFTER)
        today = settled.date()
        keep = self._settings
        first, first_minutes = (today - timedelta(days=days) for days in (keep.keep_days, keep.keep_minutes_days))
        rows = await self._database.fetch(statement("days"), today, first, first_minutes)
        for row in rows[:_DAYS_PER_LOOK]:
            if row["to_compact"]:
                await self._compact(row["day"])
            if row["to_drop"]:
                await self._drop(row["day"])
            if row["to_forget"]:
                await self._forget(row["day"])

    async def _compact(self, day: date) -> None:
        """The day's minutes, an hour at a time: what is sorted at once stays small."""
        began_s = time.monotonic()
        minutes = 0
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'")
            await attach_day(connection, "minute", day)
            for hour in range(24):
                begin = begin_of(day) + timedelta(hours=hour)
                values = (begin, begin + timedelta(hours=1))
                done = await connection.execute(statement("compact"), *values, timeout=STATEMENT_TIMEOUT_S)
                minutes += int(done.split()[-1])
            await connection.execute("UPDATE history.day SET compacted = now() WHERE day = $1", day)
        log.info("day_compacted", day=str(day), minutes=minutes, took_s=round(time.monotonic() - began_s, 1))

    async def _drop(self, day: date) -> None:
        """The day's changes go; the last of what has not ended stays, before the first day that is kept."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'")
            for name in ("carry_markets", "carry_events"):  # before anything is locked: this reads the whole day
                sql = statement(name).format(day=f"{day:%Y%m%d}")
                await connection.execute(sql, timeout=STATEMENT_TIMEOUT_S)
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_MS}ms'")
            for table, key in (("change", "market"), ("event_change", "event")):
                await _carry_on(connection, table, key, day)
            await connection.execute("UPDATE history.day SET dropped = now() WHERE day = $1", day)
        async with self._database.connection() as connection, connection.transaction():
            await _forget_ended(connection, begin_of(day + timedelta(days=1)))
        log.info("day_dropped", day=str(day))

    async def _forget(self, day: date) -> None:
        """The day's minutes go too."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_MS}ms'")
            await connection.execute(f"DROP TABLE IF EXISTS history.{day_table('minute', day)}")
            newest = "SELECT max(day) FROM history.day WHERE dropped IS NOT NULL"
            await connection.execute(f"DELETE FROM history.day WHERE day = $1 AND day < ({newest})", day)  # noqa: S608
        log.info("minutes_dropped", day=str(day))


async def _carry_on(connection: Any, table: str, key: str, day: date) -> None:
    """Within a transaction: the table without the day, its `before` up to the day's end, with what is carried on."""
    before, carried = f"history.{table}_before", f"carried_{table}"
    if await connection.fetchval("SELECT relispartition FROM pg_class WHERE oid = $1::regclass", before):
        await connection.execute(f"ALTER TABLE history.{table} DETACH PARTITION {before}")
    await connection.execute(f"DELETE FROM {before} WHERE {key} IN (SELECT {key} FROM {carried})")  # noqa: S608
    await connection.execute(f"DELETE FROM {carried} WHERE ended")  # noqa: S608
    await connection.execute(f"ALTER TABLE {carried} DROP COLUMN ended")
    await connection.execute(f"INSERT INTO {before} SELECT * FROM {carried}")  # noqa: S608
    await connection.execute(f"DROP TABLE history.{day_table(table, day)}")
    await connection.execute(
        f"ALTER TABLE history.{table} ATTACH PARTITION {before} "
        f"FOR VALUES FROM (MINVALUE) TO ('{begin_of(day + timedelta(days=1))}')"
    )


async def _forget_ended(connection: Any, kept_from: datetime) -> None:
    """What leads nowhere any more: markets that ended before, their forms, marks, intervals, holes."""
    for name in ("form", "market"):
        await connection.execute(statement(f"forget_{name}"), kept_from)
    for table, column in (("mark", "ts_log"), ("source", "until_ts_log"), ("hole", "noticed")):
        await connection.execute(f"DELETE FROM history.{table} WHERE {column} < $1", kept_from)  # noqa: S608
