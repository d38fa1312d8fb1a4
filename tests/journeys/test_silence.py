"""Whoever falls silent, a device is told within the freshness rule's time, and takes live markets as suspended.

One device of a shard in this process; the feed is a process of its own, so that it may be killed or frozen whole. A
provider that says itself that it fell silent: test_outage.py.
"""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from feeds.adapters.server import NatsServer
from tests.bus import LANES, eventually
from tests.journeys.line import Device, Line, the_line
from tests.journeys.part import Part, started

pytestmark = pytest.mark.journey

STALE_WITHIN_S = 3.5
SLOW_MACHINE = 10
"""How many times longer a loaded machine may take before a test gives up."""

SOURCES = {f"sim-{lane}" for lane in range(LANES)}


class Fault(NamedTuple):
    """How something falls silent, and how it comes back."""

    strike: Callable[[Part, NatsServer], Awaitable[None]]
    mend: Callable[[Part, NatsServer], Awaitable[None]]


async def kill(feed: Part, nats: NatsServer) -> None:
    await feed.end(signal.SIGKILL)


async def start(feed: Part, nats: NatsServer) -> None:
    await feed.start()


async def stop(feed: Part, nats: NatsServer) -> None:
    feed.send(signal.SIGSTOP)


async def go_on(feed: Part, nats: NatsServer) -> None:
    feed.send(signal.SIGCONT)


async def kill_nats(feed: Part, nats: NatsServer) -> None:
    await nats.kill()


async def start_nats(feed: Part, nats: NatsServer) -> None:
    await nats.start()


async def freeze_nats(feed: Part, nats: NatsServer) -> None:
    nats.freeze()


async def thaw_nats(feed: Part, nats: NatsServer) -> None:
    nats.thaw()


FAULTS = {
    "ingestor killed": Fault(kill, start),
    "ingestor frozen": Fault(stop, go_on),
    "nats killed": Fault(kill_nats, start_nats),
    "nats frozen": Fault(freeze_nats, thaw_nats),
}


@pytest.fixture
async def line(nats_server: NatsServer) -> AsyncIterator[Line]:
    async with the_line(nats_server) as line:
        yield line


@asynccontextmanager
async def simulating(nats: NatsServer) -> AsyncIterator[Part]:
    options = ("--feed", "sim", "--rate", "100", "--events", "12", "--nats", nats.url)
    async with started("feeds", "run", "--provider", "simulator", *options) as feed:
        yield feed


def simulated(device: Device) -> Iterator[str]:
    """What a device takes the live markets of the simulator for."""
    for market in device.replica.markets.values():
        if market["src"] in SOURCES and market["live"]:
            yield device.replica.status(market)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_device_hears_of_silence_in_time_and_of_its_end(
    line: Line, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    monkeypatch.setenv("ODDSWIRE_LOG_AGE_S", "3600")
    async with simulating(line.nats) as feed:
        device = await line.device(await line.shard())
        await device.subscribe("football", "basketball", "baseball", "soccer", "hockey", "tennis")
        await eventually(lambda: "open" in simulated(device))
        began_s = time.monotonic()
        await FAULTS[fault].strike(feed, line.nats)
        await eventually(lambda: device.replica.not_live.keys() >= SOURCES, within_s=SLOW_MACHINE * STALE_WITHIN_S)
        print(f"{fault}: stale after {time.monotonic() - began_s:.2f} s")
        assert {device.replica.not_live[source] for source in SOURCES} == {"stale"}
        assert set(simulated(device)) <= {"suspended", "closed", "settled"}
        await FAULTS[fault].mend(feed, line.nats)
        await eventually(lambda: not SOURCES & device.replica.not_live.keys(), within_s=60)
        await eventually(lambda: "open" in simulated(device))
        assert device.replica.gaps == 0
