"""What tests of the bus share: a sink that checks density, a provider driven by hand, states, waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import msgspec

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.contract.lane import Board, Stored
from feeds.contract.model import Event, Market, Selection
from feeds.contract.prices import Price
from feeds.contract.records import decode_record
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import lane_of, source_id
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import FeedSink, State

LANES = 3


def bus(**changes: object) -> BusSettings:
    """Settings of a small bus."""
    return BusSettings.model_validate({"lanes": LANES, "log_age_s": 3600, **changes})


def event(event_id: str, **changes: object) -> Event:
    """An event of the simplest kind."""
    made = Event(event_id, f"football.nfl.{event_id}", "A @ B", "2030-01-01T00:00:00Z", "live", 1)
    return msgspec.structs.replace(made, **changes)


def market(
    market_id: str, event_id: str, *, feed: str = "alpha", lanes: int = LANES, ts: int = 1, **changes: object
) -> Market:
    """A market with one selection; `ts` also stands in its price, so that two are easily told apart."""
    made = Market(
        id=market_id,
        event=event_id,
        topic=f"football.nfl.{event_id}",
        cls="main",
        type="moneyline",
        period="game",
        src=source_id(feed, lane_of(event_id, lanes)),
        ts=ts,
        st="open",
        selections=(Selection("O1", "A", price=Price(american=100 + ts, milli=2000 + ts * 10)),),
    )
    return msgspec.structs.replace(made, **changes)


async def eventually(condition: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Waits for a condition; TimeoutError if it does not come about."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 the condition lies in code that knows of no test
            await asyncio.sleep(0.005)


class Mirror:
    """A LaneSink that asserts what lane.py promises, and keeps the last record of every subject."""

    def __init__(self) -> None:
        self.last: dict[int, dict[str, Stored]] = {}
        self.positions: dict[int, int] = {}
        self.floors: dict[int, int] = {}
        self.epochs: list[str] = []
        self.boards = 0
        self.records: list[Stored] = []

    def board(self, lane: int, board: Board) -> None:
        assert self.epochs
        assert [record.s for record in board.records] == sorted(record.s for record in board.records)
        assert board.position >= self.positions.get(lane, 0)
        assert all(board.floor <= record.s <= board.position for record in board.records)
        self.boards += 1
        self.last[lane] = {record.subject[5:]: record for record in board.records}
        self.positions[lane] = board.position
        self.floors[lane] = board.floor

    def record(self, lane: int, record: Stored) -> None:
        assert record.s == self.positions[lane] + 1
        self.positions[lane] = record.s
        self.last[lane][record.subject[5:]] = record
        self.records.append(record)

    def floor(self, lane: int, floor: int) -> None:
        assert floor > self.floors[lane]
        self.floors[lane] = floor

    def epoch(self, epoch: str) -> None:
        assert epoch not in self.epochs
        self.epochs.append(epoch)
        self.last.clear()
        self.positions.clear()

    def state(self, state_id: str) -> State | None:
        """The last state of a market, or of an event."""
        for lane in self.last.values():
            for subject, record in lane.items():
                topic, _, last = subject.rpartition(".")
                if last == state_id or (last == "_event" and topic.endswith("." + state_id)):
                    found = decode_record("odds." + subject, record.data)
                    assert isinstance(found, (Market, Event))
                    return found
        return None


class HandFed:
    """A provider that puts what it is given: `known` when it starts, then whatever the test puts into `sink`."""

    def __init__(self, known: Iterable[State] = (), *, feed: str = "alpha") -> None:
        self.feed = feed
        self.known = list(known)
        self.sink: FeedSink | None = None

    async def run(self, sink: FeedSink) -> None:
        sink.put(self.known)
        sink.health("live")
        self.sink = sink
        await asyncio.Event().wait()

    def put(self, *states: State) -> None:
        assert self.sink is not None
        self.sink.put(states)

    def absent(self, market: Market, now_ms: int) -> Market:
        return msgspec.structs.replace(market, st="closed", gone=True, ts=now_ms)


@asynccontextmanager
async def reading(
    connection: Connection, *, lanes: int = LANES, **options: int
) -> AsyncIterator[tuple[LogReader, Mirror]]:
    """A reader of all lanes that runs meanwhile."""
    mirror = Mirror()
    reader = LogReader(connection, lanes=lanes, log_age_s=options.pop("log_age_s", 3600), sink=mirror, **options)
    reader.want(frozenset(range(lanes)))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(reader.run())
        watching = group.create_task(connection.ended())
        yield reader, mirror
        running.cancel()
        watching.cancel()


@asynccontextmanager
async def feeding(connection: Connection, provider: HandFed, **settings: object) -> AsyncIterator[Feed]:
    """A feed that leads meanwhile; begins when it is ready."""
    ready = asyncio.Event()
    feed = Feed(provider, connection, bus=bus(**settings), metrics=FeedMetrics())
    async with asyncio.TaskGroup() as group:
        group.create_task(feed.run(ready.set))
        await ready.wait()
        yield feed
        feed.stop()
