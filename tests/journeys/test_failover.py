"""Two real providers tell of the same games: the first writes, the second goes on when it falls silent, and gives back.

Real processes for both feeds and the shard, real sockets between all of them, devices of the reference client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from fanout.client import OddsStream
from fanout.contract.replica import Message
from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer, free_port
from feeds.contract.freshness import BEAT_INTERVAL_MS
from feeds.contract.lane import Stored
from feeds.contract.model import Market
from feeds.contract.records import Beat, Record, decode_record
from tests.bus import LANES, Mirror, eventually, reading
from tests.journeys.converging import converged
from tests.journeys.part import started
from tests.journeys.twin_providers import Twins, twins

pytestmark = pytest.mark.journey

FIRST, SECOND = "betfair", "theoddsapi"
HYSTERESIS_S = 2.0
SILENCE_S = 10.0
"""Within it the other goes on: the first is still silent then."""
SLOW_MACHINE_S = 60.0
TYPES = {"moneyline", "match_result", "spread", "total"}


class Watcher:
    """A device that judges every message: what it may show, and of whom."""

    def __init__(self, stream: OddsStream) -> None:
        self.stream = stream
        self.sources: dict[str, list[str]] = {}
        self.stale: set[str] = set()

    async def follow(self) -> None:
        """Until cancelled. Fails where it shows what it must not."""
        async for message in self.stream:
            self._hear(message)
            for market in self.stream.replica.markets.values():
                self._judge(market)

    def _hear(self, message: Message) -> None:
        """What was told of sources, kept apart from what the replica makes of it."""
        if message["t"] in ("hb", "live"):
            self.stale = set(message["src"])
        elif message["t"] == "src" and message["state"] == "live":
            self.stale.discard(message["id"])
        elif message["t"] == "src":
            self.stale.add(message["id"])

    def _judge(self, market: Message) -> None:
        seen = self.sources.setdefault(market["id"], [])
        if seen[-1:] != [market["src"]]:
            seen.append(market["src"])
        if market["src"] in self.stale and market["live"]:
            assert self.stream.replica.status(market) != "open", market
        for selection in market["x"]:
            exchange = selection.get("lay") is not None or selection.get("size") is not None
            assert not exchange or feed_of(market["src"]) == FIRST, market

    def shown(self) -> Iterator[Message]:
        """Markets that both feeds have told of."""
        return (market for market in self.stream.replica.markets.values() if len(self.sources[market["id"]]) > 1)

    def shows_only(self, feed: str) -> bool:
        """Whether every market of both is shown as this feed has it, and there are some."""
        shown = list(self.shown())
        return bool(shown) and {feed_of(market["src"]) for market in shown} == {feed}


def feed_of(src: str) -> str:
    return src.rpartition("-")[0]


def decoded(records: Iterable[Stored]) -> Iterator[tuple[Stored, Record | None]]:
    return ((record, decode_record(record.subject, record.data)) for record in records)


def joined(mirror: Mirror) -> dict[str, Market]:
    """The newest state of every market that both feeds have written."""
    writers: dict[str, set[str]] = {}
    newest: dict[str, Market] = {}
    for _, state in decoded(mirror.records):
        if isinstance(state, Market):
            writers.setdefault(state.id, set()).add(feed_of(state.src))
            newest[state.id] = state
    return {market_id: newest[market_id] for market_id, feeds in writers.items() if len(feeds) > 1}


def unmixed(market: Market) -> bool:
    """Whether it is of one provider whole: an exchange offers to lay what it prices, a bookmaker never does."""
    priced = [each for each in market.selections if each.price is not None]
    if feed_of(market.src) == FIRST:
        return all(each.lay is not None and each.size is not None for each in priced)
    return all(each.lay is None and each.size is None for each in market.selections)


def beats_before_it_wrote(records: list[Stored], markets: set[str]) -> list[int]:
    """In each lane: how often the first feed said `live` before it wrote a market of both again."""
    beats: dict[str, int] = {}
    found: dict[str, int] = {}
    for record, state in decoded(records):
        lane = record.subject.split(".")[1]
        if isinstance(state, Beat) and state.feed == FIRST:
            beats[lane] = beats.get(lane, 0) + 1 if state.state == "live" else 0
        elif isinstance(state, Market) and state.id in markets and feed_of(state.src) == FIRST:
            found.setdefault(lane, beats.get(lane, 0))
    return list(found.values())


class Stage(NamedTuple):
    """What a test works with. `following`: the devices' tasks, which end only by a failure."""

    source: Twins
    mirror: Mirror
    devices: list[Watcher]
    following: list[asyncio.Task[None]]
    nats_url: str
    stack: AsyncExitStack

    async def lead(self, feed: str) -> None:
        """A feed of this provider starts, and is ready."""
        names = ("--mapping", str(self.source.mapping(feed)), "--priority", f"{FIRST},{SECOND}")
        running = started("feeds", "run", "--provider", feed, *names, "--nats", self.nats_url)
        await self.stack.enter_async_context(running)

    async def reached(self, condition: Callable[[], bool]) -> None:
        """Waits for a condition, as long as no device is shown what it must not be."""
        await eventually(lambda: condition() or self._failed(), within_s=SLOW_MACHINE_S)
        for task in self.following:
            if task.done():
                task.result()

    def _failed(self) -> bool:
        return any(task.done() for task in self.following)

    def all_show(self, feed: str) -> bool:
        """Whether every device shows what both feeds have as this one has it."""
        return all(device.shows_only(feed) for device in self.devices)

    def log_is_of(self, feed: str, markets: Collection[str]) -> bool:
        """Whether the mirror, which may be behind the devices, has these markets as this feed wrote them."""
        newest = (state for lane in self.mirror.last.values() for _, state in decoded(lane.values()))
        return {
            feed_of(state.src)
            for state in newest
            if isinstance(state, Market) and state.id in markets and not state.gone
        } == {feed}

    def all_equal(self) -> bool:
        """Whether every device shows what the log holds."""
        return all(converged(device.stream, self.mirror, device.stream.topics[0]) for device in self.devices)


@pytest.fixture
async def stage(
    nats_server: NatsServer, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    """A device for every sport, the first by SSE, and no feed yet."""
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    monkeypatch.setenv("ODDSWIRE_LOG_AGE_S", "3600")
    monkeypatch.setenv("ODDSWIRE_FEED_HYSTERESIS_S", str(HYSTERESIS_S))
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(twins(tmp_path))
        source.tell(monkeypatch)
        port = free_port()
        shard = ("--name", "fanout-1", "--port", str(port), "--nats", nats_server.url)
        await stack.enter_async_context(started("fanout", "run", *shard))
        _, mirror = await stack.enter_async_context(reading(connection))
        url = f"ws://127.0.0.1:{port}/v1/stream"
        devices = [
            Watcher(await stack.enter_async_context(OddsStream([sport], urls=[url], conflate_ms=0, sse=number == 0)))
            for number, sport in enumerate(source.sports)
        ]
        following = [asyncio.ensure_future(device.follow()) for device in devices]
        yield Stage(source, mirror, devices, following, nats_server.url, stack)
        for task in following:
            task.cancel()
        await asyncio.wait(following)


async def test_the_second_goes_on_while_the_first_is_silent_and_gives_back(stage: Stage) -> None:
    source, mirror, devices = stage.source, stage.mirror, stage.devices
    await stage.lead(SECOND)
    await stage.reached(lambda: all(device.stream.live and device.stream.replica.markets for device in devices))
    await stage.lead(FIRST)
    await stage.reached(lambda: stage.all_show(FIRST))
    await stage.reached(lambda: {market.type for market in joined(mirror).values()} == TYPES)  # it may be behind
    both = joined(mirror)
    assert {market.cls for market in both.values()} == {"main", "alternate"}

    source.betfair.command(f"silence {SILENCE_S}")
    silent_s = time.monotonic()
    await stage.reached(lambda: any(feed_of(src) == FIRST for device in devices for src in device.stale))
    stale_s = time.monotonic() - silent_s
    await stage.reached(lambda: stage.all_show(SECOND))
    took_s = time.monotonic() - silent_s
    print(f"{len(both)} markets of both: stale after {stale_s:.2f} s, taken over after {took_s:.2f} s")
    assert source.betfair.faulty
    await stage.reached(lambda: stage.log_is_of(SECOND, both))
    back_from = len(mirror.records)

    await stage.reached(lambda: stage.all_show(FIRST))
    beats = beats_before_it_wrote(mirror.records[back_from:], set(both))
    assert beats
    assert min(beats) >= (HYSTERESIS_S - 0.5) * 1000 / BEAT_INTERVAL_MS

    source.playing = False
    await stage.reached(stage.all_equal)
    assert all(device.stream.replica.gaps == 0 for device in devices)
    assert all(unmixed(state) for _, state in decoded(mirror.records) if isinstance(state, Market))
