"""An archive made by hand: states at given times, written as the archiver writes them, without a log."""

from __future__ import annotations

from collections.abc import Iterable

from feeds.contract.lane import Logged
from feeds.contract.model import Event, Market
from feeds.contract.records import Beat, encode_record
from feeds.contract.subjects import beat_subject, event_subject, market_subject
from gateway.history.batch import LaneMemory, decoded
from gateway.history.tables import ArchiveTables, LanePosition
from gateway.store.pool import Database

LANE = 0
BEGAN_US = 1_700_006_400_000_000
"""2023-11-15 00:00:00 UTC."""

Made = tuple[float, Market | Event | Beat]
"""A record and the seconds after BEGAN_US at which the log stored it."""


class MadeArchive:
    """One lane. Positions are dense from 1, in the order of writing."""

    def __init__(self, database: Database, *, created: str = "c1", epoch: str = "e1") -> None:
        self._tables = ArchiveTables(database)
        self._created = created
        self._epoch = epoch
        self._memory = LaneMemory(LANE)
        self._position: LanePosition | None = None

    async def write(self, records: Iterable[Made]) -> int:
        """Archives records; gives the last one's position."""
        if self._position is None:
            self._position = await self._tables.open_log(LANE, self._created, last_s=2**60)
            await self._tables.name_epoch(self._epoch, LANE, self._position)
        logged = [
            Logged(_subject(record), self._position.s + place, BEGAN_US + int(after_s * 1e6), encode_record(record))
            for place, (after_s, record) in enumerate(records, start=1)
        ]
        values = decoded(logged)
        markets, events = self._memory.unknown(values)
        self._memory.learn(await self._tables.last_states(markets), await self._tables.last_events(events))
        self._position = await self._tables.write(self._position, self._memory.batch(values), None)
        return self._position.s

    @property
    def log(self) -> int:
        assert self._position is not None
        return self._position.log


def at(after_s: float) -> int:
    """A moment, in microseconds of Unix time."""
    return BEGAN_US + int(after_s * 1e6)


def beat(after_s: float, state: str = "live", *, late_s: float = 0.0) -> Made:
    """A beat of the feed `alpha`, made `late_s` before it was stored."""
    return after_s, Beat("alpha", state, (at(after_s) - int(late_s * 1e6)) // 1000)  # type: ignore[arg-type]


def _subject(record: Market | Event | Beat) -> str:
    if isinstance(record, Beat):
        return beat_subject(LANE, record.feed)
    if isinstance(record, Event):
        return event_subject(LANE, record.topic)
    return market_subject(LANE, record.topic, record.id)
