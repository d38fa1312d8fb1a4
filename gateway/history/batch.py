"""What the next records of a lane add to the archive. Pure: records in, rows out.

A record that says what the one before said of the same market or event, `ts` included, is a refresh, or was sent twice:
it moves the position and adds no row. So the last state of everything that has not ended is held; what is not held is
to be learned first (`unknown`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.lane import Logged
from feeds.contract.model import Event, Market
from feeds.contract.records import Beat, Record, decode_record, encode_record
from feeds.contract.subjects import source_id
from gateway.history.rows import INT64_END, Form, Numbers, form_body, form_of, key_of, market_key, numbers_of
from gateway.history.sources import Heard, Sources

FORMS_HELD_MAX = 500_000
"""Beyond it those known to be stored are forgotten: each is then offered to the database once more."""

ID_CHARS_MAX = 512
"""Ours have 64 at most; what is so long could not be indexed."""

_NUL = b"\\u0000"
"""As JSON writes the one character that PostgreSQL's text cannot hold."""


class Change(NamedTuple):
    """A state of a market."""

    at_us: int
    market: int
    form: int
    s: int
    numbers: Numbers


class EventChange(NamedTuple):
    """A state of an event."""

    at_us: int
    event: str
    s: int
    body: bytes


class Known(NamedTuple):
    """A market that began, ended, came back, or was met for the first time by this process."""

    market: int
    id: str
    event: str
    at_us: int
    gone: bool
    replaced_by: str | None
    replaces: str | None


class Unreadable(NamedTuple):
    """A record that could not be read."""

    s: int
    why: str


class Batch(msgspec.Struct):
    """What is written in one transaction. Afterwards everything up to `s`, stored at `at_us`, is archived."""

    s: int
    at_us: int
    records: int
    changes: list[Change] = []
    events: list[EventChange] = []
    forms: list[Form] = []
    markets: list[Known] = []
    heard: list[Heard] = []
    unreadable: list[Unreadable] = []
    repeats: int = 0

    def times_us(self) -> Iterator[int]:
        """When the log stored what becomes rows."""
        yield from (change.at_us for change in self.changes)
        yield from (change.at_us for change in self.events)


class Decoded(NamedTuple):
    """A record with its place; a refusal stands for one that cannot be read."""

    s: int
    at_us: int
    record: Record | Refused | None


class LastState(NamedTuple):
    """What is held of a market."""

    form: int
    numbers: Numbers
    gone: bool


def decoded(records: Iterable[Logged]) -> list[Decoded]:
    """Records as values."""
    return [Decoded(record.s, record.at_us, _decoded(record)) for record in records]


def _decoded(record: Logged) -> Record | Refused | None:
    """One that the database could not hold is as unreadable as one that is no record."""
    try:
        value = decode_record(record.subject, record.data)
    except Refused as refusal:
        return refusal
    if _NUL in record.data:
        return Refused("not_text", f"{record.subject}: a character that is none")
    if isinstance(value, Beat):
        return value if abs(value.ts) < INT64_END else Refused("number_out_of_range", f"{record.subject}: {value.ts}")
    if isinstance(value, (Market, Event)) and len(value.id) > ID_CHARS_MAX:
        return Refused("bad_id", f"{record.subject}: an id of {len(value.id)} characters")
    return value


class LaneMemory:
    """What the archive of one lane's log knows to be stored. Bounded by what has not ended."""

    def __init__(self, lane: int, sources: dict[str, Heard] | None = None) -> None:
        self._lane = lane
        self._markets: dict[str, LastState | None] = {}
        self._events: dict[str, bytes | None] = {}
        self._forms: set[int] = set()
        self._keys: dict[str, int] = {}
        self._sources = Sources(sources)

    def unknown(self, records: Sequence[Decoded]) -> tuple[list[str], list[str]]:
        """Ids of markets and of events whose last state is to be learned before these records can be judged."""
        markets = {one.record.id for one in records if isinstance(one.record, Market)}
        events = {one.record.id for one in records if isinstance(one.record, Event)}
        return sorted(markets - self._markets.keys()), sorted(events - self._events.keys())

    def learn(self, markets: dict[str, LastState | None], events: dict[str, bytes | None]) -> None:
        """The last state of each as stored, None for one that has none."""
        self._markets |= markets
        self._events |= events

    def batch(self, records: Sequence[Decoded]) -> Batch:
        """What these records add. There is at least one, and nothing in them is unknown."""
        if len(self._forms) > FORMS_HELD_MAX:
            self._forms.clear()
        batch = Batch(records[-1].s, records[-1].at_us, len(records))
        for one in records:
            match one.record:
                case Market() as market:
                    try:
                        self._market(batch, market, one)
                    except Refused as refusal:
                        batch.unreadable.append(Unreadable(one.s, f"{refusal.code}: {refusal}"))
                case Event() as event:
                    self._event(batch, event, one)
                case Beat() as beat:
                    self._sources.beat(source_id(beat.feed, self._lane), beat, s=one.s, at_us=one.at_us)
                case Refused() as refusal:
                    batch.unreadable.append(Unreadable(one.s, f"{refusal.code}: {refusal}"))
        batch.heard = self._sources.changed()
        self._forget_ended(batch)
        return batch

    def _market(self, batch: Batch, market: Market, one: Decoded) -> None:
        body = form_body(market)
        form = key_of(body)
        state = LastState(form, numbers_of(market), market.gone)
        last = self._markets[market.id]
        if state == last:
            batch.repeats += 1
            return
        if form not in self._forms:
            self._forms.add(form)
            batch.forms.append(form_of(market, body))
        key = self._keys.get(market.id)
        if key is None:
            key = self._keys[market.id] = market_key(market.id)
        if last is None or market.gone != last.gone:
            batch.markets.append(
                Known(key, market.id, market.event, one.at_us, market.gone, market.replaced_by, market.replaces)
            )
        self._markets[market.id] = state
        batch.changes.append(Change(one.at_us, key, form, one.s, state.numbers))

    def _event(self, batch: Batch, event: Event, one: Decoded) -> None:
        body = encode_record(event)
        if self._events[event.id] == body:
            batch.repeats += 1
            return
        self._events[event.id] = body
        batch.events.append(EventChange(one.at_us, event.id, one.s, body))

    def _forget_ended(self, batch: Batch) -> None:
        """What has ended is written for the last time, most likely; should it come back, it is learned again."""
        for known in batch.markets:
            if known.gone:
                self._markets.pop(known.id, None)
                self._keys.pop(known.id, None)
        for change in batch.events:
            if b'"state":"ended"' in change.body:
                self._events.pop(change.event, None)
