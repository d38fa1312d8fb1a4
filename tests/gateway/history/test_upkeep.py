"""Retention on a simulated month: days become minutes and go, what still stands is carried on, all stays bounded."""

from __future__ import annotations

import pytest

from feeds.contract.model import Market
from gateway.history.answers import NotInHistory
from gateway.history.reads import HistoryReads
from gateway.history.rows import at_time
from gateway.history.settings import HistorySettings
from gateway.history.upkeep import Upkeep
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import event, market
from tests.gateway.history.made import MadeArchive, at, beat

DAY_S = 86_400
DAYS = 31
KEEP, KEEP_MINUTES = 7, 14


def daily(day: int, change: int) -> Market:
    """A market of a day's own, which ends with the day's last change."""
    gone = change == 9
    return market(f"D{day}", "E1", ts=day * 10 + change, st="closed" if gone else "open", gone=gone)


def upkeep_of(database: Database, *, waits_since_us: int | None = None) -> Upkeep:
    settings = HistorySettings(keep_days=KEEP, keep_minutes_days=KEEP_MINUTES)
    return Upkeep(database, settings, waits_since_us=lambda: waits_since_us)


@pytest.fixture
async def month(settings: DatabaseSettings, database: Database) -> MadeArchive:
    """A month written and kept day by day: a quiet market and event of the first day, and each day one of its own."""
    await migrate(settings)
    made = MadeArchive(database)
    upkeep = upkeep_of(database)
    await made.write([(0, event("E1")), (0, market("QUIET", "E1", ts=77))])
    for day in range(DAYS):
        begin_s = day * DAY_S
        await made.write((begin_s + 60 * change, daily(day, change)) for change in range(10))
        await made.write([beat(begin_s + 1_000), beat(begin_s + 1_001)])
        await upkeep.look(at_time(at(begin_s + 2 * 3_600)))
    return made


async def test_a_month_stays_bounded_and_answers_for_what_is_kept(month: MadeArchive, database: Database) -> None:
    reads = HistoryReads(database)
    last = DAYS - 1
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'history' ORDER BY 1")
    names = [row["tablename"] for row in tables]
    assert len([name for name in names if name.startswith("change_2")]) == KEEP + 1
    assert len([name for name in names if name.startswith("event_change_2")]) == KEEP + 1
    assert len([name for name in names if name.startswith("minute_2")]) == KEEP_MINUTES
    for table, most in (("market", KEEP + 2), ("form", 2 * KEEP + 4), ("mark", 2 * (KEEP + 1)), ("source", KEEP + 1)):
        [row] = await database.fetch(f"SELECT count(*) AS rows FROM history.{table}")
        assert row["rows"] <= most, table
    assert (await database.fetch("SELECT count(*) AS rows FROM history.change_before"))[0]["rows"] == 1

    quiet = await reads.board_at("E1", at(last * DAY_S + 30))
    assert [state.market.id for state in quiet.states] == [f"D{last}", "QUIET"]
    assert quiet.states[1].market == market("QUIET", "E1", ts=77)
    assert quiet.event == event("E1")
    with pytest.raises(NotInHistory) as refusal:
        await reads.board_at("E1", at(0))
    assert refusal.value.code == "not_covered"
    assert not (await reads.line_ends("QUIET")).whole
    assert (await reads.line_ends(f"D{last}")).whole


async def test_minutes_outlive_changes(month: MadeArchive, database: Database) -> None:
    reads = HistoryReads(database)
    for day in (DAYS - 1 - KEEP_MINUTES + 1, DAYS - 1 - KEEP - 1, DAYS - 2):
        bars = await reads.bars(f"D{day}", "1m", from_us=at(day * DAY_S), to_us=at((day + 1) * DAY_S))
        assert [bar.start_us for bar in bars] == [at(day * DAY_S + 60 * change) for change in range(9)]
        assert [bar.open for bar in bars] == [2_000 + (day * 10 + change) * 10 for change in range(9)]
        [hour] = await reads.bars(f"D{day}", "1h", from_us=at(day * DAY_S), to_us=at((day + 1) * DAY_S))
        assert (hour.open, hour.close, hour.changes) == (bars[0].open, bars[-1].close, 9)


async def test_a_look_that_is_repeated_changes_nothing(month: MadeArchive, database: Database) -> None:
    before = await database.fetch("SELECT * FROM history.day ORDER BY day")
    upkeep = upkeep_of(database)
    await upkeep.look(at_time(at((DAYS - 1) * DAY_S + 2 * 3_600)))
    assert await database.fetch("SELECT * FROM history.day ORDER BY day") == before


@pytest.mark.parametrize(("waits_since_s", "compacted"), [(DAY_S - 1, False), (DAY_S, True), (None, True)])
async def test_no_day_is_touched_that_is_still_to_be_archived(
    settings: DatabaseSettings, database: Database, waits_since_s: float | None, compacted: bool
) -> None:
    await migrate(settings)
    await MadeArchive(database).write([(0, market("M1", "E1"))])
    waits_since_us = None if waits_since_s is None else at(waits_since_s)
    await upkeep_of(database, waits_since_us=waits_since_us).look(at_time(at(1.5 * DAY_S)))
    [day] = await database.fetch("SELECT compacted IS NOT NULL AS compacted FROM history.day")
    assert day["compacted"] is compacted
