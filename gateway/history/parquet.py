"""A day or an event as a Parquet file, and the file read back. Needs pyarrow (`pip install 'oddswire[parquet]'`).

A row is one selection of one change, so that a question about prices is a filter. The row's `form` is the record
without its numbers, so that nothing is lost: read back, the file gives the very states. A change of an event is a row
without market and selection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.contract.model import Event, Market
from feeds.contract.records import decode_record, encode_record
from feeds.contract.subjects import event_subject
from gateway.history.answers import NotInHistory
from gateway.history.changes import Archived, Span
from gateway.history.rows import Numbers, decoded_form, form_body, market_of, time_us

ROW_GROUP = 100_000
"""Rows held at once, while writing and while reading."""

_SPAN = b"oddswire.span"
_NUMBERS = ("milli", "american", "lay", "size", "ltp")

_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *(("at", pa.timestamp("us", tz="UTC")), ("log", pa.int16()), ("s", pa.int64()), ("ts", pa.int64())),
        *((name, _WORD) for name in ("event", "market", "class", "type", "period", "line", "source", "status")),
        *((name, pa.bool_()) for name in ("live", "gone")),
        *((name, _WORD) for name in ("selection", "name", "selection_status")),
        *(("milli", pa.int32()), ("american", pa.int32()), ("lay", pa.int32()), ("size", pa.int64())),
        *(("ltp", pa.int32()), ("form", _WORD)),
    ]
)


async def write(path: Path, span: Span, changes: AsyncIterator[Archived]) -> int:
    """Writes a file; gives the number of changes. It appears when it is whole. Raises OSError."""
    count = 0
    rows: list[dict[str, Any]] = []
    partial = path.with_suffix(".partial")
    schema = SCHEMA.with_metadata({_SPAN: msgspec.json.encode(span)})
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            async for change in changes:
                rows += _rows(change)
                count += 1
                if len(rows) >= ROW_GROUP:
                    writer.write_table(pa.Table.from_pylist(rows, schema))
                    rows.clear()
            writer.write_table(pa.Table.from_pylist(rows, schema))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _rows(change: Archived) -> Iterator[dict[str, Any]]:
    at_us, log, s, state = change
    place = {"at": at_us, "log": log, "s": s, "ts": state.ts}
    if isinstance(state, Event):
        yield {**place, "event": state.id, "status": state.state, "form": encode_record(state).decode()}
        return
    fixed = {"class": state.cls, "type": state.type, "period": state.period, "line": state.line, "source": state.src}
    moving = {"status": state.st, "live": state.live, "gone": state.gone, "form": form_body(state).decode()}
    whole = {**place, "event": state.event, "market": state.id, **fixed, **moving}
    if not state.selections:
        yield whole
    for one in state.selections:
        odds = {} if one.price is None else {"milli": one.price.milli, "american": one.price.american}
        yield {
            **whole,
            "selection": one.id,
            "name": one.name,
            "selection_status": one.st,
            **odds,
            "lay": one.lay,
            "size": one.size,
            "ltp": one.ltp,
        }


def span_of(path: Path) -> Span:
    """What a file holds the changes of. Raises NotInHistory for a file that is none of ours, OSError."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except pa.ArrowInvalid as error:
        raise NotInHistory("bad_file", f"{path}: not a Parquet file: {error}") from error
    if _SPAN not in metadata:
        raise NotInHistory("bad_file", f"{path}: not an export of the archive")
    return msgspec.json.decode(metadata[_SPAN], type=Span)


def read(path: Path) -> Iterator[Archived]:
    """The changes of a file, in the order they were written."""
    with pq.ParquetFile(path) as file:
        rows = (row for part in file.iter_batches(ROW_GROUP) for row in part.to_pylist())
        for (log, s), selections in groupby(rows, itemgetter("log", "s")):
            yield _change(log, s, list(selections))


def _change(log: int, s: int, rows: list[dict[str, Any]]) -> Archived:
    first = rows[0]
    at_us = time_us(first["at"])
    if first["market"] is None:
        event = decode_record(event_subject(0, "sport.league.event"), first["form"].encode())
        assert isinstance(event, Event)
        return Archived(at_us, log, s, event)
    form: Market = decoded_form(first["form"])
    columns = ((row[name] for row in rows if row["selection"] is not None) for name in _NUMBERS)
    milli, american, lay, size, ltp = (tuple(column) for column in columns)
    return Archived(at_us, log, s, market_of(form, Numbers(first["ts"], milli, american, lay, size, ltp)))
