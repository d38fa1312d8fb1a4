"""Writing to the archive's tables: a batch in one transaction, together with the position it moves.

The position is only ever moved from where this writer believes it to be. So of two archivers at work, or of one whose
commit was in doubt, exactly one moves it, and a record is archived exactly once, whatever dies.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from gateway.history.batch import Batch, LastState
from gateway.history.rows import at_time, market_key, numbers_of_row, time_us
from gateway.history.sources import Heard
from gateway.history.sql import statement
from gateway.store.pool import Database, Row

ARCHIVER_LOCK = 0x0DD5_0002
"""Advisory lock of the archiver that works; another one waits for it."""

_DAYS_LOCK = 0x0DD5_0003
MARK_EVERY_US = 10_000_000
"""Between two rows that lead from a position to a time."""

PARTITIONED = ("change", "event_change")
"""Tables with a partition a day that is made when the day's first row comes."""

_CHANGE_COLUMNS = ("ts_log", "market", "form", "s", "ts", "log", "milli", "american", "lay", "size", "ltp")
_EVENT_COLUMNS = ("ts_log", "event", "s", "log", "body")


class Overtaken(Exception):
    """Another archiver moved the position."""


class LanePosition(NamedTuple):
    """Where the archive stands in one lane's log."""

    log: int
    s: int
    at_us: int
    fell_back: int = 0


class Hole(NamedTuple):
    """Positions that the log had forgotten before they were read."""

    first_s: int
    last_s: int


class ArchiveTables:
    """The tables as the archiver writes them. Every call raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._days: set[date] = set()
        self._marked_us: dict[int, int] = {}

    async def open_log(self, lane: int, created: str, *, last_s: int) -> LanePosition:
        """Where the archive stands in this log; a log that ends before that fell back, and counts as another."""
        sql = "INSERT INTO history.log (lane, created, fell_back) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        while True:
            row = await self._database.row(statement("open_log"), lane, created)
            if row is not None and row["s"] <= last_s:
                at_us = 0 if row["s"] == 0 else time_us(row["ts_log"])
                return LanePosition(row["log"], row["s"], at_us, row["fell_back"])
            await self._database.execute(sql, lane, created, 0 if row is None else row["fell_back"] + 1)

    async def name_epoch(self, epoch: str, lane: int, position: LanePosition) -> None:
        """From now on a cursor of this epoch means this log.

        Where a log fell back, a cursor of the epoch may be of either: then nobody knows, and it means neither. Readers
        that saw it fall name the epoch otherwise (feeds/adapters/nats/reader.py).
        """
        if position.fell_back:
            await self._database.execute("DELETE FROM history.epoch WHERE epoch = $1 AND lane = $2", epoch, lane)
            epoch = f"{epoch}-{position.fell_back}"
        await self._database.execute(statement("put_epoch"), epoch, lane, position.log)

    async def sources(self, log: int) -> dict[str, Heard]:
        """The newest interval of every source."""
        rows = await self._database.fetch(statement("newest_sources"), log)
        return {row["source"]: heard_of(row) for row in rows}

    async def last_states(self, markets: list[str]) -> dict[str, LastState | None]:
        """The last stored state of each market."""
        states: dict[str, LastState | None] = dict.fromkeys(markets)
        if markets:
            keys = [market_key(market) for market in markets]
            for row in await self._database.fetch(statement("last_of_markets"), keys):
                states[row["id"]] = LastState(row["form"], numbers_of_row(row), row["gone"])
        return states

    async def last_events(self, events: list[str]) -> dict[str, bytes | None]:
        """The last stored state of each event."""
        states: dict[str, bytes | None] = dict.fromkeys(events)
        if events:
            for row in await self._database.fetch(statement("last_of_events"), events):
                states[row["event"]] = row["body"].encode()
        return states

    async def write(self, position: LanePosition, batch: Batch, hole: Hole | None) -> LanePosition:
        """Writes a batch, and a hole before it. Gives the new position. Raises Overtaken, DatabaseUnavailable."""
        await self._ensure_days(batch)
        log = position.log
        async with self._database.connection() as connection, connection.transaction():
            moved = await connection.execute(
                "UPDATE history.log SET s = $3, ts_log = $4 WHERE log = $1 AND s = $2",
                *(log, position.s, batch.s, at_time(batch.at_us)),
            )
            if moved != "UPDATE 1":
                raise Overtaken(f"another archiver moved log {log} on from {position.s}")
            await _put_rest(connection, position, batch, hole)
            marks = batch.at_us - self._marked_us.get(log, 0) >= MARK_EVERY_US
            if marks:
                await connection.execute(
                    "INSERT INTO history.mark (log, s, ts_log) VALUES ($1, $2, $3)", log, batch.s, at_time(batch.at_us)
                )
            await _copy(connection, log, batch)
        if marks:
            self._marked_us[log] = batch.at_us
        return position._replace(s=batch.s, at_us=batch.at_us)

    async def _ensure_days(self, batch: Batch) -> None:
        days = {at_time(at_us).date() for at_us in batch.times_us()} - self._days
        for day in sorted(days):
            async with self._database.connection() as connection, connection.transaction():
                await ensure_day(connection, day)
            self._days.add(day)


async def ensure_day(connection: Any, day: date) -> None:
    """Makes the partitions of a day, where it has none and was not dropped already. Within a transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _DAYS_LOCK)
    dropped = await connection.fetchval("SELECT max(day) FROM history.day WHERE dropped IS NOT NULL")
    if dropped is not None and day <= dropped:
        return
    await connection.execute("INSERT INTO history.day (day) VALUES ($1) ON CONFLICT DO NOTHING", day)
    for table in PARTITIONED:
        await attach_day(connection, table, day)


async def attach_day(connection: Any, table: str, day: date) -> None:
    """Makes a table's partition of a day. Attached, not created in place: readers of the table need not wait."""
    name = day_table(table, day)
    if await connection.fetchval("SELECT to_regclass($1)", f"history.{name}") is not None:
        return
    await connection.execute(f"CREATE TABLE history.{name} (LIKE history.{table} INCLUDING ALL)")
    await connection.execute(
        f"ALTER TABLE history.{table} ATTACH PARTITION history.{name} "
        f"FOR VALUES FROM ('{begin_of(day)}') TO ('{begin_of(day + timedelta(days=1))}')"
    )


def day_table(table: str, day: date) -> str:
    """The name of a partition."""
    return f"{table}_{day:%Y%m%d}"


def begin_of(day: date) -> datetime:
    """The first moment of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def heard_of(row: Row) -> Heard:
    """A stored interval."""
    return Heard(
        row["source"],
        row["state"],
        row["from_s"],
        time_us(row["from_ts_log"]),
        row["until_s"],
        time_us(row["until_ts_log"]),
        row["until_beat_ts"],
    )


async def _put_rest(connection: Any, position: LanePosition, batch: Batch, hole: Hole | None) -> None:
    """Everything of a batch but its changes."""
    log = position.log
    holes = [(log, hole.first_s, hole.last_s, at_time(position.at_us), "forgotten by the log")] if hole else []
    holes += [(log, one.s, one.s, at_time(batch.at_us), one.why[:500]) for one in batch.unreadable]
    if holes:
        await connection.executemany(
            "INSERT INTO history.hole (log, first_s, last_s, after_ts_log, why) VALUES ($1, $2, $3, $4, $5)", holes
        )
    if batch.forms:
        await connection.executemany(
            statement("put_form"),
            [(one.key, one.market, one.body.decode(), *one[3:]) for one in batch.forms],
        )
    if batch.markets:
        await connection.executemany(
            statement("put_market"),
            [
                (one.market, one.id, one.event, at := at_time(one.at_us), at if one.gone else None, *one[5:])
                for one in batch.markets
            ],
        )
    if batch.heard:
        await connection.executemany(
            statement("put_source"),
            [
                (
                    *(log, one.source, one.state, one.from_s, at_time(one.from_us)),
                    *(one.until_s, at_time(one.until_us), one.until_beat_ts),
                )
                for one in batch.heard
            ],
        )


async def _copy(connection: Any, log: int, batch: Batch) -> None:
    if batch.changes:
        await connection.copy_records_to_table(
            "change",
            schema_name="history",
            columns=_CHANGE_COLUMNS,
            records=[
                (at_time(at_us), market, form, s, numbers.ts, log, *numbers[1:])
                for at_us, market, form, s, numbers in batch.changes
            ],
        )
    if batch.events:
        await connection.copy_records_to_table(
            "event_change",
            schema_name="history",
            columns=_EVENT_COLUMNS,
            records=[(at_time(one.at_us), one.event, one.s, log, one.body.decode()) for one in batch.events],
        )
