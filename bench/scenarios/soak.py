"""Ten minutes at 70 % of what one shard sustains here: does its memory stay flat?

What a shard sustains depends on the machine, so it is an option (`--sustains`, in devices at `--rate`): `fanout-wide`
and `growth` find it. From the end of the warm-up the shard's own memory is read every few seconds, and a straight line
is laid through that. The bound is on what the line gains from the warm-up to the end: 8 MiB, whatever the shard holds
besides. Extrapolating to an hour would multiply by six what an allocator does in steps of a MiB, so that share is told
and not bounded; a single byte leaked for each delivery would gain more than 40 MiB in ten minutes.

A market that is gone is known until it has left the log, some 600 bytes each, so a board is as large as it gets once
the log's age has passed. That is six hours in production; here the log keeps `--log-age` seconds, and the warm-up is
longer than that, so that what is measured is a board that loses as much as it gains. `entries` tell it. So short a log
is repeated all the time, and a repeated record keeps the time at which it was made: `ingest_to_device` shows that age,
so here the bound on latency is from the shard's flush.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from contextlib import AsyncExitStack

from bench import window
from bench.line import Line, LineLoad, running_line
from bench.options import count_to, share
from bench.processes import on_cores, split_cores, uss_bytes
from bench.recording import recording
from bench.result import Limit, Measured, Reading
from bench.scenario import Scenario, Tell
from bench.scenarios import fanout
from bench.scenarios.fanout import KEPT, Defaults, Joined, bring_in
from bench.swarm import Swarm, allow_files
from bench.trend import trend

_READINGS = 120
"""As many readings of the memory, whatever the time: each walks the shard's pages, which holds it up for a moment."""

_TELL_EVERY = 12
_ENTRIES = "oddswire_fanout_lane_entries"


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    sockets = devices(options)
    allow_files(sockets)
    cores = split_cores(os.sched_getaffinity(0))
    load = LineLoad(options.events, options.rate, sockets, options.log_dir, log_age_s=options.log_age)
    joining = argparse.Namespace(**vars(options) | {"sockets": sockets})
    with on_cores(cores.beside):
        async with running_line(cores, tell, load) as line:
            swarm = Swarm(line.address, conflate_ms=options.tier)
            try:
                async with AsyncExitStack() as stack:
                    joined = await bring_in(line, swarm, joining, tell, stack)
                    with window.quiet_swarm():
                        return await _measure(line, swarm, joined, options, tell)
            finally:
                swarm.leave()


def devices(options: argparse.Namespace) -> int:
    """As many as are that share of what one shard sustains."""
    sustained: int = options.sustains
    part: float = options.share
    return max(1, round(sustained * part))


async def _measure(line: Line, swarm: Swarm, joined: Joined, options: argparse.Namespace, tell: Tell) -> Measured:
    tell(f"warming up for {options.warm_up:g} s, then measuring for {options.seconds:g} s")
    await asyncio.sleep(options.warm_up)
    began = await window.moment(line)
    swarm.tally.reset()
    joined.witnesses.reset()
    with recording().phase("measured"):
        memory = await _memory(line, options.seconds, tell)
    took_s = time.monotonic() - began.at_s
    received = window.received(swarm.tally, await joined.witnesses.told(), took_s=took_s)
    ended = await window.moment(line)
    figures = {
        "sockets": Reading(swarm.tally.live, "1"),
        **memory_figures(memory),
        "entries_began": Reading(began.metrics[_ENTRIES], "1"),
        "entries_ended": Reading(ended.metrics[_ENTRIES], "1"),
        **received,
        **window.shard_figures(began, ended),
        **joined.figures,
    }
    return Measured(figures, window.used(line, began))


async def _memory(line: Line, seconds: float, tell: Tell) -> list[tuple[float, float]]:
    """The shard's own memory, from now to so many seconds later."""
    began_s = time.monotonic()
    read = []
    for number in range(_READINGS + 1):
        await asyncio.sleep(began_s + number * seconds / _READINGS - time.monotonic())
        line.check()
        read.append((time.monotonic(), float(uss_bytes(line.shard.pid))))
        if number % _TELL_EVERY == 0:
            tell(f"{read[-1][0] - began_s:.0f} s: {read[-1][1] / 2**20:.1f} MiB")
    return read


def memory_figures(memory: list[tuple[float, float]]) -> dict[str, Reading]:
    """What the line through it gains, and where it began and ended."""
    line = trend(memory)
    return {
        "shard_memory_growth": Reading(line.grew, "B"),
        "shard_memory_growth_an_hour_share": Reading(line.share_per_hour, "1"),
        "shard_memory_began": Reading(memory[0][1], "B"),
        "shard_memory_ended": Reading(memory[-1][1], "B"),
    }


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    sustains = 11_000
    add("--sustains", type=count_to(200_000), default=sustains, metavar="N", help="devices, here (%(default)s)")
    add("--share", type=share, default=0.7, metavar="S", help="of them that come (%(default)s)")
    add("--log-age", type=count_to(86_400, least=10), default=120, metavar="S", help="of the log (%(default)s)")
    fanout.load_options(parser, Defaults(seconds=600.0, warm_up=180.0))


SOAK = Scenario(
    "soak",
    "ten minutes at 70 % of what one shard sustains: whether its memory stays flat",
    (Limit("shard_memory_growth", float(8 << 20)), Limit("flush_to_device_p99_ms", 200.0), *KEPT),
    _options,
    run,
)
