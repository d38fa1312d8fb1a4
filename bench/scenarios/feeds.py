"""From a provider's bytes to the log: how fast a core reads each provider, and what the way onto the bus takes.

- Read: messages for a second of this process's CPU, pinned to the measured core (bench/reading.py).
- Onto the bus: from a provider's put to who subscribes to `live.>`, at `--rate` updates a second.
- Acknowledged: updates that the log acknowledged while as many are put as it takes, for a second of CPU of feed and
  nats-server together. That is what a core means here: one core's time, shared by both; each is pinned to its own.
- Rebuilt: a feed that leads `--rebuild-markets` open markets is killed and started again, by when all have moved; from
  the start of its process until the first beat `live` is stored in every lane. The provider answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import nats
from nats.aio.msg import Msg

from bench import reading
from bench.busfeed import HOST, PUT_AT
from bench.latency import Latency
from bench.line import LOG_DIR, free_port, log_place, metrics_of, nats_program
from bench.options import add_duration, count_to, seconds_to
from bench.processes import Child, Cores, Program, cpu, on_cores, running, split_cores, usage
from bench.result import Limit, Measured, Reading, Usage
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.scenarios import takeover
from bench.swarm import Address

_DATA = "ODDSWIRE_DATA"
_WARM_UP_S = 1.0
_STORED = "oddswire_feed_states_stored_total"

Figures = dict[str, Reading]


class Bus(NamedTuple):
    """A feed on a bus. `metrics`: where the feed tells of itself."""

    nats: Child
    feed: Child
    metrics: Address

    def check(self) -> None:
        """Raises CannotMeasure if any of them has ended."""
        self.nats.check()
        self.feed.check()


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    cores = split_cores(os.sched_getaffinity(0))
    with on_cores(cores.measured):
        figures = _read(options, tell)
    processes: list[Usage] = []
    with on_cores(cores.beside):
        for part in (_onto_the_bus, _acknowledged):
            told, used = await part(options, cores, tell)
            figures |= told
            processes += used
        figures |= await _rebuilt(options, cores, tell)
        if options.takeovers:
            figures |= await _taken_over(options, tell)
    return Measured(figures, processes)


async def _taken_over(options: argparse.Namespace, tell: Tell) -> Figures:
    """The scenario `takeover`, in fewer rounds."""
    asked = argparse.Namespace(
        rounds=options.takeovers, events=options.events, rate=options.rate, log_dir=options.log_dir
    )
    taken = await takeover.run(asked, tell)
    return {f"takeover_{name}": figure for name, figure in taken.figures.items()}


def _read(options: argparse.Namespace, tell: Tell) -> Figures:
    recordings = _recordings() if options.inputs == "recordings" else None
    figures: Figures = {}
    for reader in reading.readers(events=options.events, messages=options.messages, recordings=recordings):
        tell(f"reading {len(reader.messages)} messages of {reader.provider}")
        figures |= reading.figures(reader, seconds=options.read_seconds)
    return figures


def _recordings() -> Path:
    folder = os.environ.get(_DATA)
    if not folder:
        raise CannotMeasure(f"{_DATA} names no folder with recordings")
    return Path(folder)


async def _onto_the_bus(options: argparse.Namespace, cores: Cores, tell: Tell) -> tuple[Figures, list[Usage]]:
    latency = Latency()

    async def hear(message: Msg) -> None:
        start = message.data.find(PUT_AT)
        if start >= 0:
            start += len(PUT_AT)
            put_us = int(message.data[start : message.data.find(b'"', start)])
            latency.record_us(time.time_ns() // 1_000 - put_us)

    async with _place_of_nats(options, cores) as (port, server), _feeding(port, server, options, cores) as bus:
        connection = await nats.connect(f"nats://{HOST}:{port}")
        await connection.subscribe("live.>", cb=hear)
        await asyncio.sleep(_WARM_UP_S)
        tell(f"{options.rate} updates a second onto the bus, for {options.seconds:g} s")
        since = [cpu(child.pid) for child in (bus.nats, bus.feed)]
        latency.reset()
        await asyncio.sleep(options.seconds)
        figures = latency.figures("ingest_to_bus") | {
            "updates_heard_per_s": Reading(len(latency) / options.seconds, "1/s")
        }
        bus.check()
        used = [
            usage(child.name, child.pid, since=at, cores=child.cores) for child, at in zip((bus.nats, bus.feed), since)
        ]
        await connection.close()
    if not len(latency):
        raise CannotMeasure("nothing came over the bus")
    return figures, used


async def _acknowledged(options: argparse.Namespace, cores: Cores, tell: Tell) -> tuple[Figures, list[Usage]]:
    async with (
        _place_of_nats(options, cores) as (port, server),
        _feeding(port, server, options, cores, rate=0) as bus,
    ):
        await asyncio.sleep(_WARM_UP_S)
        tell(f"as many updates as the log acknowledges, for {options.seconds:g} s")
        since, began_s = [cpu(child.pid) for child in (bus.nats, bus.feed)], time.monotonic()
        before = (await metrics_of(bus.metrics))[_STORED]
        await asyncio.sleep(options.seconds)
        stored = (await metrics_of(bus.metrics))[_STORED] - before
        took_s = time.monotonic() - began_s
        bus.check()
        used = [
            usage(f"{child.name} (full)", child.pid, since=at, cores=child.cores)
            for child, at in zip((bus.nats, bus.feed), since)
        ]
    spent_s = sum(each.cpu_s for each in used)
    if not stored or not spent_s:
        raise CannotMeasure(f"the log acknowledged {stored:g} updates for {spent_s:g} s of CPU")
    return {
        "acknowledged_per_core": Reading(stored / spent_s, "1/s"),
        "acknowledged_per_s": Reading(stored / took_s, "1/s"),
        "acknowledged_nats_cpu": Reading(used[0].cpu_s / stored * 1e6, "us"),
        "acknowledged_feed_cpu": Reading(used[1].cpu_s / stored * 1e6, "us"),
    }, used


async def _rebuilt(options: argparse.Namespace, cores: Cores, tell: Tell) -> Figures:
    """How long the second life of a feed takes to be live, after the first was killed."""
    markets = options.rebuild_markets
    took_s = 0.0
    async with _place_of_nats(options, cores) as (port, server):
        for turn in range(2):
            began_s = time.monotonic()
            async with _feeding(port, server, options, cores, markets=markets, turn=turn, rate=1) as bus:
                took_s = time.monotonic() - began_s
                tell(f"{markets} open markets, {'begun anew' if turn else 'begun'}: live after {took_s:.2f} s")
                os.kill(bus.feed.pid, signal.SIGKILL)
    return {"rebuild_s": Reading(took_s, "s")}


@contextlib.asynccontextmanager
async def _place_of_nats(options: argparse.Namespace, cores: Cores) -> AsyncIterator[tuple[int, Child]]:
    port = free_port()
    with log_place(options.log_dir) as place:
        async with running(nats_program(port, place), cores.beside) as server:
            yield port, server


@contextlib.asynccontextmanager
async def _feeding(
    port: int,
    server: Child,
    options: argparse.Namespace,
    cores: Cores,
    *,
    rate: int | None = None,
    markets: int | None = None,
    turn: int = 0,
) -> AsyncIterator[Bus]:
    """A feed that leads and is live, on a core of its own. `rate` and `markets` instead of the options'."""
    metrics_port = free_port()
    load = {
        "--port": port,
        "--metrics-port": metrics_port,
        "--markets": options.markets if markets is None else markets,
        "--rate": options.rate if rate is None else rate,
        "--turn": turn,
    }
    words = ("-m", "bench.busfeed", *(str(word) for pair in load.items() for word in pair))
    async with running(Program("feed", words, "^feeding$"), cores.measured) as feed:
        yield Bus(server, feed, Address(HOST, metrics_port))


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    inputs = "recordings" if os.environ.get(_DATA) else "slate"
    add(
        "--inputs",
        choices=("slate", "recordings"),
        default=inputs,
        help=f"Betfair's; recordings: {_DATA} (%(default)s)",
    )
    add("--events", type=count_to(500), default=60, metavar="N", help="events of the slate that is read (%(default)s)")
    add("--messages", type=count_to(1_000_000), default=20_000, metavar="N", help="read of a provider (%(default)s)")
    add("--read-seconds", type=seconds_to(600), default=5.0, metavar="S", help="CPU for each way to read (%(default)s)")
    add("--rate", type=count_to(20_000), default=2_000, metavar="N", help="updates a second onto the bus (%(default)s)")
    add("--markets", type=count_to(50_000), default=2_000, metavar="N", help="that are updated (%(default)s)")
    add_duration(parser, 10.0, most=3600, of="measured time of each")
    add("--rebuild-markets", type=count_to(50_000), default=10_000, metavar="N", help="open at a restart (%(default)s)")
    add("--takeovers", type=count_to(1_000, least=0), default=5, metavar="N", help="leaders killed (%(default)s)")
    add("--log-dir", default=LOG_DIR, metavar="DIR", help="of NATS (default: in memory, where there is some)")


FEEDS = Scenario(
    "feeds",
    "from a provider's bytes to the log: reading, latency, acknowledged updates, a restart, takeovers",
    (
        Limit("acknowledged_per_core", 10_000, how="least"),
        Limit("rebuild_s", 5.0),
        Limit("takeover_live_max_ms", 3_000.0, "every"),
    ),
    _options,
    run,
)
