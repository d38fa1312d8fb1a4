"""A large archive of made-up changes, and how fast it answers: for measuring. It must only fill an empty archive."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

import msgspec

from feeds.contract.model import Market, Selection
from feeds.contract.prices import price_from_milli
from gateway.history.batch import Batch, Known
from gateway.history.reads import HistoryReads
from gateway.history.rows import at_time, form_body, form_of, market_key
from gateway.history.sources import Heard
from gateway.history.sql import statement
from gateway.history.tables import ArchiveTables, ensure_day
from gateway.store.pool import Database

EVENTS = 4
MARKETS_PER_EVENT = 500
HOUR_US = 3_600_000_000
LAST_HOUR = 72_000
BUSY_EVERY = 20
"""Every so many of the last hour's changes is of the busy market: one a second."""

_CHUNK = 250_000
_SOURCE = "fill-0"
_CREATED = "filled"


class NotEmpty(ValueError):
    """The archive holds something already."""


class Timing(msgspec.Struct, frozen=True):
    """How long one kind of read took, milliseconds, over `reads` of them; and how many rows it gave at most."""

    reads: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    rows: int


class Measured(msgspec.Struct, frozen=True):
    """What `oddswire history timing` tells."""

    rows: int
    bytes_per_change: float
    hour: Timing
    states: Timing
    board: Timing
    bars: Timing


class Span(NamedTuple):
    """The time that is filled."""

    from_us: int
    to_us: int


class Run(NamedTuple):
    """Numbers of changes, and when they begin how far apart."""

    first: int
    last: int
    from_us: int
    step_us: int


def market_id(number: int) -> str:
    """The id of a made-up market."""
    return f"fill-{number}"


def event_id(number: int) -> str:
    """The id of the event that a made-up market belongs to."""
    return f"fill-e{number // MARKETS_PER_EVENT}"


async def fill(database: Database, *, rows: int, days: int, now_us: int) -> None:
    """Fills an empty archive with changes up to now. Raises NotEmpty."""
    if await database.row("SELECT 1 FROM history.log LIMIT 1") is not None:
        raise NotEmpty("the archive is not empty")
    span = Span(now_us - days * 24 * HOUR_US, now_us)
    position = await ArchiveTables(database).open_log(0, _CREATED, last_s=2**60)
    batch = _markets(span)
    batch.s, batch.at_us = rows + LAST_HOUR, now_us
    async with database.connection() as connection, connection.transaction():
        for day in range(days + 1):
            await ensure_day(connection, at_time(span.from_us + day * 24 * HOUR_US).date())
    await ArchiveTables(database).write(position, batch, None)
    last_hour_us = now_us - HOUR_US
    step_us = (last_hour_us - span.from_us) // (rows + 1)
    for first in range(1, rows + 1, _CHUNK):
        begin_us = span.from_us + first * step_us
        await _put(database, batch, position.log, Run(first, min(first + _CHUNK - 1, rows), begin_us, step_us))
    await _put(
        database,
        batch,
        position.log,
        Run(rows + 1, rows + LAST_HOUR, last_hour_us, HOUR_US // LAST_HOUR),
        busy_every=BUSY_EVERY,
    )
    await database.execute("ANALYZE")


async def _put(database: Database, batch: Batch, log: int, run: Run, *, busy_every: int = 2**40) -> None:
    keys, forms = [one.market for one in batch.forms], [one.key for one in batch.forms]
    when = (at_time(run.from_us), timedelta(microseconds=run.step_us))
    await database.execute(statement("fill"), keys, forms, run.first, run.last, *when, log, busy_every)


def _markets(span: Span) -> Batch:
    batch = Batch(0, 0, 0)
    for number in range(EVENTS * MARKETS_PER_EVENT):
        market = _market(number)
        batch.forms.append(form_of(market, form_body(market)))
        key = market_key(market.id)
        batch.markets.append(
            Known(key, market.id, market.event, span.from_us, gone=False, replaced_by=None, replaces=None)
        )
    batch.heard.append(Heard(_SOURCE, "live", 0, span.from_us, 2**60, span.to_us, span.to_us // 1000))
    return batch


def _market(number: int) -> Market:
    event = event_id(number)
    return Market(
        id=market_id(number),
        event=event,
        topic=f"football.nfl.{event}",
        cls="alternate",
        type="total",
        period="game",
        src=_SOURCE,
        ts=0,
        st="open",
        selections=tuple(
            Selection(f"{side}-{number}", side, price=price_from_milli(2_000), side=side, line=str(number))
            for side in ("over", "under")
        ),
        live=True,
        group=f"g-{number}",
        line=str(number),
    )


async def measure(database: Database, *, reads: int, seed: int) -> Measured:
    """Times reads of a filled archive."""
    dice = random.Random(seed)
    history = HistoryReads(database)
    bounds = await database.row("SELECT min(ts_log) AS first, max(ts_log) AS last FROM history.change")
    assert bounds is not None
    first_us, last_us = (int(bounds[name].timestamp() * 1e6) for name in ("first", "last"))

    async def hour() -> int:
        market = _market(0)
        selection = market.selections[0].id
        return len(await history.prices(market.id, selection, from_us=last_us - HOUR_US, to_us=last_us + 1))

    async def states() -> int:
        return len(await history.states(market_id(0), from_us=last_us - HOUR_US, to_us=last_us + 1))

    async def board() -> int:
        at_us = dice.randrange((first_us + last_us) // 2, last_us + 1)
        return len((await history.board_at(event_id(dice.randrange(EVENTS * MARKETS_PER_EVENT)), at_us)).states)

    async def bars() -> int:
        return len(await history.bars(market_id(0), "1m", from_us=last_us - HOUR_US, to_us=last_us + 1))

    size = await database.row(statement("size"))
    assert size is not None
    return Measured(
        size["changes"],
        size["bytes"] / max(1, size["changes"]),
        await _time(hour, reads),
        await _time(states, reads),
        await _time(board, reads),
        await _time(bars, reads),
    )


async def _time(read: Callable[[], Awaitable[int]], reads: int) -> Timing:
    took_ms: list[float] = []
    rows = await read()  # the first one plans
    gc.collect()
    gc.freeze()  # as a process that serves does at its start: looking through all it imported took half of some reads
    for _ in range(reads):
        began_s = time.perf_counter()
        rows = max(rows, await read())
        took_ms.append((time.perf_counter() - began_s) * 1000)
    took_ms.sort()
    return Timing(reads, took_ms[reads // 2], took_ms[int(reads * 0.95)], took_ms[-1], rows)
