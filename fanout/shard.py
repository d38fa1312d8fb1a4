"""The shard: the log on one side, devices on the other, and the order of work between them. Pure.

It takes what the lane port (feeds.contract.lane) brings. Whoever drives it calls `settle` once after each burst of
records, `flush` on every tick of a tier, `write_some` while it is `writing`, `sweep` a few times a second, and
`step_walks` while that says there is more to do.
It reads no clock: `now_ms` is handed in, and the lane port's calls use the last one.
"""

from __future__ import annotations

from fanout.accounts import Accounts
from fanout.board import Board, Moved
from fanout.contract import messages
from fanout.peers import Peers
from fanout.placement import Placement
from fanout.sessions import Sessions
from fanout.settings import FanoutSettings
from fanout.tiers import Tier
from feeds.contract import lane as lane_port
from feeds.contract.book import Entry
from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market
from feeds.contract.records import Beat, Lead, decode_record
from feeds.contract.subjects import source_id

WORN_A_SWEEP = 500
"""Markets of a lane that were gone and told, put away in one sweep: about a millisecond."""


class Shard:
    """Board, tiers and devices of one fan-out process."""

    def __init__(self, settings: FanoutSettings, *, lanes: int) -> None:
        self.settings = settings
        self.board = Board(lanes)
        self.tiers = _tiers(settings, self.board)
        self.placement = Placement(settings, self.board, self.tiers)
        self.peers = Peers(settings.peers)
        self.accounts = Accounts(settings.hb_ms)
        self.sessions = Sessions(settings, self.board, self.placement, self.peers, self.accounts)
        self.now_ms = 0
        self.records = 0
        self.refused = 0
        self.boards = 0
        self._urgent: dict[str, Entry] = {}

    # The log's side: feeds.contract.lane.LaneSink

    def epoch(self, epoch: str) -> None:
        """Identity of the log. Another one: every device starts anew."""
        if epoch == self.board.epoch:
            return
        first = not self.board.epoch
        self._urgent.clear()
        self.board.clear(epoch)
        for tier in self.tiers:
            tier.clear()
        if first:
            return
        self.placement.forget_walks()
        for device in tuple(self.sessions.devices):
            if device.cohort is not None:
                device.cohort.leave(device.outlet)
                self.placement.restart(device, device.cohort.topics, "epoch_changed")
                device.forgot = True

    def board_read(self, number: int, board: lane_port.Board) -> None:
        """The whole lane as of a position: at joining, and after a hole."""
        self.boards += 1
        self._flush_urgent()
        lane = self.board.lanes[number]
        joining = not lane.joined
        missed_below_floor = not joining and lane.book.position < board.floor - 1
        states: list[tuple[Market | Event, int]] = []
        for stored in board.records:
            record = self._decode(stored)
            if isinstance(record, Market | Event):
                states.append((record, stored.s))
            else:
                self._note_source(number, record)
        moved = self.board.load(number, states, board.position)
        if joining:
            for tier in self.tiers:
                tier.joined(number, board.position)
        else:
            self._urgent |= {move.entry.state.id: move.entry for move in moved if move.urgent}
        self.floor(number, board.floor)
        if missed_below_floor:
            self._start_lane_anew(number)
        self._tell_sources(number)
        self.placement.lane_joined()

    def record(self, number: int, stored: lane_port.Stored) -> None:
        """The next record of a lane. Of one that was forgotten just now some may still be on their way here."""
        if not self.board.lanes[number].joined:
            return
        self.records += 1
        record = self._decode(stored)
        if not isinstance(record, Market | Event):
            self.board.lanes[number].book.advance(stored.s)
            self._note_source(number, record)
            if isinstance(record, Beat):
                self._tell_sources(number)
            return
        if record.id in self._urgent:
            self._flush_urgent()
        moved: Moved = self.board.apply(number, record, stored.s)
        if moved.urgent:
            self._urgent[record.id] = moved.entry

    def floor(self, number: int, floor: int) -> None:
        """The lane's log begins at `floor` now: what lies below is forgotten."""
        if floor <= self.board.lanes[number].book.floor:
            return
        self._flush_urgent()
        dropped = self.board.raise_floor(number, floor)
        for tier in self.tiers:
            tier.forget(dropped)
        if any(not entry.gone for entry in dropped):
            self._start_lane_anew(number)
        else:
            self.placement.floor_rose(number, floor)

    # The clock's side

    def settle(self, now_ms: int) -> None:
        """After a burst of records: what is urgent goes on its way to everyone."""
        self.now_ms = now_ms
        self._flush_urgent()

    def serve_waiting(self, now_ms: int) -> None:
        """After the records were settled, and flushed where no delay is allowed: those who waited for the log."""
        self.now_ms = now_ms
        self.sessions.retry_waiting(now_ms)

    def flush(self, tier: Tier, now_ms: int) -> None:
        """A tick of one tier, whose last flush has happened. Its frames are written by `write_some`."""
        self.now_ms = now_ms
        self._flush_urgent()
        tier.flush(now_ms)

    @property
    def writing(self) -> bool:
        """Whether frames are on their way to devices."""
        return any(tier.writing for tier in self.tiers)

    def write_some(self, now_ms: int, writes_max: int) -> list[Tier]:
        """The next writes, at most so many. Gives the tiers whose flush has happened.

        What is urgent goes first, then the tier without delay, then what began first. Who waited for a tier to have
        nothing on its way goes live right then: under load that is but a moment.
        """
        self.now_ms = now_ms
        flushed: list[Tier] = []
        for tier in sorted((tier for tier in self.tiers if tier.writing), key=_turn):
            if writes_max <= 0:
                break
            writes, has_flushed = tier.write_some(now_ms, writes_max)
            writes_max -= writes
            if has_flushed:
                flushed.append(tier)
            if not tier.writing:
                self.placement.written(tier, now_ms)
        return flushed

    def step_walks(self, now_ms: int, chunks: int) -> bool:
        """The next chunks of those who catch up. Gives whether there are more to come."""
        self.now_ms = now_ms
        return self.placement.step_some(now_ms, chunks)

    def sweep(self, now_ms: int) -> None:
        """Ages of sources, and every deadline of a device."""
        self.now_ms = now_ms
        for lane in self.board.lanes:
            if lane.joined:
                self._tell_sources(lane.number)
                self._wear(lane.number)
        self.sessions.sweep(now_ms)
        self.accounts.sweep(now_ms)

    def wanted_lanes(self, now_ms: int) -> frozenset[int]:
        """The lanes to read. A lane that is wanted no more is forgotten."""
        wanted = self.placement.wanted_lanes(now_ms) | self.sessions.waited_lanes()
        for lane in self.board.lanes:
            if lane.joined and lane.number not in wanted:
                forgotten = list(lane.book.entries())
                self.board.forget_lane(lane.number)
                for tier in self.tiers:
                    tier.forget(forgotten)
        return wanted

    def _decode(self, stored: lane_port.Stored) -> Market | Event | Beat | Lead | None:
        try:
            return decode_record(stored.subject, stored.data)
        except Refused:
            self.refused += 1
            return None

    def _note_source(self, number: int, record: Beat | Lead | None) -> None:
        sources = self.board.lanes[number].sources
        if isinstance(record, Beat):
            sources.beat(source_id(record.feed, number), record.state, record.ts, self.now_ms)
        elif isinstance(record, Lead):
            sources.claimed(source_id(record.feed, number), record.ts, self.now_ms)

    def _tell_sources(self, number: int) -> None:
        for source, state in self.board.lanes[number].sources.turned(self.now_ms):
            for tier in self.tiers:
                tier.tell_source(number, source, state, self.now_ms)
            if state != "live":
                self.placement.tell_source(number, messages.source(source, state, self.now_ms))

    def _flush_urgent(self) -> None:
        if self._urgent:
            entries = tuple(self._urgent.values())
            self._urgent.clear()
            for tier in self.tiers:
                tier.urgent(entries, self.now_ms)

    def _wear(self, number: int) -> None:
        """What is gone, and was told to every live device, costs next to nothing from here."""
        told = min(tier.flushed[number] for tier in self.tiers)
        worn = self.board.wear(number, told, WORN_A_SWEEP)
        if worn:
            for tier in self.tiers:
                tier.forget(worn)

    def _start_lane_anew(self, number: int) -> None:
        """Track of a lane was lost beyond the log's age: its topics start anew."""
        lanes = frozenset({number})
        for device in tuple(self.sessions.devices):
            cohort = device.cohort
            if cohort is not None and number in cohort.lanes:
                topics = [topic for topic in cohort.topics if lanes & self.board.lanes_of((topic,))]
                self.placement.restart(device, topics, "not_covered")


def _turn(tier: Tier) -> tuple[bool, bool, int]:
    return not tier.urgent_waits, tier.interval_ms > 0, tier.began_ms


def _tiers(settings: FanoutSettings, board: Board) -> tuple[Tier, ...]:
    """Every phase of every tier, the fastest tier first."""
    moments = [
        (interval_ms, phase / phases)
        for interval_ms in settings.tiers_ms
        for phases in (settings.tick_phases if interval_ms else 1,)
        for phase in range(phases)
    ]
    return tuple(
        Tier(board, index=index, interval_ms=interval_ms, phase=phase, hb_ms=settings.hb_ms)
        for index, (interval_ms, phase) in enumerate(moments)
    )
