"""A provider of a scenario as a process that feeds a log on this machine: what `bench.readfeed` and the like run."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable

from feeds.adapters import process
from feeds.adapters.nats.connection import Connection
from feeds.contract.settings import BusSettings
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import Provider

READY = "feeding"
RATE_MAX = 20_000


class Asked(argparse.Namespace):
    """The options: the port of nats-server, updates a second."""

    port: int
    rate: int


def main(make: Callable[[Asked, int], Provider]) -> int:
    """Until a signal. `make` gives the provider, from the options and the number of lanes. Gives the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True)
    asked = parser.parse_args(namespace=Asked())
    asked.rate = min(asked.rate, RATE_MAX)
    process.configure_logs("warning")
    return process.run(_feed(asked, make))


async def _feed(asked: Asked, make: Callable[[Asked, int], Provider]) -> int:
    bus = BusSettings(nats_url=f"nats://127.0.0.1:{asked.port}")
    connection = Connection(bus.nats_url, name="bench")
    await connection.open()
    fed = Feed(make(asked, bus.lanes), connection, bus=bus, metrics=FeedMetrics())
    signalled = asyncio.create_task(process.until_signalled())
    signalled.add_done_callback(lambda _: fed.stop())
    await fed.run(lambda: print(READY, flush=True))
    await connection.close()
    return 0
