"""Whoever is killed, in whatever order: after quiet every device shows exactly what the log holds.

Real processes: nats-server, the simulator feed and two shards, killed with -9 at random and started again, while
devices of the reference client watch by WebSocket and SSE.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
from contextlib import AsyncExitStack

import pytest

from fanout.client import OddsStream
from fanout.contract.codec import event_json, market_json
from fanout.contract.replica import Message
from fanout.contract.topics import event_topic_prefixes, market_topics
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.adapters.server import NatsServer, free_port
from feeds.contract.model import Event, Market
from feeds.contract.records import decode_record
from tests.bus import Mirror, eventually
from tests.journeys.part import started

LANES = 4
TOPICS = ("football", "soccer.epl", "basketball.nba:main", "hockey:prop", "tennis")
DEVICES = 8


async def follow(stream: OddsStream) -> None:
    async for _ in stream:
        pass


def held_by_log(mirror: Mirror, topic: str) -> tuple[dict[str, Message], dict[str, Message]]:
    """Markets and events of a topic as devices should show them."""
    markets: dict[str, Message] = {}
    events: dict[str, Message] = {}
    for lane in mirror.last.values():
        for record in lane.values():
            state = decode_record(record.subject, record.data)
            if isinstance(state, Market) and not state.gone and topic in market_topics(state):
                markets[state.id] = json.loads(market_json(state, record.s))
            elif isinstance(state, Event) and topic.split(":", maxsplit=1)[0] in event_topic_prefixes(state.topic):
                events[state.id] = json.loads(event_json(state, record.s))
    return markets, events


def converged(stream: OddsStream, mirror: Mirror, topic: str) -> bool:
    markets, events = held_by_log(mirror, topic)
    running = {event_id for event_id, event in events.items() if event["state"] != "ended"}
    shown = stream.replica.events
    return stream.replica.markets == markets and all(shown.get(event_id) == events[event_id] for event_id in running)


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
