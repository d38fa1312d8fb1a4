"""Wires an ingestor and runs it: the only module here that reads the environment, connects and starts tasks."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import start_http_server
from pydantic import ValidationError

from feeds.adapters import process, server
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.durability import report_durability
from feeds.adapters.nats.publisher import LanePublisher
from feeds.adapters.nats.reader import LogReader
from feeds.check import check
from feeds.commands import parser
from feeds.contract.errors import LogUnavailable, NotLeader, Refused
from feeds.contract.settings import BusSettings, describe
from feeds.follow import FollowedLanes, Refresher
from feeds.leader import LaneLeader
from feeds.metrics import FeedMetrics
from feeds.pipeline import Pipeline
from feeds.ports import Provider
from feeds.providers.registry import ProviderOptions, default_feed, make_provider
from feeds.recovery import HeldStates
from feeds.settings import FeedsSettings
from feeds.writer import LaneWriter

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_LEADER = 4


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m feeds`. Exit status: 0, 1 failed, 2 bad input, 3 (check) some refused, 4 no longer leader."""
    arguments = parser({"run": _run, "check": _check, "settings": _settings, "nats": _nats}).parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except ValidationError as error:
        return _complain("; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors()))
    except LogUnavailable as error:
        return _complain(str(error), EXIT_FAILED)
    except (Refused, OSError) as error:
        return _complain(str(error))


def _complain(text: str, status: int = EXIT_USAGE) -> int:
    print(f"feeds: {text}", file=sys.stderr)
    return status


def _check(arguments: argparse.Namespace) -> int:
    return check(
        arguments.file,
        provider=arguments.provider,
        at=arguments.at,
        as_json=arguments.json,
        out=sys.stdout,
        err=sys.stderr,
    )


def _settings(arguments: argparse.Namespace) -> int:
    rows = [*describe(BusSettings), *describe(FeedsSettings)]
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        limit = f" ({row['limit']})" if row["limit"] else ""
        print(f"{row['variable']}={row['default']}{limit}\n    {row['meaning']}")
    return 0


def _nats(arguments: argparse.Namespace) -> int:
    server.replace_process(port=arguments.port, data_dir=arguments.data_dir)
    return EXIT_FAILED


def _run(arguments: argparse.Namespace) -> int:
    settings = FeedsSettings(**_given(arguments, FeedsSettings.model_fields))
    bus = BusSettings(**_given(arguments, BusSettings.model_fields))
    process.configure_logs(settings.log_level)
    feed = settings.name or default_feed(settings.provider)
    options = ProviderOptions(
        feed=feed,
        lanes=bus.lanes,
        events=settings.events,
        rate=settings.rate,
        seed=settings.seed,
        speed=settings.speed,
        loop=settings.loop,
        record=settings.record,
    )
    provider = make_provider(settings.provider, options)
    metrics = FeedMetrics()
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr="127.0.0.1", registry=metrics.registry)
    return process.run(_lead(provider, bus, metrics, settings.nats_monitor))


def _given(arguments: argparse.Namespace, fields: dict[str, Any]) -> dict[str, Any]:
    """The options that were given and are settings of this class."""
    return {name: value for name, value in vars(arguments).items() if name in fields and value is not None}


class Feed:
    """One provider leading every lane: everything between a connection and a provider, put together."""

    def __init__(self, provider: Provider, connection: Connection, *, bus: BusSettings, metrics: FeedMetrics) -> None:
        lanes = range(bus.lanes)
        owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        logs = {lane: LanePublisher(connection, lane, bus=bus) for lane in lanes}
        held = {lane: HeldStates(feed=provider.feed, lane=lane) for lane in lanes}
        self._connection = connection
        self.followed = FollowedLanes(lanes=bus.lanes, log_age_s=bus.log_age_s)
        self.leaders = {
            lane: LaneLeader(
                LaneWriter(feed=provider.feed, lane=lane, owner=owner),
                logs[lane],
                lane=lane,
                log_age_s=bus.log_age_s,
                current=held[lane].current,
                metrics=metrics,
            )
            for lane in lanes
        }
        self.pipeline = Pipeline(provider, held=held, leaders=self.leaders, followed=self.followed, metrics=metrics)
        self._reader = LogReader(connection, lanes=bus.lanes, log_age_s=bus.log_age_s, sink=self.followed)
        self._reader.want(frozenset(lanes))
        self._refresher = Refresher(self.followed, logs, feed=provider.feed, log_age_s=bus.log_age_s, metrics=metrics)

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Until `stop`. Raises a group of NotLeader, LogUnavailable, or what the provider raises."""
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._connection.ended()),
                group.create_task(self._reader.run()),
                group.create_task(self._refresher.run()),
            ]
            await self.pipeline.run(on_ready)
            for task in beside:
                task.cancel()

    def stop(self) -> None:
        """The feed says `down`, and `run` returns."""
        self.pipeline.stop()


async def _lead(provider: Provider, bus: BusSettings, metrics: FeedMetrics, monitor_url: str) -> int:
    """Leads until a signal; also one that comes before there ever was a server is an end in good order."""
    status = 0
    signalled = asyncio.create_task(process.until_signalled())
    connection = Connection(bus.nats_url, name=f"feed-{provider.feed}")
    opening = asyncio.create_task(connection.open())
    await asyncio.wait((signalled, opening), return_when=asyncio.FIRST_COMPLETED)
    if signalled.done():
        opening.cancel()
        return status
    feed = Feed(provider, connection, bus=bus, metrics=metrics)
    signalled.add_done_callback(lambda _: feed.stop())
    try:
        await opening
        await report_durability(monitor_url, replicas=bus.log_replicas)
        await feed.run(lambda: print(f"feed {provider.feed} ready", flush=True))
    except* NotLeader as group:
        status = EXIT_NOT_LEADER
        print(f"feeds: stood down: {_first(group)}", file=sys.stderr)
    except* (Refused, LogUnavailable) as group:
        error = _first(group)
        status = _complain(str(error), EXIT_FAILED if isinstance(error, LogUnavailable) else EXIT_USAGE)
    finally:
        signalled.cancel()
        await connection.close()
    return status


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
