"""One shard under many devices: from ingest to device, over the real line.

Each device watches one event. The shard has a core to itself; the swarm, NATS and the feed share the rest, so a swarm
that cannot keep up shows as latency: `flush_to_device` and the swarm's CPU tell it apart.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import time
from functools import partial
from typing import NamedTuple

from bench.device import Tally
from bench.line import LOG_DIR, Line, LineLoad, running_line
from bench.options import count_to, seconds_to
from bench.processes import Cpu, cpu, on_cores, split_cores, usage, uss_bytes
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.spread import SPREADS, Spread, spread_over
from bench.swarm import Swarm, allow_files
from fanout.contract.replica import Replica
from feeds.providers.simulator.spec import ROTATION

_OBSERVER_TIER_MS = 1000
_SETTLE_STEP_S = 2.0
_SETTLED_BYTES = 262_144
"""The board has settled when the shard grows by less than this in a step."""
_SETTLE_S = 40.0
_WARM_UP_S = 3.0


class Moment(NamedTuple):
    """What only rises, at one moment. `cpu` is of nats, feed, shard and swarm."""

    at_s: float
    metrics: dict[str, float]
    cpu: tuple[Cpu, ...]


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    allow_files(options.sockets)
    cores = split_cores(os.sched_getaffinity(0))
    load = LineLoad(options.events, options.rate, options.sockets, options.log_dir)
    with on_cores(cores.beside):
        async with running_line(cores, tell, load) as line:
            swarm = Swarm(line.address, conflate_ms=options.tier)
            try:
                connected = await _connect(line, swarm, options, tell)
                return await _measure(line, swarm, connected, seconds=options.seconds, tell=tell)
            finally:
                swarm.leave()
                gc.unfreeze()


async def _connect(line: Line, swarm: Swarm, options: argparse.Namespace, tell: Tell) -> dict[str, Reading]:
    """Brings all devices in. Gives what that took: time, and memory of the shard."""
    observing = Swarm(line.address, conflate_ms=_OBSERVER_TIER_MS)
    try:
        device = await observing.read(sorted({league.sport.slug for league in ROTATION}))
        topics = _events_of(device.replica)
        if len(topics) < options.events:
            raise CannotMeasure(f"the slate has {len(topics)} events, not {options.events}")
        spread = spread_over(topics[: options.events], options.sockets, how=options.spread)
        board_bytes = await _settled(line)
        tell(f"the shard holds {len(device.replica.markets)} markets in {board_bytes / 2**20:.0f} MiB; connecting")
        began_s = time.monotonic()
        await swarm.join(spread)
        took_s = time.monotonic() - began_s
        live_bytes = uss_bytes(line.shard.pid)
    finally:
        observing.leave()
    tell(f"{swarm.tally.live} devices are live")
    return {
        "connects_per_s": Reading(len(spread) / took_s, "1/s"),
        "deferred": Reading(swarm.tally.deferred, "1"),
        "shard_memory_board": Reading(board_bytes, "B"),
        "shard_memory_per_socket": Reading((live_bytes - board_bytes) / len(spread), "B"),
    }


def _events_of(replica: Replica) -> list[str]:
    """Topics of all games, live ones first."""
    games = [
        event for event in replica.events.values() if event.get("kind") != "outright" and event["state"] != "ended"
    ]
    return [event["topic"] for event in sorted(games, key=lambda event: (event["state"] != "live", event["topic"]))]


async def _settled(line: Line) -> int:
    """The shard's own memory once its board has stopped growing; that of the last look if it never does."""
    deadline_s = time.monotonic() + _SETTLE_S
    last = uss_bytes(line.shard.pid)
    while True:
        await asyncio.sleep(_SETTLE_STEP_S)
        now = uss_bytes(line.shard.pid)
        if now - last < _SETTLED_BYTES or time.monotonic() > deadline_s:
            return now
        last = now


async def _measure(line: Line, swarm: Swarm, connected: dict[str, Reading], *, seconds: float, tell: Tell) -> Measured:
    gc.collect()
    gc.freeze()
    await asyncio.sleep(_WARM_UP_S)
    tell(f"measuring for {seconds:g} s")
    began = await _moment(line)
    swarm.tally.reset()
    await asyncio.sleep(seconds)
    tally = swarm.tally
    received = _received(tally, took_s=time.monotonic() - began.at_s)
    ended = await _moment(line)
    figures = received | _shard_figures(began, ended) | connected
    pids = [
        *((part.name, part.pid, part.cores) for part in line.children),
        ("swarm", os.getpid(), os.sched_getaffinity(0)),
    ]
    processes = [usage(name, pid, since=since, cores=cores) for (name, pid, cores), since in zip(pids, began.cpu)]
    return Measured(figures, processes)


async def _moment(line: Line) -> Moment:
    line.check()
    metrics = await line.metrics()
    pids = (*(part.pid for part in line.children), os.getpid())
    return Moment(time.monotonic(), metrics, tuple(cpu(pid) for pid in pids))


def _received(tally: Tally, *, took_s: float) -> dict[str, Reading]:
    """What the devices saw. From ingest to device is from ingest to the flush, and from there to the device."""
    return {
        **tally.ingest_to_device.figures("ingest_to_device"),
        **tally.ingest_to_flush.figures("ingest_to_flush"),
        **tally.flush_to_device.figures("flush_to_device"),
        "frames_per_s": Reading(tally.frames / took_s, "1/s"),
        "received_per_s": Reading(tally.received_bytes / took_s, "B/s"),
        "closed": Reading(sum(tally.closed.values()), "1"),
        "gaps": Reading(tally.gaps, "1"),
    }


def _shard_figures(began: Moment, ended: Moment) -> dict[str, Reading]:
    """What the shard did for its CPU. Deliveries: changes of markets, each counted for every device that got it."""
    took_s = ended.at_s - began.at_s
    rose = {name: value - began.metrics.get(name, 0.0) for name, value in ended.metrics.items()}
    deliveries = rose["oddswire_fanout_deliveries_total"]
    shard_s = sum(ended.cpu[2]) - sum(began.cpu[2])
    if not deliveries:
        raise CannotMeasure("the shard delivered nothing")
    return {
        "deliveries_per_s": Reading(deliveries / took_s, "1/s"),
        "records_per_s": Reading(rose["oddswire_fanout_records_total"] / took_s, "1/s"),
        "shard_cpu_per_million": Reading(shard_s / deliveries * 1e6, "s"),
        "shard_cpu_share": Reading(shard_s / took_s, "1"),
    }


class Defaults(NamedTuple):
    """What the options of a variant are where they are not given."""

    sockets: int = 10_000
    events: int = 200
    rate: int = 2_000
    spread: Spread = "even"


def options(parser: argparse.ArgumentParser, defaults: Defaults) -> None:
    """The options of one shard under many devices."""
    add = parser.add_argument
    add("--sockets", type=count_to(200_000), default=defaults.sockets, metavar="N", help="devices (%(default)s)")
    add("--events", type=count_to(5_000), default=defaults.events, metavar="N", help="events (%(default)s)")
    add("--rate", type=count_to(20_000), default=defaults.rate, metavar="N", help="updates a second (%(default)s)")
    add("--tier", type=count_to(60_000, least=0), default=100, metavar="MS", help="tier (%(default)s)")
    add("--seconds", type=seconds_to(3600), default=20.0, metavar="S", help="measured time (%(default)s)")
    add("--spread", choices=SPREADS, default=defaults.spread, help="of devices over events (%(default)s)")
    add("--log-dir", default=LOG_DIR, metavar="DIR", help="of NATS (default: in memory, where there is some)")


_KEPT = (Limit("closed", 0, "every"), Limit("gaps", 0, "every"))


def _variant(name: str, summary: str, limits: tuple[Limit, ...], defaults: Defaults) -> Scenario:
    return Scenario(name, summary, (*limits, *_KEPT), partial(options, defaults=defaults), run)


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
