"""Wires an ingestor and runs it: the only module here that reads the environment, connects and starts tasks."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from feeds.adapters import probes, process, server
from feeds.adapters.coordination.opening import check_coordination, coordinating
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.durability import report_durability
from feeds.adapters.nats.publisher import LanePublisher
from feeds.adapters.nats.reader import LogReader
from feeds.adapters.nats.replicas import watch_replicas
from feeds.adapters.nats.settling import ResultPublisher
from feeds.adapters.nats.streams import Streams
from feeds.candidacy import LeaseTimes, Mandate
from feeds.candidate import LOOK_KIND, Candidate
from feeds.check import check
from feeds.commands import parser
from feeds.contract.coordination import Coordination, Unavailable
from feeds.contract.coordination_address import parse_coordination
from feeds.contract.errors import LogUnavailable, Refused
from feeds.contract.settings import BusSettings, describe
from feeds.feed_lane import FeedLane
from feeds.follow import FollowedLanes, Refresher
from feeds.leader import LaneLeader
from feeds.mapping import MappingTable, read_mapping
from feeds.metrics import FeedMetrics
from feeds.overlay import LaneOverlays
from feeds.ownership import NO_PRIORITY, LaneOwnership, Priority, priority_of
from feeds.pipeline import Pipeline
from feeds.ports import Provider
from feeds.providers.betfair.settings import BetfairSettings
from feeds.providers.registry import ProviderOptions, default_feed, make_provider
from feeds.providers.sportradar.settings import SportradarSettings
from feeds.providers.theoddsapi.settings import TheOddsApiSettings
from feeds.recovery import HeldStates
from feeds.serve import ServeOptions, serve
from feeds.settings import FeedsSettings
from feeds.settling import LaneSettler
from feeds.writer import LaneWriter

_SETTINGS = (BusSettings, FeedsSettings, BetfairSettings, SportradarSettings, TheOddsApiSettings)

EXIT_FAILED = 1
EXIT_USAGE = 2

REACH_S = 3.0
"""A command that finds no coordination within this fails."""

OWNER_HOST_CHARS = 64
"""Of the host's name in the name of a process, which has an end."""


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m feeds`. Exit status: 0, 1 failed, 2 bad input, 3 (check) some refused."""
    arguments = parser(
        {
            "run": _run,
            "check": _check,
            "serve": _serve,
            "settings": _settings,
            "nats": _nats,
            "coordination": _coordination,
        }
    ).parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except ValidationError as error:
        return _complain(
            "; ".join(": ".join(map(str, (*problem["loc"], problem["msg"]))) for problem in error.errors())
        )
    except (LogUnavailable, Unavailable) as error:
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
    rows = [row for settings in _SETTINGS for row in describe(settings)]
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        limit = f" ({row['limit']})" if row["limit"] else ""
        print(f"{row['variable']}={row['default']}{limit}\n    {row['meaning']}")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    options = ServeOptions(
        arguments.port, arguments.events, arguments.rate, arguments.seed, arguments.ca_file, arguments.amqp
    )

    async def until_signalled() -> int:
        stopped = asyncio.Event()
        signalled = asyncio.create_task(process.until_signalled())
        signalled.add_done_callback(lambda _: stopped.set())
        return await serve(arguments.server, options, stopped)

    process.configure_logs("info")
    return process.run(until_signalled())


def _coordination(arguments: argparse.Namespace) -> int:
    bus = BusSettings(**_given(arguments, BusSettings.model_fields))
    check_coordination(bus)
    process.configure_logs("error")
    return process.run(_reach_coordination(bus))


async def _reach_coordination(bus: BusSettings) -> int:
    on_nats = parse_coordination(bus.coordination).backend == "nats"
    connection = Connection(bus.nats_url, name="feeds-coordination")
    opening = asyncio.create_task(connection.open()) if on_nats else None
    try:
        async with coordinating(bus, connection, reach_s=REACH_S) as coordination:
            if opening is not None:
                await asyncio.wait([opening], timeout=REACH_S)
            await coordination.get(LOOK_KIND, "command")
    finally:
        if opening is not None:
            opening.cancel()
            await connection.close()
    print(f"coordination {bus.coordination} answers")
    return 0


def _nats(arguments: argparse.Namespace) -> int:
    server.replace_process(port=arguments.port, data_dir=arguments.data_dir)
    return EXIT_FAILED


def _run(arguments: argparse.Namespace) -> int:
    settings = FeedsSettings(**_given(arguments, FeedsSettings.model_fields))
    bus = BusSettings(**_given(arguments, BusSettings.model_fields))
    check_coordination(bus)
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
        corrections=settings.corrections,
        game_s=settings.game_s,
        mapping=read_mapping(Path(settings.mapping)) if settings.mapping else MappingTable(),
        record=settings.record,
    )
    make = partial(make_provider, settings.provider, options)
    make()  # bad input is refused now, not when it is our turn to lead
    return process.run(_probed(make, feed, settings=settings, bus=bus))


def _given(arguments: argparse.Namespace, fields: dict[str, Any]) -> dict[str, Any]:
    """The options that were given and are settings of this class."""
    return {name: value for name, value in vars(arguments).items() if name in fields and value is not None}


class Feed:
    """One term of a provider leading every lane: everything between a connection and a provider, put together.

    Without a mandate it takes the lead from anybody.
    """

    def __init__(
        self,
        provider: Provider,
        connection: Connection,
        *,
        bus: BusSettings,
        metrics: FeedMetrics,
        priority: Priority = NO_PRIORITY,
        mandate: Mandate | None = None,
    ) -> None:
        lanes, feed = range(bus.lanes), provider.feed
        mandate = mandate or Mandate(_new_owner())
        logs = {lane: LanePublisher(connection, lane, bus=bus) for lane in lanes}
        overlays = {lane: LaneOverlays() for lane in lanes}
        held = {lane: HeldStates(feed=feed, lane=lane, overlays=overlays[lane]) for lane in lanes}
        ownership = {
            lane: LaneOwnership(feed=feed, lane=lane, priority=priority, meet=held[lane].meet) for lane in lanes
        }
        results = ResultPublisher(connection, bus=bus)
        self._connection = connection
        self.followed = FollowedLanes(log_age_s=bus.log_age_s, ownership=ownership, overlays=overlays)
        self.leaders = {
            lane: LaneLeader(
                LaneWriter(feed=feed, lane=lane, mandate=mandate),
                logs[lane],
                lane=lane,
                log_age_s=bus.log_age_s,
                current=held[lane].current,
                metrics=metrics,
            )
            for lane in lanes
        }
        self.pipeline = Pipeline(
            provider,
            lanes={
                lane: FeedLane(lane, leader, held=held[lane], ownership=ownership[lane], metrics=metrics)
                for lane, leader in self.leaders.items()
            },
            settlers={
                lane: LaneSettler(leader, results, feed=feed, lane=lane, owns=ownership[lane].owns, metrics=metrics)
                for lane, leader in self.leaders.items()
            },
            followed=self.followed,
            metrics=metrics,
        )
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

    @property
    def heard_s(self) -> float:
        """See Term (feeds/candidate.py)."""
        return min(leader.heard_s for leader in self.leaders.values())

    def stop(self) -> None:
        """The feed says `down`, and `run` returns."""
        self.pipeline.stop()


class _Told(NamedTuple):
    """What an ingestor says of itself."""

    metrics: FeedMetrics
    readiness: probes.Readiness

    def say(self, feed: str, word: str) -> None:
        """It leads and is live, or stands by; either way it is ready."""
        self.readiness.has(probes.WORK)
        print(f"feed {feed} {word}", flush=True)


def _candidate(
    make: Callable[[], Provider],
    name: str,
    connection: Connection,
    coordination: Coordination,
    *,
    settings: FeedsSettings,
    bus: BusSettings,
    told: _Told,
) -> Candidate:
    priority = priority_of(settings.priority, hysteresis_s=settings.hysteresis_s)
    return Candidate(
        coordination,
        lambda mandate: Feed(make(), connection, bus=bus, metrics=told.metrics, priority=priority, mandate=mandate),
        feed=name,
        owner=_new_owner(),
        times=LeaseTimes(settings.lease_ttl_s, settings.lease_interval_s),
        metrics=told.metrics,
        say=partial(told.say, name),
    )


async def _probed(make: Callable[[], Provider], name: str, *, settings: FeedsSettings, bus: BusSettings) -> int:
    """Leads or stands by, and says of itself whether it does: a standby is as ready as who leads."""
    told = _Told(FeedMetrics(), probes.Readiness(probes.LOG, probes.WORK))
    async with probes.answering(settings.metrics_host, settings.metrics_port, told.metrics.registry, told.readiness):
        return await _stand(make, name, settings=settings, bus=bus, told=told)


async def _stand(
    make: Callable[[], Provider], name: str, *, settings: FeedsSettings, bus: BusSettings, told: _Told
) -> int:
    """Leads or stands by until a signal; also one that comes before there ever was a server is an end in good order."""
    status = 0
    signalled = asyncio.create_task(process.until_signalled())
    connection = Connection(bus.nats_url, name=f"feed-{name}")
    told.readiness.follow(connection)
    opening = asyncio.create_task(connection.open())
    await asyncio.wait((signalled, opening), return_when=asyncio.FIRST_COMPLETED)
    if signalled.done():
        opening.cancel()
        return status
    try:
        async with coordinating(bus, connection) as coordination:
            candidate = _candidate(make, name, connection, coordination, settings=settings, bus=bus, told=told)
            signalled.add_done_callback(lambda _: candidate.stop())
            await opening
            await report_durability(settings.nats_monitor, replicas=bus.log_replicas)
            async with asyncio.TaskGroup() as group:
                beside = (
                    group.create_task(connection.ended()),
                    group.create_task(
                        watch_replicas(Streams(connection, lanes=bus.lanes), told.metrics, bus.log_replicas)
                    ),
                )
                await candidate.run()
                for task in beside:
                    task.cancel()
    except* (Refused, LogUnavailable) as failures:
        error = _first(failures)
        status = _complain(str(error), EXIT_FAILED if isinstance(error, LogUnavailable) else EXIT_USAGE)
    finally:
        signalled.cancel()
        await connection.close()
    return status


def _new_owner() -> str:
    """What tells this process from any other, in the characters of a key (feeds/contract/coordination.py)."""
    host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:OWNER_HOST_CHARS]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
