"""What the scenarios of a whole stack begin with: the stack, its games, apps that watch them, witnesses who time."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import NamedTuple

from bench import options as options_of
from bench.apps import Apps
from bench.line import LOG_DIR
from bench.recording import recording
from bench.scenario import Tell
from bench.spread import spread_over
from bench.stack import Game, Stack, Wanted, games_of, stack_of
from bench.swarm import READ_EVERY, allow_files
from bench.window import quiet_swarm
from bench.witnesses import Witnesses, watching


class Ground(NamedTuple):
    """Everything is live and warm. Witnesses watch every game at the first shard."""

    stack: Stack
    games: list[Game]
    apps: Apps
    witnesses: Witnesses


class Defaults(NamedTuple):
    """What the options are where they are not given."""

    devices: int
    rate: int = 500
    events: int = 40
    warm_up: float = 5.0


@contextlib.asynccontextmanager
async def ground(
    options: argparse.Namespace, wanted: Wanted, tell: Tell, *, more_devices: int = 0
) -> AsyncIterator[Ground]:
    """Ready to be measured. `more_devices`: those that will come besides. Raises CannotMeasure."""
    allow_files(2 * (options.sockets + more_devices))
    async with contextlib.AsyncExitStack() as kept:
        stack = await kept.enter_async_context(stack_of(options, wanted, tell))
        games = await games_of(stack, options.events)
        topics = [game.topic for game in games]
        seen = [topic for topic in topics for _ in range(READ_EVERY)]
        witnesses = await kept.enter_async_context(
            watching(stack.streams[0], seen, conflate_ms=options.tier, cores=os.sched_getaffinity(0))
        )
        apps = Apps(stack.streams, conflate_ms=options.tier)
        kept.push_async_callback(apps.close)
        with recording().phase("joining"):
            await apps.join(spread_over(topics, options.sockets, how="zipf"))
        tell(f"{apps.live} devices are live on {len(games)} games; warming up for {options.warm_up:g} s")
        with quiet_swarm():
            with recording().phase("warm-up"):
                await asyncio.sleep(options.warm_up)
            yield Ground(stack, games, apps, witnesses)


def wanted_of(options: argparse.Namespace, *, shards: int, **settings: str) -> Wanted:
    """A stack of that size, by the options. `settings`: of its parts, by their variables."""
    return Wanted(shards, options.events, options.rate, options.log_dir, settings)


def add_options(parser: argparse.ArgumentParser, defaults: Defaults) -> None:
    """What they all have."""
    options_of.add_devices(parser, defaults.devices)
    options_of.add_rate(parser, defaults.rate)
    options_of.add_events(parser, defaults.events)
    options_of.add_tier(parser)
    options_of.add_warm_up(parser, defaults.warm_up)
    options_of.add_target(parser)
    text = "where a stack that is started keeps its log and database (default: in memory, where there is some)"
    parser.add_argument("--log-dir", default=LOG_DIR, metavar="DIR", help=text)
