"""Two feeds of one event on a real nats-server: the first writes, the second takes over and gives back, and a device
never takes the price of a source that is not live for open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.freshness import STALE_AFTER_MS
from feeds.contract.model import Event, Market
from feeds.contract.results import WHOLE, MarketResult, SelectionResult
from feeds.contract.subjects import lane_of, source_id
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ownership import Priority
from feeds.ports import State
from tests.bus import LANES, HandFed, bus, event, eventually
from tests.journeys.line import Device, Line, priced, the_line

pytestmark = pytest.mark.journey

PRIORITY = Priority(("alpha", "beta"), hysteresis_ms=2_000)
MARGIN_S = 1.5
ALPHA, BETA = (source_id(feed, lane_of("E1", LANES)) for feed in ("alpha", "beta"))


def quoted(feed: str, american: int, market_id: str = "M1", **changes: Any) -> Market:
    """A market of the joined event as a feed has it."""
    src = source_id(feed, lane_of("E1", LANES))
    return msgspec.structs.replace(priced(market_id, "E1", american), src=src, **changes)


def known(feed: str, american: int, *more: State) -> list[State]:
    return [event("E1", name=feed), quoted(feed, american), *more]


class Running:
    """A feed in a task, which may be ended as a crash does."""

    def __init__(self, provider: HandFed, task: asyncio.Task[None]) -> None:
        self.provider = provider
        self._task = task

    def put(self, *states: State) -> None:
        self.provider.put(*states)

    async def crash(self) -> None:
        """Nothing is said any more, not even `down`."""
        self._task.cancel()
        await asyncio.wait([self._task])


@asynccontextmanager
async def joined_feed(nats: NatsServer, feed: str, *states: State) -> AsyncIterator[Running]:
    provider, ready = HandFed(states, feed=feed), asyncio.Event()
    async with Connection(nats.url, name=feed) as connection:
        made = Feed(provider, connection, bus=bus(), metrics=FeedMetrics(), priority=PRIORITY)
        running = Running(provider, asyncio.create_task(made.run(ready.set)))
        await ready.wait()
        try:
            yield running
        finally:
            await running.crash()


@pytest.fixture
async def line(nats_server: NatsServer) -> AsyncIterator[Line]:
    """A line whose own feed has nothing."""
    async with the_line(nats_server, [], feed="other") as line:
        yield line


def source_and_price(line: Line, market_id: str = "M1") -> tuple[str, int] | None:
    state = line.mirror.state(market_id)
    if not isinstance(state, Market) or state.selections[0].price is None:
        return None
    return state.src, state.selections[0].price.american


def statuses(device: Device) -> Iterator[tuple[str, str]]:
    """Sources of M1 and whether they were live, message by message, as a device was told."""
    replica = type(device.replica)()
    for message in device.messages:
        replica.receive(message)
        shown = replica.markets.get("M1")
        if shown is not None:
            yield shown["src"], replica.status(shown)


async def test_the_second_takes_over_from_a_crash_and_gives_back_after_the_hysteresis(line: Line) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football.nfl.E1")
    async with joined_feed(line.nats, "beta", *known("beta", -150)) as beta:
        async with joined_feed(line.nats, "alpha", *known("alpha", -110)) as alpha:
            await eventually(lambda: source_and_price(line) == (ALPHA, -110))
            beta.put(quoted("beta", -160))
            alpha.put(quoted("alpha", -115))
            await eventually(lambda: device.american("M1") == -115)
            await alpha.crash()
            crashed_s = time.monotonic()
            await eventually(lambda: source_and_price(line) == (BETA, -160))
            took_s = time.monotonic() - crashed_s
            print(f"taken over after {took_s:.2f} s")
            assert took_s < STALE_AFTER_MS / 1000 + MARGIN_S
            await eventually(lambda: device.shows("M1").get("src") == BETA and device.american("M1") == -160)
            await eventually(lambda: getattr(line.mirror.state("E1"), "name", "") == "beta")
        async with joined_feed(line.nats, "alpha", *known("alpha", -120)):
            back_s = time.monotonic()
            await eventually(lambda: source_and_price(line) == (ALPHA, -120))
            assert PRIORITY.hysteresis_ms / 1000 - 0.3 < time.monotonic() - back_s
            await eventually(lambda: device.shows("M1").get("src") == ALPHA and device.american("M1") == -120)
            assert device.replica.gaps == 0
            assert device.replica.status(device.shows("M1")) == "open"
    turns = [source for source, _ in statuses(device)]
    assert [now for now, before in zip(turns, ["", *turns]) if now != before] == [BETA, ALPHA, BETA, ALPHA]


async def test_a_price_of_a_source_that_is_not_live_is_never_open(line: Line) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football.nfl.E1")
    async with (
        joined_feed(line.nats, "alpha", *known("alpha", -110)) as alpha,
        joined_feed(line.nats, "beta", *known("beta", -150)),
    ):
        await eventually(lambda: device.shows("M1").get("src") == ALPHA)
        assert alpha.provider.sink is not None
        alpha.provider.sink.health("recovering")
        await eventually(lambda: ALPHA in device.replica.not_live)
        assert device.replica.status(device.shows("M1")) == "suspended" or device.shows("M1")["src"] == BETA
        await eventually(lambda: device.shows("M1")["src"] == BETA)
        assert device.replica.status(device.shows("M1")) == "open"
        alpha.put(quoted("alpha", -130))
        alpha.provider.sink.health("live")
        await eventually(lambda: device.shows("M1")["src"] == ALPHA and device.american("M1") == -130)
    open_sources = {source for source, status in statuses(device) if status == "open"}
    assert open_sources == {ALPHA, BETA}


async def test_the_second_ends_nothing_of_the_first_and_keeps_what_only_it_has(line: Line) -> None:
    async with (
        joined_feed(line.nats, "alpha", *known("alpha", -110)),
        joined_feed(line.nats, "beta", *known("beta", -150, quoted("beta", 200, "M2"))) as beta,
    ):
        beta.put(event("E1", name="beta", state="ended"), quoted("beta", -150, gone=True, st="settled"))
        beta.put(quoted("beta", 210, "M2"))
        await eventually(lambda: source_and_price(line, "M2") == (BETA, 210))
        assert source_and_price(line) == (ALPHA, -110)
        shown, market = line.mirror.state("E1"), line.mirror.state("M1")
        assert isinstance(shown, Event)
        assert isinstance(market, Market)
        assert (shown.name, shown.state, market.gone) == ("alpha", "live", False)


async def test_results_of_the_second_wait_while_the_first_is_live(line: Line) -> None:
    async with Connection(line.nats.url, name="settlements") as connection:
        heard: list[str] = []

        async def hear(message: Any) -> None:
            heard.append(message.subject)

        await connection.client.subscribe("settle.>", cb=hear)
        async with (
            joined_feed(line.nats, "alpha", *known("alpha", -110)) as alpha,
            joined_feed(line.nats, "beta", *known("beta", -150, quoted("beta", 200, "M2"))) as beta,
        ):
            for name in ("M1", "M2"):
                beta.put(quoted("beta", -150, name, gone=True, st="settled"))
            assert beta.provider.sink is not None
            beta.provider.sink.results(
                MarketResult(name, "E1", "football.nfl.E1", "settled", 2, 2, (SelectionResult("O1", w=WHOLE),))
                for name in ("M1", "M2")
            )
            await eventually(lambda: bool(heard))
            assert [subject.rpartition(".")[2] for subject in heard] == ["M2"]
            await alpha.crash()
            await eventually(lambda: len(heard) == 2)
            state = line.mirror.state("M1")
            assert isinstance(state, Market)
            assert (state.src, state.gone) == (BETA, True)
