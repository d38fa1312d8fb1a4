"""Whoever is killed, in whatever order: after quiet every device shows exactly what the log holds.

Real processes: nats-server, the simulator feed and two shards, killed with -9 at random and started again, while
devices of the reference client watch by WebSocket and SSE.
"""

from __future__ import annotations

import asyncio
import random
import signal
from contextlib import AsyncExitStack

import pytest

from fanout.client import OddsStream
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.adapters.server import NatsServer, free_port
from tests.bus import Mirror, eventually
from tests.journeys.converging import converged, follow, held_by_log
from tests.journeys.part import started

LANES = 4
TOPICS = ("football", "soccer.epl", "basketball.nba:main", "hockey:prop", "tennis")
DEVICES = 8


@pytest.mark.journey
async def test_devices_equal_the_log_after_random_kills(nats_server: NatsServer) -> None:
    rng = random.Random(7)
    ports = [free_port(), free_port()]
    urls = [f"ws://127.0.0.1:{port}/v1/stream" for port in ports]
    async with AsyncExitStack() as stack:
        feed = await stack.enter_async_context(
            started("feeds", "run", "--provider", "simulator", "--rate", "400", "--nats", nats_server.url)
        )
        shards = [
            await stack.enter_async_context(
                started("fanout", "run", "--name", f"fanout-{n}", "--port", str(port), "--nats", nats_server.url)
            )
            for n, port in enumerate(ports)
        ]
        connection = await stack.enter_async_context(Connection(nats_server.url, name="mirror"))
        mirror = Mirror()
        reader = LogReader(connection, lanes=LANES, log_age_s=21_600, sink=mirror)
        reader.want(frozenset(range(LANES)))
        streams = [
            await stack.enter_async_context(
                OddsStream([TOPICS[n % len(TOPICS)]], urls=urls, conflate_ms=(0, 100, 250)[n % 3], sse=n == 0)
            )
            for n in range(DEVICES)
        ]
        tasks = [asyncio.ensure_future(work) for work in (reader.run(), *map(follow, streams))]
        stack.callback(lambda: [task.cancel() for task in tasks])

        for _ in range(6):
            await eventually(lambda: all(stream.live for stream in streams), within_s=60)
            match rng.choice(("shard", "shard", "feed", "nats")):
                case "shard":
                    shard = rng.choice(shards)
                    await shard.end(signal.SIGKILL)
                    await shard.start()
                case "feed":
                    await feed.end(signal.SIGKILL)
                    await feed.start()
                case "nats":
                    await nats_server.restart()

        await feed.end(signal.SIGTERM)
        await eventually(lambda: all(converged(stream, mirror, stream.topics[0]) for stream in streams), within_s=60)
        assert not any(task.done() for task in tasks)
        assert all(stream.replica.gaps == 0 for stream in streams)
        assert all(held_by_log(mirror, topic)[0] for topic in TOPICS)
