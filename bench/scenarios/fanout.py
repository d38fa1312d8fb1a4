"""One shard under many devices: from ingest to device, over the real line.

Each device watches one event. The shard has a core to itself; the swarm, NATS and the feed share the rest. Witnesses, a
process of its own, time what comes: a swarm that cannot keep up would show as latency.

Afterwards a bare loop writes as much to as many sockets on the shard's core: `writes_share_of_bare` is the part of a
core that the shard's writes would cost a program that does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

from bench import window
from bench.line import LOG_DIR, Line, LineLoad, running_line
from bench.options import add_devices, add_duration, add_events, add_rate, add_tier, add_warm_up
from bench.processes import Cores, on_cores, output_of, split_cores, uss_bytes
from bench.recording import recording
from bench.result import Limit, Measured, Reading
from bench.scenario import Scenario, Tell
from bench.slate import observed, settled
from bench.spread import SPREADS, Spread, spread_over
from bench.swarm import Swarm, allow_files
from bench.witnesses import Witnesses, watching

_BARE_S = 2.0
_BARE_WITHIN_S = 60.0


class Joined(NamedTuple):
    """What it took until all were live, and who watches."""

    figures: dict[str, Reading]
    witnesses: Witnesses


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    allow_files(options.sockets)
    cores = split_cores(os.sched_getaffinity(0))
    load = LineLoad(options.events, options.rate, options.sockets, options.log_dir, refuses=False)
    with on_cores(cores.beside):
        async with running_line(cores, tell, load) as line:
            swarm = Swarm(line.address, conflate_ms=options.tier)
            try:
                async with AsyncExitStack() as stack:
                    joined = await bring_in(line, swarm, options, tell, stack)
                    with window.quiet_swarm():
                        measured = await _measure(line, swarm, joined, options, tell)
            finally:
                swarm.leave()
        return measured._replace(figures={**measured.figures, **await _bare(measured.figures, cores, options.sockets)})


async def _bare(figures: Mapping[str, Reading], cores: Cores, sockets: int) -> dict[str, Reading]:
    """The shard's writes beside a bare loop of the same writes, on as many sockets and the same core right after it."""
    writes_per_s = figures["writes_per_s"].value
    size = max(2, round(figures["received_per_s"].value / max(1.0, writes_per_s)))
    readers = ",".join(map(str, sorted(cores.beside)))
    words = ("-m", "bench.bare_writes", str(sockets), str(size), str(_BARE_S), readers)
    told = await output_of("bare writes", words, cores.measured, within_s=_BARE_WITHIN_S)
    bare_us = float(told)
    return {
        "bare_write_us": Reading(bare_us, "us"),
        "writes_share_of_bare": Reading(writes_per_s * bare_us / 1e6, "1"),
    }


async def bring_in(line: Line, swarm: Swarm, options: argparse.Namespace, tell: Tell, stack: AsyncExitStack) -> Joined:
    """Connects all devices to the first shard, witnesses first: a shard that is late takes nobody. Gives what that
    took, time and memory of the shard, and the witnesses, who watch for as long as the stack stands."""
    pid = line.shard.pid
    async with observed(line.address, options.events) as slate:
        spread = spread_over(slate.topics, options.sockets, how=options.spread)
        witnessed = watching(line.address, spread, conflate_ms=options.tier, cores=os.sched_getaffinity(0))
        witnesses = await stack.enter_async_context(witnessed)
        board_bytes = await settled(pid)
        tell(f"the shard holds {slate.markets} markets in {board_bytes / 2**20:.0f} MiB; connecting")
        began_s = time.monotonic()
        await swarm.join(spread)
        took_s = time.monotonic() - began_s
        live_bytes = uss_bytes(pid)
    tell(f"{swarm.tally.live} devices are live")
    figures = {
        "connects_per_s": Reading(len(spread) / took_s, "1/s"),
        "deferred": Reading(swarm.tally.deferred, "1"),
        "shard_memory_board": Reading(board_bytes, "B"),
        "shard_memory_per_socket": Reading((live_bytes - board_bytes) / len(spread), "B"),
    }
    return Joined(figures, witnesses)


async def _measure(line: Line, swarm: Swarm, joined: Joined, options: argparse.Namespace, tell: Tell) -> Measured:
    await asyncio.sleep(options.warm_up)
    tell(f"measuring for {options.seconds:g} s")
    began = await window.moment(line)
    swarm.tally.reset()
    joined.witnesses.reset()
    with recording().phase("measured"):
        await asyncio.sleep(options.seconds)
    took_s = time.monotonic() - began.at_s
    received = window.received(swarm.tally, await joined.witnesses.told(), took_s=took_s)
    ended = await window.moment(line)
    figures = received | window.shard_figures(began, ended) | joined.figures
    return Measured(figures, window.used(line, began))


class Defaults(NamedTuple):
    """What the options of a variant are where they are not given."""

    sockets: int = 10_000
    events: int = 200
    rate: int = 2_000
    spread: Spread = "even"
    seconds: float = 20.0
    warm_up: float = 3.0


def options(parser: argparse.ArgumentParser, defaults: Defaults) -> None:
    """The options of a shard under many devices."""
    add_devices(parser, defaults.sockets)
    load_options(parser, defaults)


def load_options(parser: argparse.ArgumentParser, defaults: Defaults) -> None:
    """Those of them that are about what comes."""
    add_rate(parser, defaults.rate)
    shape_options(parser, defaults)


def shape_options(parser: argparse.ArgumentParser, defaults: Defaults) -> None:
    """Those of them that are the same for every size of load."""
    add_events(parser, defaults.events)
    add_tier(parser)
    add_duration(parser, defaults.seconds)
    add_warm_up(parser, defaults.warm_up)
    add = parser.add_argument
    add("--spread", choices=SPREADS, default=defaults.spread, help="of devices over events (%(default)s)")
    add("--log-dir", default=LOG_DIR, metavar="DIR", help="of NATS (default: in memory, where there is some)")


KEPT = (Limit("closed", 0, "every"), Limit("gaps", 0, "every"))


def _variant(name: str, summary: str, limits: tuple[Limit, ...], defaults: Defaults) -> Scenario:
    return Scenario(name, summary, (*limits, *KEPT), partial(options, defaults=defaults), run)


FANOUT = _variant(
    "fanout",
    "one shard under many devices, from ingest to device",
    (Limit("ingest_to_device_p99_ms", 200.0), Limit("shard_memory_per_socket", 4096.0)),
    Defaults(),
)
WIDE = _variant(
    "fanout-wide",
    "one shard, 15,000 devices over 200 events as people choose them",
    (
        Limit("ingest_to_device_p99_ms", 150.0),
        Limit("ingest_to_device_p999_ms", 250.0),
        Limit("shard_memory_per_socket", 3072.0),
    ),
    Defaults(sockets=15_000, spread="zipf"),
)
IDLE = _variant(
    "idle",
    "memory of devices to which next to nothing is sent",
    (Limit("shard_memory_per_socket", 2560.0),),
    Defaults(sockets=18_000, rate=1),
)
CONNECTS = _variant(
    "connects",
    "devices that come, subscribe and get their image, one after the other as fast as the shard takes them",
    (Limit("connects_per_s", 3000.0, how="least"),),
    Defaults(rate=100),
)
