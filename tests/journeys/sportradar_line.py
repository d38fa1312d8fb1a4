"""The whole Sportradar line inside one test: slate, UOF XML, a real broker, the client, a real nats-server, the lanes.

`agrees` is the one thing that must come true: what the lanes hold of the feed is what the slate's last states say.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.adapters.server import NatsServer
from feeds.contract.model import Event, FeedState, Market, Selection
from feeds.contract.records import decode_record
from feeds.contract.results import MarketResult
from feeds.contract.settings import BusSettings
from feeds.main import Feed
from feeds.mapping import MappingTable
from feeds.metrics import FeedMetrics
from feeds.ports import FeedSink, State
from feeds.providers.simulator.listing import Chance
from feeds.providers.simulator.serving.sportradar import UofServer
from feeds.providers.simulator.slate import Slate
from feeds.providers.sportradar.client import SportradarFeed
from feeds.providers.sportradar.settings import SportradarSettings
from tests.bus import LANES, Mirror
from tests.rabbitmq import PASSWORD, TOKEN, RabbitServer

ALIVE_S = 0.2
_TYPES = {"run_line": "spread", "puck_line": "spread", "goal_line": "spread", "outright_winner": "outright"}

Shown = dict[tuple[Any, ...], Any]


class Watched:
    """A provider whose health and results are remembered on their way to the sink."""

    def __init__(self, inner: SportradarFeed) -> None:
        self.feed = inner.feed
        self.inner = inner
        self.healths: list[FeedState] = []
        self.results: list[MarketResult] = []

    async def run(self, sink: FeedSink) -> None:
        await self.inner.run(_Ear(self, sink))

    def absent(self, market: Market, now_ms: int) -> Market:
        return self.inner.absent(market, now_ms)


class _Ear:
    def __init__(self, watched: Watched, sink: FeedSink) -> None:
        self._watched = watched
        self._sink = sink

    def put(self, states: Iterable[State]) -> None:
        self._sink.put(states)

    def results(self, results: Iterable[MarketResult]) -> None:
        told = list(results)
        self._watched.results += told
        self._sink.results(told)

    def health(self, state: FeedState) -> None:
        self._watched.healths.append(state)
        self._sink.health(state)


class UofPlay:
    """The source: a slate that goes on when it is told to, and what it last said of everything."""

    def __init__(self, server: UofServer, *, events: int, seed: int = 1, now_ms: int, game_ms: int) -> None:
        self.server = server
        self._now_ms = now_ms
        self._slate = Slate(
            chance=Chance(seed, "journey"),
            events=events,
            feed="source",
            lanes=1,
            now_ms=now_ms,
            game_ms=game_ms,
        )
        self._events: dict[str, Event] = {}
        self._markets: dict[str, Market] = {}
        self._put(self._slate.open())

    def advance(self, *, ms: int, updates: int) -> None:
        """Time passes in the slate."""
        self._now_ms += ms
        self._put(self._slate.advance(self._now_ms, updates))
        self.server.results(self._slate.results())

    def _put(self, states: list[State]) -> None:
        for state in states:
            if isinstance(state, Event):
                self._events[state.id] = state
            else:
                self._markets[state.id] = state
        self.server.put(states)

    def shown(self) -> Shown:
        """What a device has to be shown of it: markets on offer by what they are."""
        events = {event.id: event for event in self._events.values() if event.state != "ended"}
        markets = [market for market in self._markets.values() if not market.gone and market.event in events]
        return _shown(events, markets)


class UofLine:
    """The line's parts, running."""

    def __init__(self, play: UofPlay, provider: Watched, mirror: Mirror, feed: str) -> None:
        self.play = play
        self.server = play.server
        self.provider = provider
        self.mirror = mirror
        self._feed = feed

    def shown(self) -> Shown:
        """What the lanes hold of the feed."""
        events: dict[str, Event] = {}
        markets: list[Market] = []
        for lane in self.mirror.last.values():
            for record in lane.values():
                match decode_record(record.subject, record.data):
                    case Event() as event if event.state != "ended":
                        events[event.id] = event
                    case Market() as market if not market.gone:
                        markets.append(market)
        return _shown(events, markets)

    def agrees(self) -> bool:
        """Whether the feed is live and the lanes hold what the source says."""
        return self.provider.healths[-1:] == ["live"] and self.shown() == self.play.shown()

    def difference(self) -> dict[str, Any]:
        """For a failure's message."""
        ours, theirs = self.shown(), self.play.shown()
        return {
            "missing": [key for key in theirs if key not in ours][:3],
            "extra": [key for key in ours if key not in theirs][:3],
            "other": [(key, ours[key], theirs[key]) for key in ours if key in theirs and ours[key] != theirs[key]][:3],
        }


def _shown(events: dict[str, Event], markets: Iterable[Market]) -> Shown:
    """Markets by what they are, in words that both sides share; their status, and their selections' prices.

    A line the source does not offer any more is deactivated, which the feed cannot tell from one that will come back.
    """
    shown: Shown = {}
    for market in markets:
        if market.st == "inactive":
            continue
        event = events[market.event]
        who = (event.league, event.home, event.away)
        kind = "future" if market.cls == "future" else market.cls
        about = market.subject.name if market.subject else None
        key = (who, event.state, kind, _type(market), market.line, about)
        shown[key] = (market.st, market.live, tuple(sorted(_price(selection) for selection in market.selections)))
    return shown


def _type(market: Market) -> str:
    if market.subject is not None or market.line is None:
        return _TYPES.get(market.type, market.type)
    return "total" if any(selection.side == "over" for selection in market.selections) else "spread"


def _price(selection: Selection) -> tuple[str, str | None, int | None]:
    shown = selection.price if selection.st == "open" else None
    return selection.side or selection.name, selection.line, shown.milli if shown else None


def settings(broker: RabbitServer, api_port: int, **changes: Any) -> SportradarSettings:
    """How a client reaches a broker and an API on loopback; impatient."""
    return SportradarSettings.model_validate(
        {
            "token": SecretStr(TOKEN),
            "amqp_password": SecretStr(PASSWORD),
            "bookmaker_id": 7,
            "amqp_host": "127.0.0.1",
            "amqp_port": broker.port,
            "amqp_tls": False,
            "api_url": f"http://127.0.0.1:{api_port}",
            "alive_timeout_s": ALIVE_S * 10,
            "recovery_timeout_s": 10,
            "retry_s": 0.2,
            **changes,
        }
    )


@asynccontextmanager
async def uof_line(
    nats: NatsServer, broker: RabbitServer, *, now_ms: int, events: int = 6, game_ms: int = 600_000
) -> AsyncIterator[UofLine]:
    """A line that runs meanwhile; begins at once, not when it is live."""
    server = UofServer(broker.url, seed=1, alive_s=ALIVE_S)
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(server.serving(0))
        play = UofPlay(server, events=events, now_ms=now_ms, game_ms=game_ms)
        provider = Watched(
            SportradarFeed(1, settings=settings(broker, port), feed="sportradar-1", lanes=LANES, mapping=MappingTable())
        )
        writing = await stack.enter_async_context(Connection(nats.url, name="feed"))
        watching = await stack.enter_async_context(Connection(nats.url, name="mirror"))
        mirror = Mirror()
        reader = LogReader(watching, lanes=LANES, log_age_s=3600, sink=mirror)
        reader.want(frozenset(range(LANES)))
        bus = BusSettings.model_validate({"lanes": LANES, "log_age_s": 3600})
        feed = Feed(provider, writing, bus=bus, metrics=FeedMetrics())
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(reader.run())
            group.create_task(feed.run(lambda: None))
            yield UofLine(play, provider, mirror, "sportradar-1")
            feed.stop()
            reading.cancel()
