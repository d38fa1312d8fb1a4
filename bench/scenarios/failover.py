"""Two shards, each with its devices; one is killed (SIGKILL), and its devices go on at the other, with their cursors.

A device has fresh data again when it is `live` at the other shard: then what it holds is the board there, and how late
that is, witnesses see meanwhile: devices of the other, in a process of their own. The time runs from the kill. Who
counts notices the end when read, up to two seconds later (swarm.py), then waits as the reference client does,
and comes again when a 503 told it to. Both shards are on the measured cores: where that is one, they share it, and the
killed one leaves its part to the other.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from bench import window
from bench.line import Line, LineLoad, running_line
from bench.processes import on_cores, split_cores, usage
from bench.recording import recording
from bench.result import Limit, Measured, Reading
from bench.scenario import Scenario, Tell
from bench.scenarios.fanout import KEPT, Defaults, options
from bench.slate import observed
from bench.spread import spread_over
from bench.swarm import Swarm, allow_files
from bench.witnesses import Witnesses, watching

_FRESH_S = 15.0
_BEFORE_S = 5.0
"""The other shard's devices are measured for so long before the kill, to be compared with."""


class Crowds(NamedTuple):
    """Devices of the shard that is killed, and those of the one that stays."""

    killed: Swarm
    staying: Swarm


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    allow_files(2 * options.sockets)
    cores = split_cores(os.sched_getaffinity(0), measured=2)
    load = LineLoad(options.events, options.rate, 2 * options.sockets, options.log_dir, shards=2)
    with on_cores(cores.beside):
        async with running_line(cores, tell, load) as line:
            staying, killed = line.shards
            crowds = Crowds(
                Swarm(killed.address, conflate_ms=options.tier, then=staying.address),
                Swarm(staying.address, conflate_ms=options.tier),
            )
            try:
                spread = await _bring_in(line, crowds, options, tell)
                witnessed = watching(staying.address, spread, conflate_ms=options.tier, cores=cores.beside)
                async with witnessed as witnesses:
                    with window.quiet_swarm():
                        return await _measure(line, crowds, witnesses, options, tell)
            finally:
                for crowd in crowds:
                    crowd.leave()


async def _bring_in(line: Line, crowds: Crowds, options: argparse.Namespace, tell: Tell) -> list[str]:
    """Gives the topics of the devices of the shard that stays."""
    staying, killed = line.shards
    async with contextlib.AsyncExitStack() as stack:
        slates = [
            await stack.enter_async_context(observed(shard.address, options.events)) for shard in (killed, staying)
        ]
        spread: list[str] = []
        for crowd, slate in zip(crowds, slates):
            spread = spread_over(slate.topics, options.sockets, how=options.spread)
            await crowd.join(spread)
    tell(f"{crowds.killed.tally.live} and {crowds.staying.tally.live} devices are live")
    return spread


async def _measure(
    line: Line, crowds: Crowds, witnesses: Witnesses, options: argparse.Namespace, tell: Tell
) -> Measured:
    killed, staying = crowds
    shard = line.shards[1].child
    await asyncio.sleep(options.warm_up)
    witnesses.reset()
    await asyncio.sleep(_BEFORE_S)
    before = (await witnesses.told()).ingest_to_device.figures("others_before")
    began = await window.moment(line)
    tell(f"killing {shard.name}, pid {shard.pid}; measuring for {options.seconds:g} s")
    for crowd in crowds:
        crowd.tally.reset()
    witnesses.reset()
    killed.tally.became_live_s.clear()
    killed_s = time.monotonic()
    with recording().phase("one is killed"):
        await shard.kill()
        await asyncio.sleep(options.seconds)
    others = await witnesses.told()
    back = [at_s - killed_s for at_s in killed.tally.became_live_s]
    figures = {
        **back_figures(back, options.sockets, seconds=options.seconds),
        "deferred": Reading(killed.tally.deferred, "1"),
        "with_cursor_share": Reading(killed.tally.lost_with_cursor / options.sockets, "1"),
        **before,
        **others.ingest_to_device.figures("others"),
        **others.ingest_to_flush.figures("others_to_flush"),
        **others.flush_to_device.figures("others_from_flush"),
        **killed.tally.ingest_to_device.figures("returned"),
        **window.harm(killed.tally, staying.tally, others),
    }
    kept = [*zip((line.nats, line.feed, line.shard), began.cpu)]
    for part, _ in kept:
        part.check()
    processes = [usage(part.name, part.pid, since=since, cores=part.cores) for part, since in kept]
    own = usage("swarm", os.getpid(), since=began.cpu[-1], cores=os.sched_getaffinity(0))
    return Measured(figures, [*processes, own])


def back_figures(back_s: Sequence[float], devices: int, *, seconds: float) -> dict[str, Reading]:
    """When devices were live again, after the kill; of those that were not, the whole time that was watched."""
    ranked = sorted(back_s) + [seconds] * (devices - len(back_s))
    return {
        "fresh_in_15_s_share": Reading(sum(at_s <= _FRESH_S for at_s in back_s) / devices, "1"),
        "back_p50_s": Reading(ranked[math.ceil(devices * 0.5) - 1], "s"),
        "back_p95_s": Reading(ranked[math.ceil(devices * 0.95) - 1], "s"),
        "back_max_s": Reading(ranked[-1], "s"),
        "back_share": Reading(len(back_s) / devices, "1"),
    }


FAILOVER = Scenario(
    "failover",
    "two shards, one is killed: when its devices have fresh data again at the other, and what the other's see of it",
    (Limit("fresh_in_15_s_share", 0.95, how="least"), Limit("others_p99_ms", 400.0), *KEPT),
    partial(options, defaults=Defaults(sockets=7_500, rate=1_000)),
    run,
)
