"""`python -m bench.loadfeed KIND`: the steady slate, fed to what is measured.

To a shard it comes as everything does: a provider under the real feed, which leads, fences and beats. Peers get the
same updates as bytes: Python programs as lines, nats-server as core messages, nchan as HTTP posts.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import sys
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import nats

from bench import steady
from bench.pace import paced
from bench.peers.intake import joined
from feeds.adapters import process
from feeds.adapters.nats.connection import Connection
from feeds.contract.model import Market
from feeds.contract.settings import BusSettings
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import FeedSink

SUBJECT = "odds"
KINDS = ("shard", "lines", "nats", "http")

_HOST = "127.0.0.1"


class Load(NamedTuple):
    """What is fed, where: `rate` updates a second over `markets` markets, joined for `join_ms` if that is not 0."""

    kind: str
    port: int
    markets: int
    rate: int
    join_ms: int


class SteadyProvider:
    """The slate as a provider (feeds/ports.py)."""

    feed = steady.FEED

    def __init__(self, load: Load, *, lanes: int) -> None:
        self._load = load
        self._lanes = lanes

    async def run(self, sink: FeedSink) -> None:
        """Everything once, then one market after the other."""
        markets = self._load.markets
        sink.put(steady.events(markets))
        sink.put(self._market(number) for number in range(markets))
        sink.health("live")
        async for due in paced(self._load.rate):
            sink.put(self._market(markets + number) for number in due)

    def absent(self, market: Market, now_ms: int) -> Market:
        """The log is empty when we begin."""
        del now_ms
        return market

    def _market(self, count: int) -> Market:
        turn, number = divmod(count, self._load.markets)
        return steady.market(number, turn, lanes=self._lanes, ts=_now_ms())


async def feed_shard(load: Load) -> int:
    """Until a signal."""
    bus = BusSettings(nats_url=f"nats://{_HOST}:{load.port}")
    signalled = asyncio.create_task(process.until_signalled())
    connection = Connection(bus.nats_url, name="bench")
    await connection.open()
    feed = Feed(SteadyProvider(load, lanes=bus.lanes), connection, bus=bus, metrics=FeedMetrics())
    signalled.add_done_callback(lambda _: feed.stop())
    await feed.run(_say_ready)
    await connection.close()
    return 0


async def feed_lines(load: Load) -> int:
    """To a Python peer, which joins by itself."""
    _, writer = await asyncio.open_connection(_HOST, load.port)
    _say_ready()
    async for updates in _updates(load.rate, load.markets):
        writer.write(b"".join(update + b"\n" for update in updates))
    return 0


async def feed_nats(load: Load) -> int:
    """To nats-server, as core messages."""
    connection = await nats.connect(f"nats://{_HOST}:{load.port}")
    _say_ready()
    async for message in _messages(load):
        await connection.publish(SUBJECT, message)
        await connection.flush()
    return 0


async def feed_http(load: Load) -> int:
    """To nchan, as posts over one connection."""
    posting = http.client.HTTPConnection(_HOST, load.port)
    _say_ready()
    async for message in _messages(load):
        posting.request("POST", "/", body=message)
        posting.getresponse().read()
    return 0


async def _updates(rate: int, markets: int) -> AsyncIterator[tuple[bytes, ...]]:
    async for due in paced(rate):
        yield tuple(steady.delta(count % markets, count // markets, s=markets + count, ts=_now_ms()) for count in due)


async def _messages(load: Load) -> AsyncIterator[bytes]:
    """Each update alone, or all of `join_ms` as one."""
    if not load.join_ms:
        async for updates in _updates(load.rate, load.markets):
            for update in updates:
                yield update
        return
    loop = asyncio.get_running_loop()
    held: list[bytes] = []
    due_s = loop.time()
    async for updates in _updates(load.rate, load.markets):
        held += updates
        if loop.time() >= due_s:
            due_s = max(due_s + load.join_ms / 1000, loop.time())
            yield joined(tuple(held))
            held.clear()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _say_ready() -> None:
    print("feeding", flush=True)


def main() -> int:
    """Until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    for name in ("port", "markets", "rate", "join-ms"):
        parser.add_argument("--" + name, type=int, required=True)
    load = Load(**vars(parser.parse_args()))
    feed = {"shard": feed_shard, "lines": feed_lines, "nats": feed_nats, "http": feed_http}[load.kind]
    process.configure_logs("warning")
    return process.run(feed(load))


if __name__ == "__main__":
    sys.exit(main())
