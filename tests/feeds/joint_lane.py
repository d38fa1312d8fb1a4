"""One lane in memory that several pure feeds share, with everything that goes wrong between them and the log.

Time is a number that is moved on. Writes take a while to arrive and to be answered, reads lag, processes freeze, die
and come back, are cut off, and recover. A feed's provider knows its state of each market, also while nobody listens.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import msgspec

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.publisher import LanePublisher
from feeds.candidacy import Mandate
from feeds.contract.lane import Board, Stored
from feeds.contract.model import Event, Market, Selection
from feeds.contract.prices import Price
from feeds.contract.records import decode_record
from feeds.contract.subjects import is_event, kind_of, source_id
from feeds.feed_lane import FeedLane
from feeds.lane_log import Fence, Message
from feeds.leader import LaneLeader
from feeds.metrics import FeedMetrics
from feeds.overlay import LaneOverlays
from feeds.ownership import LaneOwnership, Priority
from feeds.ports import State
from feeds.recovery import HeldStates
from feeds.refresh import has_ended
from feeds.writer import LaneWriter, ReadLead, RemakeLog, Step, WriteLead, WriteStates
from tests.bus import bus, event, market
from tests.feeds.test_writer import Log

TICK_MS = 50
BEAT_MS = 250
ANSWER_MS_MAX = 2_000
MARKETS = [f"M{number}" for number in range(6)]


class Asked(NamedTuple):
    """A step on its way to the log: when it arrives, and when its answer does."""

    number: int
    step: Step
    arrives_ms: int
    answered_ms: int


class Provider:
    """What one provider knows: the newest state of its markets and its event, each with a version in its price."""

    def __init__(self, feed: str, markets: list[str]) -> None:
        self.feed = feed
        self.versions = dict.fromkeys(markets, 1)
        self.gone: set[str] = set()
        self.event_version = 1

    def state(self, market_id: str) -> Market:
        ts = self.versions[market_id]
        both = tuple(Selection(f"O{n}", f"{self.feed} {ts}", price=Price(2000 + ts, 100 + ts)) for n in (1, 2))
        made = market(market_id, "E1", feed=self.feed, lanes=1, ts=ts, selections=both)
        return msgspec.structs.replace(made, gone=True, st="settled") if market_id in self.gone else made

    def event(self) -> Event:
        return event("E1", name=self.feed, ts=self.event_version, clock=str(self.event_version))

    def known(self) -> list[State]:
        return [self.event(), *(self.state(market_id) for market_id in self.versions if market_id not in self.gone)]

    def move(self, random: Random) -> State:
        """Something changes: mostly a price, now and then a market ends or comes back."""
        if random.random() < 0.05:
            self.event_version += 1
            return self.event()
        market_id = random.choice(list(self.versions))
        self.versions[market_id] += 1
        if market_id in self.gone:
            self.gone.discard(market_id)
        elif random.random() < 0.04:
            self.gone.add(market_id)
        return self.state(market_id)


class Process:
    """One life of a feed's process."""

    def __init__(self, lane: JointLane, provider: Provider, priority: Priority) -> None:
        feed = provider.feed
        self.lane = lane
        self.provider = provider
        lane.lives += 1
        self.overlays = LaneOverlays()
        self.held = HeldStates(feed=feed, lane=0, overlays=self.overlays)
        self.ownership = LaneOwnership(feed=feed, lane=0, priority=priority, meet=self.held.meet)
        self.writer = LaneWriter(feed=feed, lane=0, mandate=Mandate(f"{feed}-{lane.lives}"))
        metrics = FeedMetrics()
        self.leader = LaneLeader(
            self.writer, lane.port, lane=0, log_age_s=3600, current=self.held.current, metrics=metrics
        )
        self.states = FeedLane(0, self.leader, held=self.held, ownership=self.ownership, metrics=metrics)
        self.asked: Asked | None = None
        self.read_to: int | None = None
        self.created = 0
        self.live_ms: int | None = None
        self.next_beat_ms = 0
        self.next_look_ms = 0

    @property
    def live(self) -> bool:
        return self.live_ms is not None and self.lane.now_ms >= self.live_ms

    def turn(self, *, cut_off: bool) -> None:
        """One turn of its loop."""
        now_ms = self.lane.now_ms
        if not cut_off:
            self._read()
        self._hear(cut_off=cut_off)
        if self.writer.leading and self.read_to is None:
            self._take_over()
        if self.read_to is not None:
            self.states.oversee(now_ms)
        if self.live_ms is not None and self.leader._state != "live" and self.live:
            for state in self.provider.known():
                self.states.put(state, now_ms)
            self.states.recovered(lambda market: msgspec.structs.replace(market, gone=True), now_ms)
            self.states.health("live")
        if now_ms >= self.next_beat_ms:
            self.next_beat_ms = now_ms + BEAT_MS
            self.writer.beat(self.leader._state, now_ms)
        if now_ms >= self.next_look_ms:
            self.next_look_ms = now_ms + BEAT_MS
            self.states.contend(now_ms)
            if not cut_off:
                for record in self.overlays.to_write(now_ms):
                    self.lane.write([Message(record.subject, record.data)], Fence(record.subject, record.s))
        if self.asked is None and (step := self.writer.step()) is not None:
            arrives_ms = now_ms + self.lane.random.randrange(0, 200)
            self.lane.asked += 1
            self.asked = Asked(self.lane.asked, step, arrives_ms, arrives_ms + self.lane.random.randrange(0, 200))
            if not cut_off:
                self.lane.sent.append(self.asked)

    def put(self, state: State) -> None:
        if self.leader._state == "live":
            self.states.put(state, self.lane.now_ms)

    def recover(self, for_ms: int) -> None:
        if self.leader._state == "live":
            self.states.health("recovering")
            self.live_ms = self.lane.now_ms + for_ms

    def _take_over(self) -> None:
        board = self.read_board()
        self.states.hold(record for record in board if not has_ended(record))
        self.live_ms = self.lane.now_ms + self.lane.random.randrange(0, 1_500)

    def read_board(self) -> list[Stored]:
        """As it does at its start, and after it may have missed something."""
        self.read_to = self.lane.log.end
        self.created = self.lane.log.created
        last = {record.subject: record for record in self.lane.log.stored}
        board = sorted(last.values(), key=lambda record: record.s)
        self.ownership.board(Board(self.read_to, 1, board), self.lane.now_ms)
        self.overlays.board(Board(self.read_to, 1, board))
        return board

    def _read(self) -> None:
        if self.read_to is None:
            return
        if self.created != self.lane.log.created:
            self.ownership.forget()
            self.overlays.forget()
            self.read_board()
        until = self.lane.now_ms - self.lane.random.randrange(0, 150)
        for record in self.lane.log.stored[self.read_to :]:
            if self.lane.stored_ms[record.s] > until:
                break
            self.read_to = record.s
            self.ownership.record(record, self.lane.now_ms)
            if kind_of(record.subject) == "desk":
                self.overlays.record(record)
            elif is_event(record.subject):
                self.overlays.event(record)

    def _hear(self, *, cut_off: bool) -> None:
        asked, now_ms = self.asked, self.lane.now_ms
        if asked is None:
            return
        if not cut_off and asked.number in self.lane.done and now_ms >= asked.answered_ms:
            self.asked = None
            self._answer(asked.step, self.lane.done.pop(asked.number))
        elif now_ms >= asked.arrives_ms + ANSWER_MS_MAX:
            self.asked = None
            self.writer.unknown(now_ms)

    def _answer(self, step: Step, s: int | None) -> None:
        match step:
            case WriteStates():
                self.writer.refused() if s is None else self.writer.states_written(s)
            case WriteLead():
                self.writer.refused() if s is None else self.writer.lead_written(s)
            case ReadLead():
                self.writer.lead_read(self.lane.log.last(self.writer.lead_subject), self.lane.now_ms)
            case RemakeLog():
                self.writer.made(str(self.lane.log.created))
        if self.writer.lost:
            self.writer.restore(self.held.current())


class JointLane:
    """The lane, and the time."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now_ms = 1_000_000
        self.log = Log()
        self.port = LanePublisher(Connection("nats://127.0.0.1", name="test"), 0, bus=bus())  # steps go by hand
        self.stored_ms: dict[int, int] = {}
        self.sent: list[Asked] = []
        self.done: dict[int, int | None] = {}
        self.asked = 0
        self.lives = 0

    def advance(self) -> None:
        """Time passes; what arrives by now is stored."""
        self.now_ms += TICK_MS
        arrived = [asked for asked in self.sent if asked.arrives_ms <= self.now_ms]
        self.sent = [asked for asked in self.sent if asked.arrives_ms > self.now_ms]
        for asked in arrived:
            match asked.step:
                case WriteStates(messages, fence, _):
                    self.done[asked.number] = self.write(messages, fence)
                case WriteLead(message, fence):
                    self.done[asked.number] = self.write([message], fence)
                case _:
                    self.done[asked.number] = 0

    def lose(self) -> None:
        """The log is lost, and another one is there."""
        self.log.lose()
        self.stored_ms.clear()

    def write(self, messages: list[Message], fence: Fence) -> int | None:
        """At once."""
        before = self.log.end
        s = self.log.write(messages, fence)
        self.stored_ms.update(dict.fromkeys(range(before + 1, self.log.end + 1), self.now_ms))
        return s

    def states(self) -> list[tuple[Stored, Market | Event]]:
        """Every state there ever was, in order."""
        found = ((record, decode_record(record.subject, record.data)) for record in self.log.stored)
        return [(record, state) for record, state in found if isinstance(state, (Market, Event))]


def source(feed: str) -> str:
    """The source of a feed in this lane."""
    return source_id(feed, 0)
