"""`python -m bench.busfeed`: the steady slate under the real feed, to measure the way from a provider onto the bus.

At a rate, each update says in its `reason` when it was put (Unix microseconds). Without one, updates are made
beforehand and put as fast as the log acknowledges them, so that none is replaced by a newer one before it is sent.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import NamedTuple

from msgspec.structs import replace
from prometheus_client import start_http_server

from bench import steady
from bench.pace import paced
from feeds.adapters import process
from feeds.adapters.nats.connection import Connection
from feeds.contract.model import Market
from feeds.contract.settings import BusSettings
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import FeedSink
from feeds.writer import BATCH_STATES_MAX

HOST = "127.0.0.1"
PUT_AT = b'"reason":"'
"""Stands before the time an update was put, in its bytes."""

_LOOK_S = 0.0005
_TURNS_MADE = 2


class Load(NamedTuple):
    """What is put: `rate` updates a second over `markets` markets, 0 for as many as the log takes.

    `turn`: how often every market has moved when this begins, so that a restart finds that all of them did.
    """

    port: int
    metrics_port: int
    markets: int
    rate: int
    turn: int


class BusProvider:
    """The slate as a provider (feeds/ports.py). `waiting` gives the states that wait to be sent; set before it runs."""

    feed = steady.FEED

    def __init__(self, load: Load, *, lanes: int) -> None:
        self._load = load
        self._lanes = lanes
        self.waiting: Callable[[], int] = lambda: 0

    async def run(self, sink: FeedSink) -> None:
        """Everything once, then one market after the other."""
        load = self._load
        sink.put(steady.events(load.markets))
        sink.put(self._market(number, load.turn) for number in range(load.markets))
        sink.health("live")
        if load.rate:
            await self._at_a_rate(sink)
        else:
            await self._as_acknowledged(sink)

    def absent(self, market: Market, now_ms: int) -> Market:
        """Every market is mentioned."""
        del now_ms
        return market

    async def _at_a_rate(self, sink: FeedSink) -> None:
        markets = self._load.markets
        async for due in paced(self._load.rate):
            for count in due:
                market = self._market(count % markets, self._load.turn + 1 + count // markets)
                sink.put((replace(market, reason=str(time.time_ns() // 1_000)),))

    async def _as_acknowledged(self, sink: FeedSink) -> None:
        """Keeps batches full: more is put once less than a batch a lane waits."""
        updates = self._endlessly()
        batch = BATCH_STATES_MAX * self._lanes
        while True:
            if self.waiting() < batch:
                sink.put(islice(updates, batch))
            await asyncio.sleep(_LOOK_S)

    def _endlessly(self) -> Iterator[Market]:
        turn = self._load.turn + 1
        made = [self._market(n, turn + more) for more in range(_TURNS_MADE) for n in range(self._load.markets)]
        return cycle(made)

    def _market(self, number: int, turn: int) -> Market:
        return steady.market(number, turn, lanes=self._lanes, ts=time.time_ns() // 1_000_000)


async def run(load: Load) -> int:
    """Until a signal."""
    bus = BusSettings(nats_url=f"nats://{HOST}:{load.port}")
    signalled = asyncio.create_task(process.until_signalled())
    connection = Connection(bus.nats_url, name="bench")
    await connection.open()
    provider, metrics = BusProvider(load, lanes=bus.lanes), FeedMetrics()
    feed = Feed(provider, connection, bus=bus, metrics=metrics)
    provider.waiting = lambda: sum(leader.writer.waiting for leader in feed.leaders.values())
    start_http_server(load.metrics_port, addr=HOST, registry=metrics.registry)
    signalled.add_done_callback(lambda _: feed.stop())
    await feed.run(lambda: print("feeding", flush=True))
    await connection.close()
    return 0


def main() -> int:
    """Until it is ended."""
    parser = argparse.ArgumentParser()
    for name in ("port", "metrics-port", "markets", "rate", "turn"):
        parser.add_argument("--" + name, type=int, required=True)
    process.configure_logs("warning")
    return process.run(run(Load(**vars(parser.parse_args()))))


if __name__ == "__main__":
    sys.exit(main())
