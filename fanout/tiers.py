"""A tier: devices that accept the same delay. On its tick every changed market is encoded once and every cohort gets
one frame. Nothing here awaits, and nothing here knows a single device.

A tier comes in phases, each with the cohorts of some topics, so that a large shard writes all the time instead of in
bursts; a phase is a Tier of its own. The tier without delay has but one.

`sent` is what the tier last sent of each market, the `p` of its next delta; a market it never sent comes whole.
`flushed` is how far each lane was flushed: every live device of the tier holds everything up to there. Frames are
written in turns of bounded length; a flush has happened when all of its frames are written, and no device goes live
meanwhile. A heartbeat leaves with the flush, by the same write as the frame before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from fanout.board import Board
from fanout.cohorts import Cohort, CohortIndex, Outgoing
from fanout.contract import messages
from fanout.contract.codec import delta_json
from fanout.contract.cursor import encode_cursor
from fanout.scheduler import quantiles
from feeds.contract.book import Delta, Entry, MarketEntry
from feeds.contract.freshness import SourceState


class Tier:
    """One conflation tier of a shard, or one phase of it. `phase` is its moment within the interval, 0 to 1.

    `began_ms`: when its last flush began. `lag_ms`: asked what heartbeats say of its lag; whoever drives it knows.
    `urgent_waits`: something that waits for no tick is not written yet.
    """

    def __init__(self, board: Board, *, index: int, interval_ms: int, phase: float, hb_ms: int) -> None:
        self.index = index
        self.interval_ms = interval_ms
        self.phase = phase
        self.cohorts = CohortIndex(index)
        self.flushed = [0] * len(board.lanes)
        self.frames = 0
        self.writes = 0
        self.deliveries = 0
        self.began_ms = 0
        self.lag_ms: Callable[[], Mapping[str, int]] = partial(quantiles, ())
        self.urgent_waits = False
        self._board = board
        self._hb_ms = hb_ms
        self._unwritten: dict[Cohort, None] = {}
        self._target: list[int] | None = None
        self._sent: dict[str, int] = {}
        self._returned: dict[tuple[int, str], None] = {}
        self._returning: dict[tuple[int, str], None] = {}
        self._beating: deque[Cohort] = deque()

    @property
    def writing(self) -> bool:
        """Whether frames are on their way: `write_some` is to be called until they are not."""
        return bool(self._unwritten) or self.flushing

    @property
    def flushing(self) -> bool:
        """Whether a flush has begun that has not happened yet."""
        return self._target is not None

    def flush(self, now_ms: int) -> None:
        """Everything that changed since the last flush, to every cohort it concerns, with a cursor.

        It has happened once `write_some` says so; until then no other flush may begin.
        """
        assert self._target is None
        self.began_ms = now_ms
        self._returning, self._returned = self._returned, {}
        touched: dict[Cohort, None] = {}
        if len(self.cohorts):
            for lane in self._board.lanes:
                for entry in lane.book.changed_since(self.flushed[lane.number]):
                    self._collect(entry, touched)
        self._target = [lane.book.position for lane in self._board.lanes]
        for cohort in touched:
            self._send(cohort, now_ms, cursor=self._cursor(cohort, self._target))
            self._unwritten[cohort] = None
        self._beat_due(now_ms, self._target)

    def urgent(self, entries: Iterable[Entry], now_ms: int) -> None:
        """These markets now, in frames without a cursor: a change to a status other than open waits for no tick.

        Cohorts that hear of it are served before all others.
        """
        touched: dict[Cohort, None] = {}
        for entry in entries:
            self._collect(entry, touched)
        for cohort in touched:
            self._send(cohort, now_ms, cursor=None)
        if touched:
            self._unwritten = touched | self._unwritten
            self.urgent_waits = True

    def write_some(self, now_ms: int, writes_max: int) -> tuple[int, bool]:
        """The next writes, at most so many. Gives how many there were, and whether a flush has happened by them."""
        left = writes_max
        while self._unwritten and left > 0:
            cohort = next(iter(self._unwritten))
            written = cohort.write_some(left)
            left -= written.writes
            self.writes += written.writes
            self.frames += written.frames
            self.deliveries += written.deliveries
            if written.done:
                del self._unwritten[cohort]
        if self._unwritten:
            return writes_max - left, False
        self.urgent_waits = False
        if self._target is None:
            return writes_max - left, False
        self.flushed, self._target = self._target, None
        for lane, source_id in self._returning:
            self._broadcast_source(lane, source_id, "live", now_ms)
        self._returning = {}
        return writes_max - left, True

    def tell_source(self, lane: int, source_id: str, state: SourceState, now_ms: int) -> None:
        """A source turned. `live` is told only after the next flush, which covers everything up to its beat."""
        if state == "live":
            self._returned[lane, source_id] = None
            return
        self._returned.pop((lane, source_id), None)
        self._returning.pop((lane, source_id), None)
        self._broadcast_source(lane, source_id, state, now_ms)

    def begin_beating(self, cohort: Cohort, now_ms: int) -> None:
        """A cohort that was just made gets its first heartbeat one interval from now."""
        cohort.hb_due_ms = now_ms + self._hb_ms
        self._beating.append(cohort)

    def forget(self, entries: Iterable[Entry]) -> None:
        """These are no longer held."""
        for entry in entries:
            self._sent.pop(entry.state.id, None)
            self.cohorts.forget(entry.state.id)

    def joined(self, lane: int, position: int) -> None:
        """A lane is read from here on. Nobody was live on it before, so nothing of it waits to be flushed."""
        self.flushed[lane] = position
        if self._target is not None:
            self._target[lane] = position

    def clear(self) -> None:
        """Another log: positions mean nothing any more, nor does what is on its way."""
        for cohort in self._unwritten:
            cohort.discard()
        self._unwritten.clear()
        self.urgent_waits = False
        if self._target is not None:
            self._target = [0] * len(self._target)
        self.cohorts.clear()
        self._sent.clear()
        self._returned.clear()
        self._returning.clear()
        self.flushed = [0] * len(self.flushed)

    def _collect(self, entry: Entry, touched: dict[Cohort, None]) -> None:
        audience = self.cohorts.audience(entry)
        if not audience:
            return
        part = self._part(entry)
        if part is None:
            return
        is_market = isinstance(entry, MarketEntry)
        for cohort in audience:
            touched[cohort] = None
            (cohort.markets if is_market else cohort.events).append(part)

    def _part(self, entry: Entry) -> bytes | None:
        entry_id = entry.state.id
        p = self._sent.get(entry_id)
        if p == entry.s or (isinstance(entry, MarketEntry) and entry.worn):
            return None
        self._sent[entry_id] = entry.s
        if p is None or not isinstance(entry, MarketEntry):
            return self._board.whole(entry)
        change = entry.since(p)
        if change is None:
            return None
        return delta_json(change, p) if isinstance(change, Delta) else self._board.whole(entry)

    def _send(self, cohort: Cohort, now_ms: int, *, cursor: str | None) -> None:
        payload = messages.delta_frame(now_ms, cohort.markets, cohort.events, cursor=cursor)
        cohort.send(Outgoing(payload, cursor, len(cohort.markets)))
        cohort.markets.clear()
        cohort.events.clear()

    def _tell(self, cohort: Cohort, payload: bytes, cursor: str | None = None) -> None:
        cohort.send(Outgoing(payload, cursor, 0))
        self._unwritten[cohort] = None

    def _cursor(self, cohort: Cohort, flushed: list[int]) -> str:
        return encode_cursor(self._board.epoch, [(lane, flushed[lane]) for lane in cohort.lanes])

    def _beat_due(self, now_ms: int, target: list[int]) -> None:
        """A heartbeat to every cohort whose turn it is, behind its part of the flush up to `target`."""
        beating = self._beating
        while beating and beating[0].hb_due_ms <= now_ms:
            cohort = beating.popleft()
            if not cohort.users:
                continue
            if len(cohort):
                self._beat(cohort, now_ms, self._cursor(cohort, target))
            cohort.hb_due_ms = now_ms + self._hb_ms
            beating.append(cohort)

    def _beat(self, cohort: Cohort, now_ms: int, cursor: str) -> None:
        payload = messages.heartbeat(
            ts=now_ms,
            src=self._board.not_live(cohort.lanes),
            age_ms=self._board.ages_ms(cohort.lanes, now_ms),
            lag_ms=self.lag_ms(),
            cursor=cursor,
        )
        self._tell(cohort, payload, cursor)

    def _broadcast_source(self, lane: int, source_id: str, state: SourceState, now_ms: int) -> None:
        payload = messages.source(source_id, state, now_ms)
        for cohort in self.cohorts:
            if lane in cohort.lanes:
                self._tell(cohort, payload)
