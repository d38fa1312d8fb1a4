"""What slow devices cost the others: in pairs of windows, without them and with them, in turn.

Of every hundred devices one never reads and five read 1 KB/s (slow.py); they come besides the others, whose p99 is
compared. Both windows of a pair are a moment apart, so that what else happens on the machine meets both. The median of
the pairs may have moved by a tenth, or by 10 ms where that is more.

For one slow device the shard may hold what its limits allow: what is left of one frame of catch-up
(fanout/settings.py). That it holds no more the longer it goes on is seen by a line through what it held for them in
each pair, with less without: less than 8 MiB from the first pair to the last, as in `soak`. So a board that grows
meanwhile, as that of the simulated slate does, is not taken for theirs. It takes two pairs at least.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from contextlib import AsyncExitStack
from statistics import fmean, median_low
from typing import NamedTuple

from bench import window
from bench.line import Line, LineLoad, running_line
from bench.options import count_to
from bench.processes import on_cores, split_cores, uss_bytes
from bench.recording import recording
from bench.result import Limit, Measured, Reading
from bench.scenario import Scenario, Tell
from bench.scenarios import fanout
from bench.scenarios.fanout import KEPT, Defaults, Joined, bring_in
from bench.slate import SPORTS
from bench.slow import Crowd, Pace, crowd_of
from bench.swarm import Swarm, allow_files
from bench.trend import trend
from bench.witnesses import Witnesses
from fanout.settings import FanoutSettings

_READS_PER_S = 1024
_FULL_S = 30.0
"""Slow devices are given so long until most are full."""
_FULL_SHARE = 0.5
_STEP_S = 1.0
_CALM_S = 3.0
"""After they have left, the shard is let alone for so long."""

_ALLOWED_MS, _ALLOWED_SHARE = 10.0, 0.1


class Window(NamedTuple):
    """The others' p99; the shard's own memory, the mean; and how many slow devices were full."""

    p99_ms: float
    memory_bytes: float
    full: float


class Pair(NamedTuple):
    """Two windows, one after the other."""

    without: Window
    slow: Window


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    paces = paces_of(options.sockets)
    allow_files(options.sockets + len(paces))
    cores = split_cores(os.sched_getaffinity(0))
    load = LineLoad(options.events, options.rate, options.sockets + 2 * len(paces), options.log_dir)
    with on_cores(cores.beside):
        async with running_line(cores, tell, load) as line:
            swarm = Swarm(line.address, conflate_ms=options.tier)
            try:
                async with AsyncExitStack() as stack:
                    joined = await bring_in(line, swarm, options, tell, stack)
                    with window.quiet_swarm():
                        return await _measure(line, swarm, joined, options, tell)
            finally:
                swarm.leave()


def paces_of(sockets: int) -> list[Pace]:
    """The slow ones: 1 % of so many never read, 5 % read slowly; at least one of each."""
    never, little = max(1, sockets // 100), max(1, sockets * 5 // 100)
    speeds = [0] * never + [_READS_PER_S] * little
    return [Pace((SPORTS[number % len(SPORTS)],), speed) for number, speed in enumerate(speeds)]


async def _measure(line: Line, swarm: Swarm, joined: Joined, options: argparse.Namespace, tell: Tell) -> Measured:
    await asyncio.sleep(options.warm_up)
    paces = paces_of(options.sockets)
    began = await window.moment(line)
    pairs, sent_away = [], 0
    for number in range(1, options.pairs + 1):
        without = await _window(line, joined.witnesses, options.seconds)
        async with crowd_of(line.address, paces, conflate_ms=options.tier) as crowd:
            await _until_full(line, crowd, len(paces))
            with recording().phase("slow"):
                slow = await _window(line, joined.witnesses, options.seconds)
            sent_away += crowd.sent_away
        await asyncio.sleep(_CALM_S)
        pairs.append(Pair(without, slow))
        tell(
            f"pair {number} of {options.pairs}: p99 {without.p99_ms:.1f} ms without, {slow.p99_ms:.1f} ms with "
            f"{len(paces)} slow devices, {slow.full:.0f} of them full"
        )
    figures = {
        **slow_figures(pairs, len(paces)),
        "slow_sent_away": Reading(sent_away, "1"),
        **window.harm(swarm.tally, await joined.witnesses.told()),
        **window.shard_figures(began, await window.moment(line)),
        **joined.figures,
    }
    return Measured(figures, window.used(line, began))


async def _window(line: Line, witnesses: Witnesses, seconds: float) -> Window:
    memory, full = [], []
    witnesses.reset()
    ends_s = time.monotonic() + seconds
    while (left_s := ends_s - time.monotonic()) > 0:
        await asyncio.sleep(min(_STEP_S, seconds / 2, left_s))
        memory.append(uss_bytes(line.shard.pid))
        full.append((await line.metrics())["oddswire_fanout_full"])
    p99_ms = (await witnesses.told()).ingest_to_device.quantile_ms(99.0)
    return Window(p99_ms, fmean(memory), median_low(full))


async def _until_full(line: Line, crowd: Crowd, slow: int) -> None:
    """Most of them are full; or they are not after a while, which the figures tell."""
    deadline_s = time.monotonic() + _FULL_S
    while time.monotonic() < deadline_s:
        line.check()
        if crowd.came >= slow and (await line.metrics())["oddswire_fanout_full"] >= slow * _FULL_SHARE:
            return
        await asyncio.sleep(_STEP_S)


def slow_figures(pairs: list[Pair], slow: int) -> dict[str, Reading]:
    """The pairs compared. What the p99 moved is told in ms, and as a share of what it may move."""
    without_ms = median_low(pair.without.p99_ms for pair in pairs)
    moved_ms = median_low(pair.slow.p99_ms - pair.without.p99_ms for pair in pairs)
    held = [pair.slow.memory_bytes - pair.without.memory_bytes for pair in pairs]
    grew = {"held_growth": Reading(trend([*enumerate(held)]).grew, "B")} if len(held) > 1 else {}
    return {
        "p99_without_ms": Reading(without_ms, "ms"),
        "p99_with_slow_ms": Reading(median_low(pair.slow.p99_ms for pair in pairs), "ms"),
        "p99_moved_ms": Reading(moved_ms, "ms"),
        "p99_moved_of_allowed": Reading(moved_ms / max(_ALLOWED_MS, _ALLOWED_SHARE * without_ms), "1"),
        "slow_full_share": Reading(median_low(pair.slow.full for pair in pairs) / slow, "1"),
        "shard_memory_per_slow": Reading(median_low(held) / slow, "B"),
        **grew,
    }


def _options(parser: argparse.ArgumentParser) -> None:
    fanout.options(parser, Defaults(sockets=5_000, seconds=10.0))
    parser.add_argument("--pairs", type=count_to(99), default=5, metavar="N", help="pairs of windows (%(default)s)")


_HELD_BYTES = FanoutSettings.model_fields["chunk_bytes"].default

SLOW = Scenario(
    "slow",
    "what devices that never read, or read 1 KB/s, cost the others",
    (
        Limit("p99_moved_of_allowed", 1.0),
        Limit("slow_full_share", 0.25, how="least"),
        Limit("shard_memory_per_slow", float(_HELD_BYTES)),
        Limit("held_growth", float(8 << 20)),
        *KEPT,
    ),
    _options,
    run,
)
