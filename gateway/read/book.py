"""The gateway's own book: every event and market of the log as it stands, found by id, event, league and sport. Pure.

It takes what the lane port (feeds.contract.lane) brings, and says by subject (below) what changed, so that whoever
keeps bodies made of it can let go of exactly those. It reads no clock (`now_ms` is handed in) and makes no body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter

from feeds.contract import lane as lane_port
from feeds.contract.book import Entry, EventEntry, MarketBook, MarketEntry
from feeds.contract.errors import Refused
from feeds.contract.freshness import Sources, SourceState
from feeds.contract.model import MARKET_CLASSES, Event, Market
from feeds.contract.records import Beat, Lead, decode_record
from feeds.contract.subjects import lane_of, source_id
from gateway.read.ordering import standing

EPOCH = "epoch"
EVERYTHING = "*"
EVENTS = "events"
FUTURES = "futures"
LEAGUES = "leagues"
"""Subjects of change: positions begin anew; anything may have changed; some event's own
state; some future; which leagues there are."""


def market_subject(market_id: str) -> str:
    """One market changed."""
    return f"m.{market_id}"


def event_subject(event_id: str) -> str:
    """One event's own state changed: its score, clock or state."""
    return f"e.{event_id}"


def class_subject(event_id: str, cls: str) -> str:
    """A market of this class changed in this event."""
    return f"b.{event_id}.{cls}"


class Lane:
    """One lane as it was read. `joined`: a board was read, and nothing is missing since."""

    __slots__ = ("book", "heard_ms", "joined", "number", "sources")

    def __init__(self, number: int) -> None:
        self.number = number
        self.book = MarketBook()
        self.sources = Sources()
        self.joined = False
        self.heard_ms = 0


class Group:
    """One event with its markets. `event` is None while only markets of it are known."""

    __slots__ = ("_order", "event", "event_id", "lane", "league", "markets", "sport")

    def __init__(self, topic: str, lane: Lane) -> None:
        self.sport, self.league, self.event_id = topic.split(".", 2)
        self.lane = lane
        self.event: EventEntry | None = None
        self.markets: dict[str, MarketEntry] = {}
        self._order: list[MarketEntry] | None = None

    def board(self) -> list[MarketEntry]:
        """The markets that are not gone, in the order of a board, which is the same in every process."""
        if self._order is None:
            self._order = sorted(self.markets.values(), key=standing)
        return [entry for entry in self._order if not entry.state.gone]

    def reordered(self) -> None:
        """A market came, went, or came back as another."""
        self._order = None


class ReadBook:
    """All lanes of the log. `changed` is called with the subject of whatever is no longer as it was."""

    def __init__(
        self, lanes: int, changed: Callable[[str], None], came: Callable[[str, int, int], None] | None = None
    ) -> None:
        """`came` is called with source, time of receipt and now, both Unix ms, of each state of a market that comes."""
        self._came = came
        self.lanes = tuple(Lane(number) for number in range(lanes))
        self.epoch = ""
        self.now_ms = 0
        self.records = 0
        self.refused = 0
        self._changed = changed
        self._groups: dict[str, Group] = {}

    # The log's side: feeds.contract.lane.LaneSink

    def epoch_is(self, epoch: str) -> None:
        """Identity of the log. Another one than known: nothing that was held means anything."""
        if epoch == self.epoch:
            return
        self.epoch = epoch
        for lane in self.lanes:
            lane.book.clear()
            lane.sources.clear()
            lane.joined = False
        self._groups.clear()
        self._changed(EPOCH)

    def board(self, number: int, board: lane_port.Board) -> None:
        """The whole lane as of a position: at joining, and after a hole."""
        lane = self.lanes[number]
        states: list[tuple[Market | Event, int]] = []
        for stored in board.records:
            record = self._decode(stored)
            if isinstance(record, Market | Event):
                states.append((record, stored.s))
            else:
                self._note_source(lane, record)
        for applied in lane.book.load_board(states, board.position):
            self._place(lane, applied.entry)
        lane.joined = True
        lane.heard_ms = self.now_ms
        self.floor(number, board.floor)
        lane.sources.turned(self.now_ms)
        self._changed(EVERYTHING)

    def record(self, number: int, stored: lane_port.Stored) -> None:
        """The next record of a lane."""
        lane = self.lanes[number]
        if not lane.joined:
            return
        self.records += 1
        lane.heard_ms = self.now_ms
        record = self._decode(stored)
        if isinstance(record, Market | Event):
            if self._came is not None and isinstance(record, Market):
                self._came(record.src, record.ts, self.now_ms)
            entry = lane.book.apply(record, stored.s).entry
            self._place(lane, entry)
            self._tell(entry)
            return
        lane.book.advance(stored.s)
        self._note_source(lane, record)
        if isinstance(record, Beat) and lane.sources.turned(self.now_ms):
            self._changed(EVERYTHING)

    def floor(self, number: int, floor: int) -> None:
        """The lane's log begins at `floor` now: what lies below has left it."""
        dropped = self.lanes[number].book.raise_floor(floor)
        for entry in dropped:
            self._forget(entry)
        if dropped:
            self._changed(EVERYTHING)

    def tick(self) -> None:
        """The clock went on: sources may have fallen silent."""
        turned = [lane for lane in self.lanes if lane.joined and lane.sources.turned(self.now_ms)]
        if turned:
            self._changed(EVERYTHING)

    # The readers' side

    @property
    def joined(self) -> bool:
        """Whether every lane is held whole."""
        return all(lane.joined for lane in self.lanes)

    def __len__(self) -> int:
        return sum(len(lane.book) for lane in self.lanes)

    def market(self, market_id: str) -> tuple[Lane, MarketEntry] | None:
        """A market, gone or not, while the log has it."""
        for lane in self.lanes:
            entry = lane.book.get(market_id)
            if isinstance(entry, MarketEntry):
                return lane, entry
        return None

    def lane_of(self, event_id: str) -> Lane:
        """The lane of an event, known or not."""
        return self.lanes[lane_of(event_id, len(self.lanes))]

    def group(self, event_id: str) -> Group | None:
        """An event with its markets, once its own state is known."""
        group = self._groups.get(event_id)
        return group if group is not None and group.event is not None else None

    def groups(self) -> Iterator[Group]:
        """Every event whose own state is known. The book must not change while this is read."""
        return (group for group in self._groups.values() if group.event is not None)

    def not_live(self, lane: Lane) -> dict[str, SourceState]:
        """The sources of a lane that are not live."""
        return dict(sorted(lane.sources.not_live().items()))

    def _place(self, lane: Lane, entry: Entry) -> None:
        state = entry.state
        event_id = state.id if isinstance(state, Event) else state.event
        group = self._groups.get(event_id)
        if group is None:
            group = self._groups[event_id] = Group(state.topic, lane)
        if isinstance(entry, EventEntry):
            if group.event is None:
                self._changed(LEAGUES)
            elif group.event.state.kind != entry.state.kind:
                self._changed(FUTURES)
            group.event = entry
        elif group.markets.get(state.id) is not entry or entry.born == entry.s:
            group.markets[state.id] = entry
            group.reordered()

    def _forget(self, entry: Entry) -> None:
        state = entry.state
        event_id = state.id if isinstance(state, Event) else state.event
        group = self._groups.get(event_id)
        if group is None:
            return
        if isinstance(entry, EventEntry):
            group.event = None
        else:
            group.markets.pop(state.id, None)
            group.reordered()
        if group.event is None and not group.markets:
            del self._groups[event_id]

    def _tell(self, entry: Entry) -> None:
        state = entry.state
        if isinstance(state, Event):
            self._changed(event_subject(state.id))
            self._changed(EVENTS)
            if state.kind == "outright":
                self._changed(FUTURES)
            return
        self._changed(market_subject(state.id))
        self._changed(class_subject(state.event, state.cls))
        if state.cls == "future":
            self._changed(FUTURES)

    def _note_source(self, lane: Lane, record: object) -> None:
        if isinstance(record, Beat):
            lane.sources.beat(source_id(record.feed, lane.number), record.state, record.ts, self.now_ms)
        elif isinstance(record, Lead):
            lane.sources.claimed(source_id(record.feed, lane.number), record.ts, self.now_ms)

    def _decode(self, stored: lane_port.Stored) -> object:
        """The record, or None where this version cannot read it: counted, and passed over."""
        try:
            return decode_record(stored.subject, stored.data)
        except Refused:
            self.refused += 1
            return None


def board_subjects(event_id: str, classes: tuple[str, ...] = MARKET_CLASSES) -> tuple[str, ...]:
    """What a board of these classes changes with."""
    return (event_subject(event_id), *(class_subject(event_id, cls) for cls in classes))


by_start = attrgetter("state.start", "state.id")
"""The order of lists of events, by their entries."""
