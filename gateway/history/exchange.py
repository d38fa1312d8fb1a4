"""Exports of the archive, and what an export is worth: read back, it is compared with the archive, change by change."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import date
from pathlib import Path

import msgspec

from gateway.history import parquet
from gateway.history.changes import Archived, changes, day_span, event_span
from gateway.store.pool import Database


class Comparison(msgspec.Struct, frozen=True):
    """Changes of a file and of the archive; `first_difference`: position in the log, null where they are the same."""

    same: bool
    file: int
    archive: int
    first_difference: int | None


async def export(database: Database, path: Path, *, day: date | None, event: str | None) -> int:
    """Writes a day or an event; gives the number of changes. Raises NotInHistory, DatabaseUnavailable, OSError."""
    if day is not None:
        span = await day_span(database, day)
    else:
        assert event is not None
        span = await event_span(database, event)
    return await parquet.write(path, span, changes(database, span))


async def compare(database: Database, path: Path) -> Comparison:
    """Reads a file back beside the archive. Raises NotInHistory, DatabaseUnavailable, OSError."""
    span = await asyncio.to_thread(parquet.span_of, path)
    in_file = parquet.read(path)
    file = archive = 0
    difference: int | None = None
    async for change in changes(database, span):
        archive += 1
        other = next(in_file, None)
        file += other is not None
        if other != change and difference is None:
            difference = change.s if other is None else min(other.s, change.s)
    rest: deque[Archived] = deque(maxlen=1)
    for other in in_file:
        file += 1
        rest.append(other)
    if rest and difference is None:
        difference = rest[0].s
    return Comparison(difference is None, file, archive, difference)
