"""The desk's overlays of one lane, as this feed's leader reads them. Pure: is told of records and the time.

It knows what is laid over which markets now, which scopes have to be looked at again, and which overlay records have to
be written: those that a lost log took along, and those of which nothing counts any more. It never decides what a desk
may do, and holds no market.

Time moves only by `due`, so that everything between two calls is judged by one moment.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import structlog

from feeds.contract.desk import Entries, Overlay, Rules, apply
from feeds.contract.errors import Refused
from feeds.contract.lane import Board, Stored
from feeds.contract.model import Market
from feeds.contract.records import decode_overlay, encode_overlay
from feeds.contract.subjects import desk_scope, is_event, kind_of
from feeds.refresh import has_ended

log = structlog.get_logger(__name__)


class _Laid(NamedTuple):
    """An overlay as the log has it. `record.s` is 0 where the log lost it."""

    record: Stored
    overlay: Overlay
    rules: Rules


class LaneOverlays:
    """What desks have laid over one lane."""

    def __init__(self) -> None:
        self._laid: dict[str, _Laid] = {}
        self._ended: set[str] = set()
        self._changed: dict[str, None] = {}
        self._ends: list[tuple[int, str]] = []
        self._now_ms = 0
        self._joined = False
        self._moved: Callable[[], None] = _nobody
        self.present = False
        """Whether there is any overlay. For every state is asked, so it is a plain attribute."""

    def listen(self, moved: Callable[[], None]) -> None:
        """`moved` is called whenever `due` would give something new."""
        self._moved = moved

    def board(self, board: Board) -> None:
        """The lane as of a position. What it does not have any more is over, but for what a lost log took along."""
        missing = {scope for scope, laid in self._laid.items() if laid.record.s > 0}
        for record in board.records:
            if kind_of(record.subject) == "desk":
                missing.discard(desk_scope(record.subject))
                self.record(record)
        for scope in missing:
            self._drop(scope)
        for record in board.records if self.present else ():
            if is_event(record.subject):
                self.event(record)
        self._joined = True

    def record(self, record: Stored) -> None:
        """The next overlay record of the lane. One that cannot be read leaves what was."""
        scope = desk_scope(record.subject)
        laid = self._laid.get(scope)
        record = record._replace(subject="odds." + record.subject[5:])
        if laid is not None and laid.record.data == record.data:
            self._laid[scope] = laid._replace(record=record)  # a refresh
            return
        try:
            overlay = decode_overlay(record.subject, record.data)
        except Refused as refusal:
            log.warning("overlay_unreadable", subject=record.subject, code=refusal.code, error=str(refusal))
            return
        if overlay.over:
            self._drop(scope)
            return
        rules = Rules(overlay)
        self._laid[scope] = _Laid(record, overlay, rules)
        self.present = True
        for end_ms in rules.ends_ms - (frozenset() if laid is None else laid.rules.ends_ms):
            heapq.heappush(self._ends, (end_ms, scope))
        self._change(scope)

    def event(self, record: Stored) -> None:
        """The next record of an event. Its overlay ends with it."""
        topic = record.subject.split(".", 2)[2].rpartition(".")[0]
        if not has_ended(record):
            self._ended.discard(topic)
        elif topic in self._laid:
            self._ended.add(topic)

    def forget(self) -> None:
        """The log was lost. What a trader said counts on, and is written to the new log."""
        self._joined = False
        for scope, laid in self._laid.items():
            self._laid[scope] = laid._replace(record=laid.record._replace(s=0))

    def apply(self, market: Market) -> Market:
        """A provider's state of a market as it is to be published."""
        topic = market.topic
        league = topic.rpartition(".")[0]
        get = self._laid.get
        found = [laid.rules for laid in (get(league.partition(".")[0]), get(league), get(topic)) if laid is not None]
        return apply(found, market, self._now_ms) if found else market

    def due(self, now_ms: int) -> list[str]:
        """The scopes of which something began or ended; each is given once."""
        self._now_ms = max(self._now_ms, now_ms)
        while self._ends and self._ends[0][0] <= self._now_ms:
            _, scope = heapq.heappop(self._ends)
            self._changed[scope] = None
        changed, self._changed = list(self._changed), {}
        return changed

    @property
    def next_end_ms(self) -> int | None:
        """When `due` has something to give, if nothing comes before."""
        return self._ends[0][0] if self._ends else None

    def to_write(self, now_ms: int) -> list[Stored]:
        """Overlay records to be written, each expecting the position it has."""
        if not self._joined:
            return []
        records = [laid.record for laid in self._laid.values() if laid.record.s == 0]
        for scope, (record, overlay, rules) in self._laid.items():
            out = rules.over_ms is not None and rules.over_ms <= now_ms
            if record.s > 0 and (out or scope in self._ended):
                over = msgspec.structs.replace(overlay, entries=Entries(), over=True)
                records.append(record._replace(data=encode_overlay(over)))
        return records

    def _drop(self, scope: str) -> None:
        self._ended.discard(scope)
        if self._laid.pop(scope, None) is not None:
            self.present = bool(self._laid)
            self._change(scope)

    def _change(self, scope: str) -> None:
        self._changed[scope] = None
        self._moved()


def _nobody() -> None:
    """Nobody listens yet."""
