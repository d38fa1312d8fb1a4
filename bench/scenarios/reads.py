"""Reads of the gateway: how many a second of its CPU, how late, how old; beside others that answer with the same bytes.

Each contestant has a core to itself, one after the other; wrk, the feed and NATS share the others. Full load is 32
connections that ask again at once; part load asks at random moments. What happens beyond full load is not measured.
Every request to the gateway brings an API key, which is checked; odds are not open to all.

`updates_loss` is the share of a core that 2,000 updates a second take: what reads lose on a core of the gateway's own.
On a machine that gives it less than a core, reads lose more of what is left, and that says nothing of the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import httpx
import orjson

from bench import wrk
from bench.feeding import READY
from bench.line import LOG_DIR, free_port, nats_program
from bench.options import add_duration
from bench.peers import answering, nginx_file
from bench.processes import Child, Cores, Program, cpu, on_cores, running, split_cores, usage
from bench.readfeed import BOARD_EVENT
from bench.result import Limit, Measured, Reading, Usage
from bench.scenario import CannotMeasure, Scenario, Tell
from gateway.access.development import development_keys

_HOST = "127.0.0.1"
_BOARD = f"/v1/events/{BOARD_EVENT}/markets"
_UPDATES_PER_S = 2_000
_QUIET_PER_S = 1
_SETTLE_S = 1.0
_PROBE_S = 0.02
_TURNS = 3
_TRIAL_S = 1.0

LIMITS = (
    Limit("market_per_cpu_s", 40_000, how="least"),
    Limit("not_modified_over_market", 1.0, how="least"),
    Limit("board_500_per_cpu_s", 4_000, how="least"),
    Limit("load_10_p50_ms", 1.0),
    Limit("load_70_p99_ms", 15.0),
    Limit("updates_loss", 0.25),
    Limit("updates_age_max_ms", 250.0),
    Limit("market_over_fastapi", 3.0, how="least"),
    Limit("nginx_over_market", 3.5),
)


class Peer(NamedTuple):
    """Who answers with the same bytes. `needs`: modules that must be installed."""

    name: str
    module: str
    title: str
    ready: str
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> str | None:
        """What is not installed here, or None."""
        if self.name == "nginx" and not nginx_file.installed():
            return "nginx"
        return next((name for name in self.needs if find_spec(name) is None), None)


PEERS = (
    Peer("starlette", "starlette_granian", "plain Starlette on Granian", "^ready$"),
    Peer("fastapi", "fastapi_uvicorn", "FastAPI on uvicorn", "^ready$", ("fastapi", "httptools")),
    Peer("nginx", "nginx_file", "nginx from a file", "epoll"),
)


class Load(NamedTuple):
    """One contestant under load."""

    child: Child
    port: int
    place: Path
    seconds: float
    key: Mapping[str, str] = {}
    """Headers by which the contestant knows who asks."""

    async def full(self, path: str, headers: dict[str, str] | None = None) -> tuple[float, wrk.Heard]:
        """Full load: answers for a CPU second of it, and what wrk heard. Raises CannotMeasure."""
        since = cpu(self.child.pid)
        heard = await wrk.load(
            f"http://{_HOST}:{self.port}{path}", self.seconds, place=self.place, headers={**self.key, **(headers or {})}
        )
        used_s = sum(cpu(self.child.pid)) - sum(since)
        self.child.check()
        return heard.requests / used_s, heard

    async def part(self, path: str, per_s: float) -> wrk.Heard:
        """Part load: so many a second, after a trial that tells how long an answer takes meanwhile."""
        url, cycle_ms = f"http://{_HOST}:{self.port}{path}", wrk.PACED_CONNECTIONS * 1_000 / per_s
        trial = await wrk.load(url, _TRIAL_S, place=self.place, wait_ms=cycle_ms, headers=self.key)
        answer_ms = max(wrk.PACED_CONNECTIONS * 1_000 / trial.per_s - cycle_ms, 0)
        wait_ms = max(cycle_ms - answer_ms, 0.5)
        return await wrk.load(url, self.seconds, place=self.place, wait_ms=wait_ms, headers=self.key)


class Serving(NamedTuple):
    """The gateway, on a log that a feed hardly changes until `quiet_feed` is closed."""

    load: Load
    nats_port: int
    quiet_feed: contextlib.AsyncExitStack


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    if not wrk.installed():
        raise CannotMeasure("wrk is not installed (Debian: apt-get install wrk)")
    cores = split_cores(os.sched_getaffinity(0))
    figures: dict[str, Reading] = {}
    processes: list[Usage] = []
    with on_cores(cores.beside), tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=LOG_DIR or None) as name:
        place = Path(name)
        async with _gateway(cores, place, options.seconds) as serving:
            load = serving.load
            since = cpu(load.child.pid)
            figures |= await _quiet(load, tell)
            await serving.quiet_feed.aclose()
            async with running(_feed(serving.nats_port, _UPDATES_PER_S), cores.beside):
                figures |= await _updated(load, figures["market_per_cpu_s"].value, tell)
            processes.append(usage("gateway", load.child.pid, since=since, cores=cores.measured))
        for peer in PEERS:
            if peer.missing is not None:
                tell(f"{peer.title}: {peer.missing} is not installed: skipped")
                continue
            async with _peer(peer, cores, place, options.seconds) as load:
                since = cpu(load.child.pid)
                per_cpu_s, heard = await load.full(answering.PATH)
                processes.append(usage(peer.name, load.child.pid, since=since, cores=cores.measured))
            figures |= _told(peer.name, per_cpu_s, heard, tell)
    return Measured(figures | _compared(figures), processes)


async def _quiet(load: Load, tell: Tell) -> dict[str, Reading]:
    async with httpx.AsyncClient(base_url=f"http://{_HOST}:{load.port}", headers=load.key) as client:
        market, board = await _once_there(client, answering.PATH), await _once_there(client, _BOARD)
    (load.place / "body").write_bytes(market.content)
    held = {"If-None-Match": market.headers["etag"]}
    figures = await _in_turns(load, held, tell)
    figures |= _told("board_500", *await load.full(_BOARD), tell)
    figures["board_500_bytes"] = Reading(len(board.content), "B")
    capacity = figures["market_per_s"].value
    for share in (10, 70):
        heard = await load.part(answering.PATH, capacity * share / 100)
        told = {
            f"load_{share}_p50_ms": Reading(heard.p50_ms, "ms"),
            f"load_{share}_p99_ms": Reading(heard.p99_ms, "ms"),
            f"load_{share}_of_full": Reading(heard.per_s / capacity, "1"),
        }
        _tell_all(f"load {share} %", told, tell)
        figures |= told
    return figures


async def _in_turns(load: Load, held: dict[str, str], tell: Tell) -> dict[str, Reading]:
    """Reads, and reads of who holds the body: what else the machine does meets both. Gives the median turn."""
    turns = []
    for _ in range(_TURNS):
        reads, refreshed = await load.full(answering.PATH), await load.full(answering.PATH, held)
        told = _told("market", *reads, tell) | _told("not_modified", *refreshed, tell)
        turns.append((reads[0], told | {"not_modified_over_market": Reading(refreshed[0] / reads[0], "1")}))
    return sorted(turns, key=itemgetter(0))[_TURNS // 2][1]


async def _updated(load: Load, quiet_per_cpu_s: float, tell: Tell) -> dict[str, Reading]:
    await asyncio.sleep(_SETTLE_S)
    ages_ms: list[float] = []
    probing = asyncio.ensure_future(_probe(f"http://{_HOST}:{load.port}{answering.PATH}", load.key, ages_ms))
    per_cpu_s, heard = await load.full(answering.PATH)
    probing.cancel()
    await asyncio.wait((probing,))
    if not probing.cancelled():
        probing.result()
    if not ages_ms:
        raise CannotMeasure("no read was answered beside full load")
    figures = _told("updates", per_cpu_s, heard, tell)
    beside_reads_s = heard.requests / per_cpu_s - heard.requests / quiet_per_cpu_s
    compared = {
        "updates_loss": Reading(beside_reads_s / heard.seconds, "1"),
        "updates_age_max_ms": Reading(max(ages_ms), "ms"),
    }
    _tell_all("updates", compared, tell)
    return figures | compared


async def _probe(url: str, key: Mapping[str, str], ages_ms: list[float]) -> None:
    """How old the state is that a read gives, when it is here. The market changes every 100 ms: as much is no delay."""
    async with httpx.AsyncClient(headers=key) as client:
        while True:
            body = orjson.loads((await client.get(url)).content)
            ages_ms.append(time.time_ns() / 1e6 - body["ts"])
            await asyncio.sleep(_PROBE_S)


async def _once_there(client: httpx.AsyncClient, path: str) -> httpx.Response:
    async with asyncio.timeout(10):
        while (answer := await client.get(path)).status_code != httpx.codes.OK:  # noqa: ASYNC110 it is another process
            await asyncio.sleep(_PROBE_S)
    return answer


@contextlib.asynccontextmanager
async def _gateway(cores: Cores, place: Path, seconds: float) -> AsyncIterator[Serving]:
    nats_port, port = free_port(), free_port()
    words = ("-m", "gateway", "serve", "--port", str(port), "--nats", f"nats://{_HOST}:{nats_port}")
    key = {"X-API-Key": development_keys(place).key}
    environment = {"ODDSWIRE_ACCESS_ENVIRONMENT": "development", "ODDSWIRE_ACCESS_DEVELOPMENT_DIR": str(place)}
    program = Program("gateway", words, "^gateway ready ", environment)
    async with running(nats_program(nats_port, place), cores.beside), contextlib.AsyncExitStack() as quiet_feed:
        await quiet_feed.enter_async_context(running(_feed(nats_port, _QUIET_PER_S), cores.beside))
        async with running(program, cores.measured) as child:
            await asyncio.sleep(_SETTLE_S)
            yield Serving(Load(child, port, place, seconds, key), nats_port, quiet_feed)


@contextlib.asynccontextmanager
async def _peer(peer: Peer, cores: Cores, place: Path, seconds: float) -> AsyncIterator[Load]:
    port = free_port()
    where = ("--port", str(port), "--place", str(place), "--body", str(place / "body"))
    async with running(
        Program(peer.name, ("-m", f"bench.peers.{peer.module}", *where), peer.ready), cores.measured
    ) as one:
        await asyncio.sleep(_SETTLE_S)
        yield Load(one, port, place, seconds)


def _feed(nats_port: int, rate: int) -> Program:
    return Program("feed", ("-m", "bench.readfeed", "--port", str(nats_port), "--rate", str(rate)), f"^{READY}$")


def _told(name: str, per_cpu_s: float, heard: wrk.Heard, tell: Tell) -> dict[str, Reading]:
    told = {
        f"{name}_per_cpu_s": Reading(per_cpu_s, "1/s"),
        f"{name}_per_s": Reading(heard.per_s, "1/s"),
        f"{name}_p50_ms": Reading(heard.p50_ms, "ms"),
        f"{name}_p99_ms": Reading(heard.p99_ms, "ms"),
    }
    _tell_all(name, told, tell)
    return told


def _tell_all(name: str, told: dict[str, Reading], tell: Tell) -> None:
    tell(f"{name}: " + ", ".join(f"{figure} {reading.value:.4g} {reading.unit}" for figure, reading in told.items()))


def _compared(figures: dict[str, Reading]) -> dict[str, Reading]:
    """The gateway against those that are installed."""

    def over(one: str, other: str) -> Reading:
        return Reading(figures[f"{one}_per_cpu_s"].value / figures[f"{other}_per_cpu_s"].value, "1")

    compared = {
        f"market_over_{name}": over("market", name) for name in ("starlette", "fastapi") if f"{name}_per_s" in figures
    }
    if "nginx_per_s" in figures:
        compared["nginx_over_market"] = over("nginx", "market")
    return compared


def _options(parser: argparse.ArgumentParser) -> None:
    add_duration(parser, 5.0, most=600, of="measured time of each part")


READS = Scenario("reads", "reads of the gateway beside others that answer the same bytes", LIMITS, _options, run)
