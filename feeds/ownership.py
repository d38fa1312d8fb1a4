"""Which feed may write a market or event that several feeds have, in one lane, by what this feed's leader reads of it.
Pure: decides from records, beats and a clock it is given. It must never look into what a state says, and never mix two
feeds in one record: a state is written whole, by one feed, or not at all.

The last record of a subject names its feed (`src`), ended or not. A feed may write over

- nothing, its own, and a record without `src`: always;
- another feed's, only while it hears its own beats in the lane and is not down. Who is cut off from the log would take
  everybody for dead, and would flood the lane with old prices when it is back;
- one whose feed is dead (no beat, none for 3 s, or `down`): at once;
- one whose feed is recovering: if it is live itself, or stands before it in the priority;
- one whose feed is live: only if it stands before it and has been live itself for the hysteresis, counted from the
  first `live` beat in the lane after which no three seconds passed without one.

Of two feeds that see the same lane at most one may write over the other, so nobody answers a rewrite with a rewrite.
(The simpler "may write if the other is not live" fails there: two feeds that recover at the same time go on and on.)
Feeds without a place in the priority stand behind all others, by name. An ended record counts like any other: the
second feed, seconds behind, must not open again what the first has just settled.

What a feed may not write it keeps, the newest state only, and writes as soon as it may. What it lost to another feed's
record it writes again once it may, which also heals two writes that crossed. Both are looked at at intervals, so a
subject is rewritten at most once in an interval even where clocks differ so much that feeds take each other for dead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.freshness import STALE_AFTER_MS, Source
from feeds.contract.lane import Board, Stored
from feeds.contract.model import FeedState
from feeds.contract.records import Beat, decode_record
from feeds.contract.subjects import is_event, kind_of, source_id
from feeds.refresh import has_ended

CONTEND_INTERVAL_MS = 250
"""How often what was kept or lost is looked at."""

CONTEND_MAX = 4_000
"""Subjects of a lane that are written in one look; more wait for the next one."""

ENDED_MAX = 16_384
"""Ended records of other feeds that are remembered in a lane. Beyond it the oldest is forgotten, and a feed that still
has that market may write it, as if nobody ever had."""

_SRC = b'"src":"'
"""In our own compact bytes. In a string the quotes would be escaped, so it is found nowhere else."""

Claim = Literal["write", "keep", "drop"]
"""What is to be done with a state: write it, keep it until it may be written, or nothing: another feed said it."""


class Priority(NamedTuple):
    """The same for every feed of an installation. `feeds`: the first wins."""

    feeds: tuple[str, ...] = ()
    hysteresis_ms: int = 10_000

    def place(self, feed: str) -> tuple[int, str]:
        """Where a feed stands; the lower goes first."""
        return (self.feeds.index(feed) if feed in self.feeds else len(self.feeds), feed)


NO_PRIORITY = Priority()


class _Heard(msgspec.Struct):
    """What was heard of a feed in the lane."""

    source: Source
    live_since_ms: int

    @property
    def state(self) -> FeedState:
        return self.source.feed_state

    def dead(self, now_ms: int) -> bool:
        return self.state == "down" or self.source.age_ms(now_ms) > STALE_AFTER_MS


class LaneOwnership:
    """What `feed` may write in `lane`. Every record of the lane is to be handed to `record`, but for those with its
    `own_mark` while it is `alone`: these change nothing, and are nearly all there are. `meet(subject, ended)` is
    told of another feed's record there, which has ended or has not, and gives whether there is anything to write over
    it."""

    def __init__(self, *, feed: str, lane: int, priority: Priority, meet: Callable[[str, bool], bool]) -> None:
        self._feed = feed
        self._priority = priority
        self._place = priority.place(feed)
        self._meet = meet
        self.own_mark = _SRC + source_id(feed, lane).encode() + b'"'
        self._suffix = f"-{lane}"
        self._heard: dict[str, _Heard] = {}
        self._others: dict[str, str] = {}
        self._ended: dict[str, None] = {}
        self._contested: dict[str, dict[str, bool]] = {}
        """By the feed of the last record: subjects, and whether a state of ours was kept, not only lost."""

    @property
    def alone(self) -> bool:
        """Whether no other feed has a state in the lane."""
        return not self._others

    def board(self, board: Board, now_ms: int) -> None:
        """The lane as of a position. What was kept is kept on, whatever was missed meanwhile."""
        kept = [subject for contested in self._contested.values() for subject, kept in contested.items() if kept]
        self.forget()
        for record in board.records:
            self.record(record, now_ms)
        for subject in kept:
            self._contest(subject, self._last(subject), kept=True)

    def forget(self) -> None:
        """The log was lost. How feeds are is known all the same."""
        self._others.clear()
        self._ended.clear()
        self._contested.clear()

    def record(self, record: Stored, now_ms: int) -> None:
        """The next record of the lane."""
        if self.own_mark in record.data:
            if (subject := _stored(record.subject)) in self._others:
                self._last_by(subject, None)
            return
        kind = kind_of(record.subject)
        if kind == "beat":
            self._beat(record, now_ms)
        elif kind in ("market", "event"):
            self._last_by(_stored(record.subject), self._feed_of(record.data), ended=has_ended(record))

    def claim(self, subject: str, now_ms: int, *, ends: bool) -> Claim:
        """Whether a state may be written now. What is to be kept `due` gives the subject of as soon as it may."""
        feed = self._others.get(subject)
        if feed is None and not self._contested:
            return "write"
        feed = feed or self._feed
        if self._may_write_over(feed, now_ms):
            self._settle(subject)
            return "write"
        if ends and subject in self._ended:
            self._settle(subject)
            return "drop"
        self._contest(subject, feed, kept=True)
        return "keep"

    def owns(self, subject: str, now_ms: int) -> bool:
        """Whether this feed speaks for a market: it may write it, and has nothing of it left to write."""
        feed = self._last(subject)
        return subject not in self._contested.get(feed, ()) and self._may_write_over(feed, now_ms)

    def due(self, now_ms: int, limit: int = CONTEND_MAX) -> list[str]:
        """Subjects that are to be written now, events after all markets: an event must not end before these."""
        markets: list[str] = []
        events: list[str] = []
        for feed, subjects in self._contested.items():
            if subjects and self._may_write_over(feed, now_ms):
                for subject in subjects:
                    (events if is_event(subject) else markets).append(subject)
        due = [*markets, *events][:limit]
        for subject in due:
            self._settle(subject)
        return due

    def _may_write_over(self, feed: str, now_ms: int) -> bool:
        if feed == self._feed:
            return True
        own, other = self._heard.get(self._feed), self._heard.get(feed)
        if own is None or own.dead(now_ms):
            return False
        if other is None or other.dead(now_ms):
            return True
        before = self._place < self._priority.place(feed)
        if other.state == "recovering":
            return before or own.state == "live"
        return before and own.state == "live" and now_ms - own.live_since_ms >= self._priority.hysteresis_ms

    def _last(self, subject: str) -> str:
        """Whose the last record is; nobody's counts as this feed's."""
        return self._others.get(subject, self._feed)

    def _last_by(self, subject: str, feed: str | None, *, ended: bool = False) -> None:
        """The subject's last record is another feed's now; None: its own, or nobody's.

        Where this feed has its own record back while it keeps a state, that record was on its way before the state was
        kept, and is older.
        """
        kept = self._settle(subject)
        self._others.pop(subject, None)
        self._ended.pop(subject, None)
        if feed is None:
            if kept:
                self._contest(subject, self._feed, kept=True)
            return
        self._others[subject] = feed
        if self._meet(subject, ended):
            self._contest(subject, feed, kept=kept)
        if ended:
            self._ended[subject] = None
        if len(self._ended) > ENDED_MAX:
            self._last_by(next(iter(self._ended)), None)

    def _contest(self, subject: str, feed: str, *, kept: bool) -> None:
        self._contested.setdefault(feed, {})[subject] = kept

    def _settle(self, subject: str) -> bool:
        """The subject is not contested any more. Gives whether it was, by a state that was kept."""
        contested = self._contested.get(self._last(subject))
        return contested is not None and contested.pop(subject, False)

    def _beat(self, record: Stored, now_ms: int) -> None:
        try:
            beat = decode_record(record.subject, record.data)
        except Refused:
            return  # nobody's word: the feed falls silent by it
        assert isinstance(beat, Beat)
        heard = self._heard.get(beat.feed)
        if heard is None:
            heard = self._heard[beat.feed] = _Heard(Source(beat.state, beat.ts, now_ms), now_ms)
            return
        if heard.state != "live" or heard.dead(now_ms):
            heard.live_since_ms = now_ms
        heard.source = Source(beat.state, beat.ts, now_ms)

    def _feed_of(self, data: bytes) -> str | None:
        """The feed of a record, None where it names none of this lane."""
        start = data.find(_SRC)
        if start < 0:
            return None
        start += len(_SRC)
        src = data[start : data.find(b'"', start)].decode(errors="replace")
        return src.removesuffix(self._suffix) if src.endswith(self._suffix) else None


def _stored(subject: str) -> str:
    """The subject as it is written, whichever way it was read."""
    return "odds." + subject[5:]


def priority_of(text: str, *, hysteresis_s: float) -> Priority:
    """The priority of a setting: names of feeds, separated by commas."""
    return Priority(tuple(filter(None, text.split(","))), round(hysteresis_s * 1000))
