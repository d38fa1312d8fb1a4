"""The Odds API over real parts: an HTTP server, the client that polls it, a real nats-server, a reader of its lanes."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

import httpx
import pytest
from starlette.responses import Response

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.model import Event, Market
from feeds.contract.records import Beat, decode_record
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import State
from feeds.providers.simulator.serving.theoddsapi import KEY
from feeds.providers.simulator.serving.uvicorn_server import serving
from feeds.providers.theoddsapi.client import TheOddsApi
from tests.bus import LANES, Mirror, bus, eventually, reading
from tests.feeds.odds_api import Source, Troubled, client, going, on_offer
from tests.journeys.test_feeds_command import line, said

pytestmark = pytest.mark.journey

_FAULT_S = 0.5


class Lane(NamedTuple):
    """A source, its server, and the lanes it ends in."""

    source: Source
    app: Troubled
    provider: TheOddsApi
    mirror: Mirror

    def states(self) -> list[State]:
        """The newest states of the lanes."""
        found = []
        for records in self.mirror.last.values():
            for subject, stored in records.items():
                record = decode_record("odds." + subject, stored.data)
                if isinstance(record, Market | Event):
                    found.append(record)
        return found

    def beats(self) -> set[str]:
        """How the feed is, in every lane."""
        return {
            record.state
            for lane, records in self.mirror.last.items()
            if (stored := records.get(f"{lane}.beat.odds"))
            and isinstance(record := decode_record(f"odds.{lane}.beat.odds", stored.data), Beat)
        }

    def equals_source(self) -> bool:
        """Whether the lanes hold what the source offers, to the price, and nothing else that is open."""
        ours, theirs = self.states(), list(self.source.last.values())
        return on_offer(ours) == on_offer(theirs) and going(theirs) <= going(ours)

    async def advance_until(self, met: Callable[[], bool]) -> None:
        """Something happens, again and again, until a condition is met."""

        def advanced() -> bool:
            self.source.advance(3)
            return met()

        await eventually(advanced)


@pytest.fixture
async def lane(nats_server: NatsServer, connection: Connection) -> AsyncIterator[Lane]:
    source = Source(events=3)
    app = Troubled(source.server.app)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(app, 0))
        provider = client(port, source.sports, stale_s=1.5, down_s=3.0, failures_max=5)
        _, mirror = await stack.enter_async_context(reading(connection))
        writing = await stack.enter_async_context(Connection(nats_server.url, name="feed"))
        feed = Feed(provider, writing, bus=bus(), metrics=FeedMetrics())
        ready = asyncio.Event()
        running = asyncio.create_task(feed.run(ready.set))
        async with asyncio.timeout(20):
            await ready.wait()
        yield Lane(source, app, provider, mirror)
        feed.stop()
        await running


async def test_the_lanes_equal_the_source(lane: Lane) -> None:
    await eventually(lane.equals_source)
    assert len(lane.mirror.last) == LANES
    for _ in range(3):
        lane.source.advance(60)
        await eventually(lane.equals_source)


@pytest.mark.parametrize("fault", ["silence", "duplicates", "reordering", "garbage"])
async def test_every_fault_ends_with_the_lanes_equal_to_the_source(lane: Lane, fault: str) -> None:
    await eventually(lane.equals_source)
    asked = len(lane.app.requests)
    lane.source.server.command(f"{fault} {_FAULT_S}")
    await lane.advance_until(lambda: len(lane.app.requests) > asked + 80)
    await eventually(lane.equals_source, within_s=40)
    await eventually(lambda: lane.beats() == {"live"})


async def test_a_replay_ends_with_the_lanes_equal_to_the_source(lane: Lane) -> None:
    asked = len(lane.app.requests)
    await lane.advance_until(lambda: len(lane.app.requests) > asked + 80)
    lane.source.server.command("replay 1")
    lane.source.advance(60)
    await eventually(lane.equals_source, within_s=40)


async def test_an_outage_is_told_and_ends(lane: Lane) -> None:
    await eventually(lambda: lane.beats() == {"live"})
    lane.app.always = Response(b"", status_code=503)
    await eventually(lambda: lane.beats() == {"recovering"})
    await eventually(lambda: lane.beats() == {"down"})
    lane.source.advance(200)
    lane.app.always = None
    await eventually(lambda: lane.beats() == {"live"})
    await eventually(lane.equals_source)


async def test_the_command_serves_and_takes_faults() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "feeds", "serve", "theoddsapi", "--events", "3", "--rate", "20"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        assert process.stdin is not None
        assert process.stderr is not None
        url = (await line(process)).removeprefix("serving theoddsapi on ")
        async with httpx.AsyncClient(base_url=f"http://{url}") as http:
            assert (await http.get("/v4/sports", params={"apiKey": KEY})).status_code == 200
        process.stdin.write(b"garbage 5\nearthquake 5\n")
        assert await line(process) == "fault garbage 5"
        assert b"earthquake" in await asyncio.wait_for(process.stderr.readline(), 30)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_server_nobody_knows() -> None:
    status, out, err = await said("serve", "nobody")
    assert (status, out) == (2, "")
    assert "theoddsapi" in err
