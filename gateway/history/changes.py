"""The archive's changes in the order of the log, for who wants all of them: a day, or an event. Writes nothing.

They come a window of time after the other, so that what is held at once is bounded by what changes within a window.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

from feeds.contract.model import Event, Market
from gateway.history.answers import NotInHistory
from gateway.history.reads import event_of, states_of
from gateway.history.rows import at_time, time_us
from gateway.history.sql import statement
from gateway.history.tables import begin_of
from gateway.store.pool import Database, Row

DAY_WINDOW_US = 60_000_000
EVENT_WINDOW_US = 3_600_000_000

State = Market | Event


class Span(NamedTuple):
    """Changes from a moment to before another: of one event, or (None) of all."""

    from_us: int
    to_us: int
    event: str | None

    @property
    def window_us(self) -> int:
        """What is read at once."""
        return DAY_WINDOW_US if self.event is None else EVENT_WINDOW_US


class Archived(NamedTuple):
    """One change, as the log had it at position `s` of log `log`."""

    at_us: int
    log: int
    s: int
    state: State


async def day_span(database: Database, day: date) -> Span:
    """A UTC day. Raises NotInHistory where its changes are not kept."""
    row = await database.row("SELECT dropped FROM history.day WHERE day = $1", day)
    if row is None or row["dropped"] is not None:
        raise NotInHistory("not_covered", f"the archive has no changes of {day}")
    return Span(time_us(begin_of(day)), time_us(begin_of(day + timedelta(days=1))), None)


async def event_span(database: Database, event: str) -> Span:
    """All of an event that is kept. Raises NotInHistory where nothing is."""
    row = await database.row(statement("event_span"), event)
    if row is None or row["first"] is None:
        raise NotInHistory("not_covered", f"the archive has no changes of event {event}")
    return Span(time_us(row["first"]), time_us(row["last"]) + 1, event)


async def changes(database: Database, span: Span) -> AsyncIterator[Archived]:
    """All changes of a span. Raises DatabaseUnavailable."""
    for from_us in range(span.from_us, span.to_us, span.window_us):
        values = (at_time(from_us), at_time(min(from_us + span.window_us, span.to_us)), span.event)
        markets = await database.fetch(statement("changes_between"), *values)
        events = await database.fetch(statement("event_changes_between"), *values)
        for change in _merged(markets, events):
            yield change


async def standing(database: Database, at_us: int) -> list[Archived]:
    """What stood just before a moment: events and markets that had not ended. Raises DatabaseUnavailable."""
    events = await database.fetch(statement("standing_events"), at_time(at_us))
    markets = await database.fetch(statement("standing_markets"), at_time(at_us))
    return list(_merged(markets, events))


def _merged(markets: list[Row], events: list[Row]) -> list[Archived]:
    one = (Archived(state.at_us, state.log, state.s, state.market) for state in states_of(markets))
    other = (Archived(time_us(row["ts_log"]), row["log"], row["s"], event_of(row)) for row in events)
    return list(merge(one, other, key=attrgetter("at_us", "log", "s")))
