"""What coordination costs: operations a second and latency by backend from one process; the ring that spreads keys.

Each backend has one real server beside this process, on the same cores: memory none, NATS KV a nats-server with its
streams on disk as in production, Aerospike one node with its namespace in memory, or the cluster of AEROSPIKE_HOSTS.
What is not there is skipped, and said.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.coordination_load import answers, figures_of, pool_figures
from bench.line import free_port, nats_program
from bench.options import count_to
from bench.processes import running
from bench.result import Limit, Measured, Reading
from bench.ring_moves import Ranked, one_by_one, spike, summary, there_and_back
from bench.scenario import CannotMeasure, Scenario, Tell
from feeds.adapters.aerospike_server import AerospikeServer, installed
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.coordination.opening import coordinating
from feeds.adapters.nats.connection import Connection
from feeds.contract.coordination import Unavailable
from feeds.contract.coordination_address import parse_coordination
from feeds.contract.errors import LogUnavailable, Refused
from feeds.contract.settings import BusSettings

HOSTS = "AEROSPIKE_HOSTS"
READY_S = 30.0
NATS_PART = 10
"""NATS KV gets so many times fewer operations than the others: it is that much slower."""

NATS_TASKS_MAX = 64
"""So many requests at once are what one connection to it takes without its timeouts."""


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Every backend that is there, then the ring. Raises CannotMeasure."""
    figures: dict[str, Reading] = {}
    with tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=options.log_dir or None) as place:
        tell("memory")
        figures |= await figures_of("memory", MemoryCoordination(), **_load(options))
        try:
            figures |= await _nats(options, Path(place), tell)
            figures |= await _aerospike(options, Path(place), tell)
        except (LogUnavailable, TimeoutError, Unavailable) as error:
            raise CannotMeasure(str(error) or "a backend does not answer") from error
    return Measured(figures | _ring(options.keys, tell), [])


def _load(options: argparse.Namespace) -> dict[str, int]:
    return {"operations": options.operations, "tasks": options.tasks, "singles": options.singles}


async def _nats(options: argparse.Namespace, place: Path, tell: Tell) -> dict[str, Reading]:
    port = free_port()
    bus = BusSettings(nats_url=f"nats://127.0.0.1:{port}")
    load = _load(options) | {
        "operations": max(1, options.operations // NATS_PART),
        "tasks": min(options.tasks, NATS_TASKS_MAX),
    }
    async with running(nats_program(port, place), frozenset(os.sched_getaffinity(0))) as nats:
        tell(f"NATS KV, pid {nats.pid}")
        async with Connection(bus.nats_url, name="bench") as connection, coordinating(bus, connection) as coordination:
            await answers(coordination, within_s=READY_S)
            return await figures_of("nats", coordination, **load)


async def _aerospike(options: argparse.Namespace, place: Path, tell: Tell) -> dict[str, Reading]:
    if not os.environ.get(HOSTS) and not installed():
        tell(f"no Aerospike here, not measured: {HOSTS} names no cluster, and there is no asd on PATH")
        return {}
    async with _cluster(place) as where:
        bus = BusSettings(coordination=where)
        tell(f"Aerospike at {where}")
        connection = Connection(bus.nats_url, name="bench")
        try:
            async with coordinating(bus, connection, reach_s=READY_S) as coordination:
                await answers(coordination, within_s=READY_S)
                figures = await figures_of("aerospike", coordination, **_load(options))
                cluster: Any = coordination
                tell("the same by a plain thread pool")
                load = {"operations": max(1, options.operations // 2), "tasks": options.tasks}
                namespace = parse_coordination(where).namespace
                figures |= await pool_figures(cluster.cluster.client, namespace, **load)
        except Refused as refusal:
            tell(f"not measured: {refusal}")
            return {}
    for kind in ("claims", "gets"):
        times = figures[f"aerospike_{kind}"].value / figures[f"pool_{kind}"].value
        figures[f"aerospike_over_pool_{kind}"] = Reading(times, "times")
    return figures


@contextlib.asynccontextmanager
async def _cluster(place: Path) -> AsyncIterator[str]:
    if hosts := os.environ.get(HOSTS):
        yield f"aerospike://{hosts}"
        return
    async with AerospikeServer(directory=place / "asd") as server:
        yield server.url


def _ring(keys: int, tell: Tell) -> dict[str, Reading]:
    tell(f"{keys} keys on 6 to 20 nodes of the ring")
    ranked = Ranked(keys)
    found = [summary(ranked.steps(stages)) for stages in (there_and_back(), one_by_one(), spike())]
    return {
        "ring_moved": Reading(max(one.moved_ratio for one in found), "of the least"),
        "ring_skew": Reading(max(one.skew for one in found), "max/mean"),
    }


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operations",
        type=count_to(10_000_000),
        default=200_000,
        metavar="N",
        help="of each kind (default 200000; NATS KV a tenth)",
    )
    parser.add_argument("--tasks", type=count_to(10_000), default=512, metavar="N", help="at once (default 512)")
    parser.add_argument(
        "--singles", type=count_to(100_000), default=500, metavar="N", help="single claims at rest (default 500)"
    )
    parser.add_argument("--keys", type=count_to(10_000_000), default=100_000, metavar="N", help="on the ring")
    parser.add_argument("--log-dir", default="", metavar="DIR", help="where nats-server keeps its streams")


COORDINATION = Scenario(
    "coordination",
    "claims and reads a second by backend, and what moves on the ring",
    (
        Limit("aerospike_claims", 50_000, how="least"),
        Limit("aerospike_gets", 100_000, how="least"),
        Limit("aerospike_over_pool_claims", 3, how="least"),
        Limit("aerospike_over_pool_gets", 3, how="least"),
        Limit("aerospike_claim_p99_ms", 5),
        Limit("nats_claims", 3_000, how="least"),
        Limit("nats_claim_p99_ms", 5),
        Limit("ring_moved", 1.05),
        Limit("ring_skew", 1.15),
    ),
    _options,
    run,
)
