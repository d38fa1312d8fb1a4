"""Betfair from the Exchange Stream to the lane: a TLS server, the live client, the pipeline, a real nats-server.

Whatever goes wrong on the way, the lane ends as the server's own picture: an image of it read by a client that never
saw anything go wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from msgspec.structs import replace

from feeds.adapters.nats.connection import Connection
from feeds.contract.model import FeedState, Market
from feeds.contract.results import MarketResult
from feeds.contract.subjects import beat_subject
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import FeedSink, State
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.live import BetfairLive
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import StreamReader
from tests.bus import LANES, Mirror, bus, eventually, reading
from tests.feeds.betfair_server import Stage, staged

pytestmark = pytest.mark.journey

_FEED = "betfair"


class _Listening:
    """The live client as the pipeline's provider, keeping the health and the results that were told."""

    feed = _FEED

    def __init__(self, live: BetfairLive) -> None:
        self._live = live
        self._sink: FeedSink | None = None
        self.healths: list[FeedState] = []
        self.settled: list[MarketResult] = []

    async def run(self, sink: FeedSink) -> None:
        self._sink = sink
        await self._live.run(self)

    def absent(self, market: Market, now_ms: int) -> Market:
        return self._live.absent(market, now_ms)

    def put(self, states: Iterable[State]) -> None:
        assert self._sink is not None
        self._sink.put(states)

    def results(self, results: Iterable[MarketResult]) -> None:
        assert self._sink is not None
        told = list(results)
        self.settled += told
        self._sink.results(told)

    def health(self, state: FeedState) -> None:
        assert self._sink is not None
        self.healths.append(state)
        self._sink.health(state)


@asynccontextmanager
async def _feeding(connection: Connection, stage: Stage, **changes: object) -> AsyncIterator[_Listening]:
    provider = _Listening(BetfairLive(stage.settings(**changes), feed=_FEED, lanes=LANES))
    ready = asyncio.Event()
    feed = Feed(provider, connection, bus=bus(), metrics=FeedMetrics())
    async with asyncio.TaskGroup() as group:
        group.create_task(feed.run(ready.set))
        await ready.wait()
        yield provider
        feed.stop()


def _picture(stage: Stage) -> dict[str, Market]:
    """The open markets of the server, as an undisturbed client has them."""
    reader = StreamReader(live=True)
    translator = Translator(feed=_FEED, lanes=LANES, catalogue=Catalogue())
    line = orjson.dumps({"op": "mcm", "pt": 1, "ct": "SUB_IMAGE", "mc": stage.server.board.image()})
    states = translator.states(reader.markets, reader.read(line).markets, 0)
    return {each.id: each for each in states if isinstance(each, Market) and not each.gone}


def _lane(mirror: Mirror) -> dict[str, Market]:
    """The open markets of all lanes, without when they came and what they replaced."""
    markets: dict[str, Market] = {}
    for lane in mirror.last.values():
        for subject in lane:
            state = mirror.state(subject.rpartition(".")[2]) if len(subject.split(".")) == 5 else None
            if isinstance(state, Market) and not state.gone:
                markets[state.id] = replace(state, ts=0, replaces=None)
    return markets


async def _equal(mirror: Mirror, stage: Stage) -> None:
    """The slate rests, and the lane comes to be what the server holds."""
    stage.playing = False
    await eventually(lambda: _lane(mirror) == _picture(stage))


def _beat(mirror: Mirror, state: str) -> bool:
    subject = beat_subject(0, _FEED).removeprefix("odds.")
    record = mirror.last.get(0, {}).get(subject)
    return record is not None and f'"{state}"'.encode() in record.data


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


async def test_a_cut_connection_is_resumed_and_the_lane_is_whole(connection: Connection, stage: Stage) -> None:
    async with _feeding(connection, stage) as provider, reading(connection) as (_, mirror):
        stage.server.command("cut")
        await eventually(lambda: stage.server.resumed == 1 and provider.healths[-1] == "live")
        await eventually(lambda: len(mirror.records) > 50)
        await _equal(mirror, stage)
        assert stage.server.connected == 2


@pytest.mark.parametrize("fault", ["duplicates 1", "rollback_first 1"])
async def test_what_a_line_says_twice_or_takes_back_changes_nothing_in_the_end(
    connection: Connection, stage: Stage, fault: str
) -> None:
    async with _feeding(connection, stage) as provider, reading(connection) as (_, mirror):
        stage.server.command(fault)
        stage.ahead_ms = 1_200_000
        await eventually(lambda: bool(stage.play(100)) and not stage.server.faulty)
        await _equal(mirror, stage)
        assert stage.server.connected == 1
        assert provider.healths == ["recovering", "live"]
        last = {result.market: result for result in provider.settled}
        assert last
        assert {result.kind for result in last.values()} == {"settled"}


@pytest.mark.parametrize("fault", ["silence 1.5", "reordering 1", "garbage 1", "replay 3600"])
async def test_what_a_line_loses_or_mixes_up_is_asked_for_anew(
    connection: Connection, stage: Stage, fault: str
) -> None:
    async with _feeding(connection, stage) as provider, reading(connection) as (_, mirror):
        stage.ahead_ms = 1_200_000
        await eventually(lambda: bool(stage.play(100)) and len(provider.settled) > 5)
        stage.server.command(fault)
        await eventually(lambda: bool(stage.play(10)) and "recovering" in provider.healths[1:])
        await eventually(lambda: not stage.server.faulty and provider.healths[-1] == "live")
        await _equal(mirror, stage)
        assert stage.server.connected > 1


async def test_silence_makes_the_source_stale_then_down_and_live_again(connection: Connection, stage: Stage) -> None:
    async with _feeding(connection, stage, down_after_s=0.5) as provider, reading(connection) as (_, mirror):
        await eventually(lambda: _beat(mirror, "live"))
        stage.server.command("silence 3")
        await eventually(lambda: _beat(mirror, "recovering"))
        await eventually(lambda: _beat(mirror, "down"))
        await eventually(lambda: _beat(mirror, "live"))
        assert provider.healths[-1] == "live"
        await _equal(mirror, stage)


async def test_games_end_and_their_results_are_told(connection: Connection, stage: Stage) -> None:
    async with _feeding(connection, stage) as provider, reading(connection) as (_, mirror):
        stage.playing = False
        stage.ahead_ms = 1_200_000
        await eventually(lambda: bool(stage.play(200)) and len(provider.settled) > 20)
        await _equal(mirror, stage)
        for result in provider.settled:
            market = mirror.state(result.market)
            assert isinstance(market, Market)
            assert (market.gone, market.st, result.kind) == (True, "settled", "settled")
            assert any(each.w.num for each in result.selections)
