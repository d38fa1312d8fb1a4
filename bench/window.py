"""A measured window over a line: what rose between two moments, what devices saw, what every process used."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.device import Tally
from bench.line import Line
from bench.processes import Cpu, cpu, usage
from bench.result import Reading, Usage
from bench.scenario import CannotMeasure


class Moment(NamedTuple):
    """What only rises, at one moment. `cpu` is of nats, feed, shard and swarm."""

    at_s: float
    metrics: dict[str, float]
    cpu: tuple[Cpu, ...]


async def moment(line: Line) -> Moment:
    """Now. Raises CannotMeasure."""
    line.check()
    metrics = await line.metrics()
    pids = (*(part.pid for part in line.children), os.getpid())
    return Moment(time.monotonic(), metrics, tuple(cpu(pid) for pid in pids))


@contextlib.contextmanager
def quiet_swarm() -> Iterator[None]:
    """Our own garbage collection does not walk all devices again and again meanwhile, which would show as latency."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def received(swarm: Tally, witnesses: Tally, *, took_s: float) -> dict[str, Reading]:
    """What came to the devices of the swarm, and when, to the witnesses. From ingest to device is from ingest to the
    flush, and from there to the device."""
    return {
        **witnesses.ingest_to_device.figures("ingest_to_device"),
        **witnesses.ingest_to_flush.figures("ingest_to_flush"),
        **witnesses.flush_to_device.figures("flush_to_device"),
        "frames_per_s": Reading(swarm.frames / took_s, "1/s"),
        "received_per_s": Reading(swarm.received_bytes / took_s, "B/s"),
        **harm(swarm, witnesses),
    }


def harm(*tallies: Tally) -> dict[str, Reading]:
    """What must not come about."""
    return {
        "closed": Reading(sum(sum(tally.closed.values()) for tally in tallies), "1"),
        "gaps": Reading(sum(tally.gaps for tally in tallies), "1"),
    }


def shard_figures(began: Moment, ended: Moment) -> dict[str, Reading]:
    """What the shard did for its CPU. Deliveries: changes of markets, each counted for every device that got it."""
    took_s = ended.at_s - began.at_s
    rose = {name: value - began.metrics.get(name, 0.0) for name, value in ended.metrics.items()}
    deliveries = rose["oddswire_fanout_deliveries_total"]
    shard_s = sum(ended.cpu[2]) - sum(began.cpu[2])
    if not deliveries:
        raise CannotMeasure("the shard delivered nothing")
    return {
        "deliveries_per_s": Reading(deliveries / took_s, "1/s"),
        "writes_per_s": Reading(rose["oddswire_fanout_writes_total"] / took_s, "1/s"),
        "records_per_s": Reading(rose["oddswire_fanout_records_total"] / took_s, "1/s"),
        "shard_cpu_per_million": Reading(shard_s / deliveries * 1e6, "s"),
        "shard_cpu_share": Reading(shard_s / took_s, "1"),
    }


def used(line: Line, began: Moment) -> Sequence[Usage]:
    """What every process of the line, and the swarm, used since then. Raises CannotMeasure."""
    parts = [
        *((part.name, part.pid, part.cores) for part in line.children),
        ("swarm", os.getpid(), os.sched_getaffinity(0)),
    ]
    return [usage(name, pid, since=since, cores=cores) for (name, pid, cores), since in zip(parts, began.cpu)]
