"""What a shard costs on this machine: a write, a byte, a message of the bus, a connect, a socket's memory.

A line for each rate of updates, and on it devices in steps: each step is a cell, and all cells together are fitted
(bench/capacity/coefficients.py). What `--save` writes is what `bench plan` counts with.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from bench import window
from bench.capacity.coefficients import Cell, Coefficients, Made, fitted
from bench.line import LOG_DIR, Line, LineLoad, running_line
from bench.machine import this_machine
from bench.options import count_to, counts_to, numbers, seconds_to
from bench.processes import cpu, on_cores, split_cores, uss_bytes
from bench.result import Measured, Reading, Usage
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.slate import observed, settled
from bench.spread import spread_over
from bench.swarm import Swarm, allow_files
from bench.witnesses import Witnesses, watching

WARM_UP_S = 3.0
SOCKETS, RATES = (1_000, 4_000), (200, 2_000, 8_000)


class Found(NamedTuple):
    """The cells of one line, CPU seconds a connect, and what its processes used in the last one."""

    cells: list[Cell]
    connect_cpu_s: list[float]
    processes: list[Usage]


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Every cell once. Raises CannotMeasure."""
    sockets, rates = numbers(options.sockets), numbers(options.rates)
    if len(sockets) * len(rates) < 4 or len(sockets) < 2:
        raise CannotMeasure("at least two numbers of devices and two rates are needed to tell what costs what")
    allow_files(sockets[-1])
    found = [await _line(options, sockets, rate, tell) for rate in rates]
    cells = [cell for one in found for cell in one.cells]
    coefficients = _coefficients(options, cells, [cost for one in found for cost in one.connect_cpu_s])
    if options.save is not None:
        options.save.write_bytes(msgspec.json.format(msgspec.json.encode(coefficients), indent=2) + b"\n")
    return Measured(_figures(coefficients), [usage for one in found for usage in one.processes])


async def _line(options: argparse.Namespace, sockets: list[int], rate: int, tell: Tell) -> Found:
    """One line; each step's devices come to those that are there."""
    cores = split_cores(os.sched_getaffinity(0))
    load = LineLoad(options.events, rate, sockets[-1], options.log_dir, refuses=False)
    found = Found([], [], [])
    with on_cores(cores.beside):
        async with running_line(cores, tell, load) as line, AsyncExitStack() as stack:
            async with observed(line.address, options.events) as slate:
                spread = spread_over(slate.topics, sockets[-1], how="even")
                watched = watching(line.address, spread, conflate_ms=options.tier, cores=os.sched_getaffinity(0))
                witnesses = await stack.enter_async_context(watched)
                board_bytes = await settled(line.shard.pid)
            began = await window.moment(line)
            swarms: list[Swarm] = []
            for there, number in zip([0, *sockets], sockets, strict=False):
                swarm = Swarm(line.address, conflate_ms=options.tier)
                stack.callback(swarm.leave)
                cost = await _connect(line, swarm, spread[there:number], found.cells[-1].cpu if found.cells else 0.0)
                swarms.append(swarm)
                if there:
                    found.connect_cpu_s.append(cost)
                memory = (uss_bytes(line.shard.pid) - board_bytes) / number
                with window.quiet_swarm():
                    found.cells.append(await _cell(line, swarms, witnesses, memory, options.seconds))
                tell(f"{rate} updates a second: {found.cells[-1]}")
            found.processes.extend(window.used(line, began))
    return found


async def _connect(line: Line, swarm: Swarm, topics: list[str], cpu_before: float) -> float:
    """CPU seconds a connect, beside what the devices that are there cost meanwhile."""
    began, began_s = sum(cpu(line.shard.pid)), time.monotonic()
    await swarm.join(topics)
    took_s = time.monotonic() - began_s
    return max((sum(cpu(line.shard.pid)) - began - cpu_before * took_s) / len(topics), 1e-9)


async def _cell(line: Line, swarms: list[Swarm], witnesses: Witnesses, memory: float, seconds: float) -> Cell:
    await asyncio.sleep(WARM_UP_S)
    began = await window.moment(line)
    for swarm in swarms:
        swarm.tally.reset()
    witnesses.reset()
    await asyncio.sleep(seconds)
    took_s = time.monotonic() - began.at_s
    seen = await witnesses.told()
    tallies = [swarm.tally for swarm in swarms]
    shard = window.shard_figures(began, await window.moment(line))
    if any(figure.value for figure in window.harm(*tallies, seen).values()):
        raise CannotMeasure("devices were sent away, or lost something")
    return Cell(
        sockets=sum(tally.live for tally in tallies),
        records_per_s=shard["records_per_s"].value,
        frames_per_s=sum(tally.frames for tally in tallies) / took_s,
        bytes_per_s=sum(tally.received_bytes for tally in tallies) / took_s,
        deliveries_per_s=shard["deliveries_per_s"].value,
        cpu=shard["shard_cpu_share"].value,
        socket_bytes=memory,
        p99_ms=seen.ingest_to_device.figures("p")["p_p99_ms"].value,
    )


def _coefficients(options: argparse.Namespace, cells: list[Cell], connects: list[float]) -> Coefficients:
    made = Made(
        measured=datetime.now(UTC).date(),
        command=shlex.join(["oddswire", "bench", *sys.argv[1:]]),
        machine=this_machine(),
        events=options.events,
        tier_ms=float(options.tier),
        connect_cpu_s=median(connects),
    )
    return fitted(cells, made)


def _figures(found: Coefficients) -> dict[str, Reading]:
    units = {"cpu_s": "s", "bytes": "B", "transit_ms": "ms", "cpu": "1", "at_once": "1"}
    figures = {}
    for name, value in msgspec.structs.asdict(found).items():
        unit = next((unit for end, unit in units.items() if name.endswith(end)), None)
        if unit is not None:
            figures[name] = Reading(value, unit)
    return figures


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    for name, default, most in (("sockets", SOCKETS, 200_000), ("rates", RATES, 20_000)):
        text = ",".join(map(str, default))
        add(f"--{name}", type=counts_to(most), default=text, metavar="N,...", help="each with each (%(default)s)")
    add("--events", type=count_to(5_000), default=200, metavar="N", help="events (%(default)s)")
    add("--tier", type=count_to(60_000), default=100, metavar="MS", help="tier (%(default)s)")
    add("--seconds", type=seconds_to(600), default=5.0, metavar="S", help="of each cell (%(default)s)")
    add("--log-dir", default=LOG_DIR, metavar="DIR", help="of NATS (default: in memory, where there is some)")
    add("--save", type=Path, metavar="FILE", help="write the coefficients there, for `bench plan`")


COEFFICIENTS = Scenario(
    "coefficients", "what a write, a byte, a record, a connect and a socket cost here", (), _options, run
)
