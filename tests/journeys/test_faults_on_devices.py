"""Whatever goes wrong on a provider's line, a device of a shard ends as the log is, and hears of silence in time.

The provider's own protocol over a real socket, its client, a real nats-server, a shard on a real port, a device on it.
Sportradar's faults, which need a broker, end in the lanes: test_sportradar.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import Provider
from feeds.providers.betfair.live import BetfairLive
from tests.bus import LANES, bus, eventually
from tests.feeds.betfair_server import settings as betfair_settings
from tests.feeds.odds_api import client
from tests.journeys.line import Device, Line, the_line
from tests.journeys.twin_providers import Twins, twins

pytestmark = pytest.mark.journey

STALE_WITHIN_S = 3.5
SLOW_MACHINE = 10
"""How many times longer a loaded machine may take before a test gives up."""

FAULT_S = {"silence": 4.0, "rollback_first": 3.0}
FAULT_S_ELSE = 0.7
GAME_MS = 600_000
FULL_TIME_MS = 1_200_000
TOPIC = "football"

CASES = [
    *(("betfair", fault) for fault in ("silence", "duplicates", "reordering", "garbage", "rollback_first", "replay")),
    *(("theoddsapi", fault) for fault in ("silence", "duplicates", "reordering", "garbage", "replay")),
]


def _provider(name: str, source: Twins) -> Provider:
    if name == "betfair":
        return BetfairLive(betfair_settings(source.betfair_port, source.ca_file), feed=name, lanes=LANES)
    sports = ",".join(source.theoddsapi.answers.sports())
    return client(source.theoddsapi_port, sports, stale_s=1.5, down_s=30, failures_max=5)


@asynccontextmanager
async def _fed(nats: NatsServer, provider: Provider) -> AsyncIterator[Line]:
    """A line fed by this provider alone."""
    async with the_line(nats, [], feed="other") as line, Connection(nats.url, name=provider.feed) as connection:
        feed, ready = Feed(provider, connection, bus=bus(), metrics=FeedMetrics()), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(feed.run(ready.set))
            await ready.wait()
            yield line
            feed.stop()


def _open(device: Device) -> int:
    replica = device.replica
    return sum(replica.status(market) == "open" for market in replica.markets.values())


def _told(device: Device, feed: str) -> set[str]:
    """How the feed's sources were told to be, ever."""
    return {message["state"] for message in device.told("src") if message["id"].startswith(f"{feed}-")}


def _settled(device: Device) -> bool:
    """Whether it was told that a market has been settled."""
    return any(market.get("st") == "settled" for message in device.told("d") for market in message["m"])


@pytest.mark.parametrize(("provider", "fault"), CASES)
async def test_every_fault_ends_with_the_device_as_the_log_is(
    nats_server: NatsServer, tmp_path: Path, provider: str, fault: str
) -> None:
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(twins(tmp_path, events=1, game_ms=GAME_MS))
        client_of_it = _provider(provider, source)
        line = await stack.enter_async_context(_fed(nats_server, client_of_it))
        device = await line.device(await line.shard())
        await device.subscribe(TOPIC)
        await eventually(lambda: _open(device) > 0)
        if fault == "rollback_first":
            source.ahead_ms = FULL_TIME_MS
        heard = len(device.messages)
        server = source.betfair if provider == "betfair" else source.theoddsapi
        server.command(f"{fault} {FAULT_S.get(fault, FAULT_S_ELSE)}")
        if fault == "silence":
            within_s = SLOW_MACHINE * STALE_WITHIN_S
            await eventually(lambda: "stale" in _told(device, client_of_it.feed), within_s=within_s)
        if fault == "rollback_first":
            await eventually(lambda: _settled(device))
        await eventually(lambda: len(device.messages) > heard + 20)
        await eventually(lambda: not server.faulty)
        source.playing = False
        await eventually(
            lambda: _open(device) > 0 and not device.replica.not_live and line.log_holds(device, TOPIC),
            within_s=SLOW_MACHINE * STALE_WITHIN_S,
        )
        assert device.replica.gaps == 0
