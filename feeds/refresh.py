"""Which records of a lane are due to be written anew, so that last-per-subject stays the whole board. Pure.

Every record that has not ended (a market not gone, an event not ended, a lead, an overlay) is repeated, the same bytes,
before it is a quarter of the log's age old. Records are looked at no further than their bytes. Their age is counted
from when this process met them; those of a board may be older, so they are due first, spread over a short time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, takewhile
from typing import NamedTuple

from feeds.contract.lane import Board, Stored
from feeds.contract.subjects import kind_of

DUE_PART = 0.2
"""A record is due at this part of the log's age; what is left up to a quarter is for the spread."""
SPREAD_PART = 0.04
SPREAD_PER_S_MAX = 1_000
"""A board's records come due over this part of the log's age, at no more than this rate."""

_PREFIX_LENGTH = len("odds.")
_GONE = b'"gone":true'
_ENDED = b'"state":"ended"'
_OVER = b'"over":true'


class _Held(NamedTuple):
    record: Stored
    due_s: float


class LaneRecords:
    """The records of one lane that have not ended, oldest position first. Times are seconds of a monotonic clock."""

    def __init__(self, *, log_age_s: float) -> None:
        self._due_after_s = log_age_s * DUE_PART
        self._spread_s = log_age_s * SPREAD_PART
        self._held: dict[str, _Held] = {}
        self._repeated: dict[str, _Held] = {}  # given out, and not come back as a new record yet
        self.position = 0

    def __len__(self) -> int:
        return len(self._held) + len(self._repeated)

    def __iter__(self) -> Iterator[Stored]:
        """Every record, its subject as stored."""
        return (held.record for held in chain(self._repeated.values(), self._held.values()))

    def board(self, board: Board, now_s: float) -> None:
        """The lane as of a position. What is held and unchanged keeps its time; all else is due first, spread."""
        before = {**self._repeated, **self._held}
        self.forget()
        unmet = [record for record in board.records if not has_ended(record)]
        step_s = min(self._spread_s / max(1, len(unmet)), 1 / SPREAD_PER_S_MAX)
        for index, record in enumerate(unmet):
            key = record.subject[_PREFIX_LENGTH:]
            held = before.get(key)
            if held is None or held.record.s != record.s:
                held = _Held(record._replace(subject="odds." + key), now_s + index * step_s)
            self._held[key] = held
        self.position = board.position

    def record(self, record: Stored, now_s: float) -> None:
        """The next record of the lane."""
        self.position = record.s
        key = record.subject[_PREFIX_LENGTH:]
        self._held.pop(key, None)
        self._repeated.pop(key, None)
        if not has_ended(record):
            self._held[key] = _Held(record._replace(subject="odds." + key), now_s + self._due_after_s)

    def forget(self) -> None:
        """The log was lost."""
        self._held.clear()
        self._repeated.clear()
        self.position = 0

    def due(self, now_s: float, limit: int) -> list[Stored]:
        """At most `limit` records to be repeated now, longest due first; each again if it has not come back in time."""
        due: dict[str, Stored] = {}
        for key, held in chain(
            self._repeated.items(), takewhile(lambda item: item[1].due_s <= now_s, self._held.items())
        ):
            if len(due) == limit:
                break
            if held.due_s <= now_s:
                due[key] = held.record
        for key, record in due.items():
            self._held.pop(key, None)
            self._repeated[key] = _Held(record, now_s + self._spread_s)
        return list(due.values())


def has_ended(record: Stored) -> bool:
    """Whether the record may age out. Beats come four times a second, so nobody needs to repeat one."""
    kind = kind_of(record.subject)
    if kind == "market":
        return _GONE in record.data
    if kind == "event":
        return _ENDED in record.data
    if kind == "desk":
        return _OVER in record.data
    return kind == "beat"
