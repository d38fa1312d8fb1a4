"""Twice the load that can be served, on what is turned away first: history, and large boards that change all the time.

Peak: good answers a second to as many connections as give the most, before and after: what else a machine does drifts.
Requests that wait together share a board, so it is more than what can be sustained: requests at random moments, that do
not wait for each other, of which next to none is refused. Twice the peak comes, then half of what is sustained. An
answer is good that is 200 within a second of when it was due; `goodput_share_of_cpu` compares them by CPU seconds of
the gateway. It has a core to itself; whoever asks, PostgreSQL, NATS and the feed share the others.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx

from bench.boardfeed import BOARDS, board_event
from bench.feeding import READY
from bench.line import LOG_DIR, free_port, nats_program
from bench.openloop import LOST, Asker, Outcome, recovered_s
from bench.options import add_duration, count_to, seconds_to
from bench.processes import Child, Cores, Program, cpu, output_of, running, split_cores, usage
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from gateway.history.fill import market_id

_HOST = "127.0.0.1"
_ODDS_FORMATS = ("", *(f"?odds_format={name}" for name in ("american", "decimal", "fractional", "all")))
"""Every form of every board: so few share one that making them is what is measured."""

_TIMES = 2.0
_AFTER_SHARE = 0.5
_SUSTAINED_SHARES = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
"""Of the peak: the first that is answered almost whole is sustained."""

_SUSTAINED_GOOD = 0.99
_PEAK_CONNECTIONS = (16, 64, 256)
"""The more ask at once the more share a board that was just made, and the more are refused: the best of these is it."""

_WARM_S = 1.0
_NEVER_S = 3_600.0
_FILL_S = 300.0
_ONCE_THERE_S = 20.0
_LOOK_S = 0.02
_UPDATES_PER_S = 1_000

LIMITS = (
    *(Limit(f"{route}_goodput_share", 0.9, how="least") for route in ("history", "boards")),
    *(Limit(f"{route}_normal_after_s", 10.0) for route in ("history", "boards")),
    *(Limit(f"{route}_offered_times", 1.8, how="least") for route in ("history", "boards")),
)


class Route(NamedTuple):
    """What is asked for."""

    name: str
    paths: tuple[str, ...]
    headers: str = ""


class Asked(NamedTuple):
    """The gateway, and where it answers."""

    gateway: Child
    port: int


class Peak(NamedTuple):
    """Good answers a second, and a CPU second of the gateway."""

    per_s: float
    per_cpu_s: float


class Times(NamedTuple):
    """Seconds of each part."""

    peak_s: float
    overload_s: float
    after_s: float


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    cores = split_cores(os.sched_getaffinity(0))
    times = Times(options.seconds / 3, options.seconds, options.after)
    os.sched_setaffinity(0, cores.beside)
    with tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=LOG_DIR or None) as name:
        async with _served(cores, Path(name), options.rows, tell) as (gateway, port):
            since = cpu(gateway.pid)
            figures: dict[str, Reading] = {}
            for route in _routes():
                await _once_there(port, route.paths[0])
                figures |= await _measured(route, Asked(gateway, port), times, tell)
                gateway.check()
            return Measured(figures, [usage("gateway", gateway.pid, since=since, cores=cores.measured)])


def _routes() -> tuple[Route, ...]:
    since = (datetime.now(UTC) - timedelta(minutes=50)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        Route("history", (f"/v1/markets/{market_id(0)}/history?from={since}",)),
        Route(
            "boards",
            tuple(
                f"/v1/events/{board_event(number)}/markets{odds}" for odds in _ODDS_FORMATS for number in range(BOARDS)
            ),
            "Accept-Encoding: gzip\r\n",
        ),
    )


async def _measured(route: Route, asked: Asked, times: Times, tell: Tell) -> dict[str, Reading]:
    asker = Asker(_HOST, asked.port, route.paths, route.headers)
    await asker.closed(_PEAK_CONNECTIONS[0], _WARM_S)
    peaks = [await _peak(asker, asked, connections, times.peak_s) for connections in _PEAK_CONNECTIONS]
    peak = max(peaks)
    if not peak.per_s:
        raise CannotMeasure(f"{route.name}: nothing was answered within a second")
    tell(f"{route.name}: peak {peak.per_s:.0f} a second; now {_TIMES:g} times as many for {times.overload_s:g} s")
    sustained_per_s = await _sustained(asker, peak, times.peak_s)
    tell(f"{route.name}: sustained {sustained_per_s:.0f} a second")
    since_s = sum(cpu(asked.gateway.pid))
    overloaded = await asker.open(_TIMES * peak.per_s, times.overload_s)
    used_s = sum(cpu(asked.gateway.pid)) - since_s
    ended_s = asyncio.get_running_loop().time()
    after = await asker.open(_AFTER_SHARE * sustained_per_s, times.after_s)
    again = await _peak(asker, asked, _PEAK_CONNECTIONS[peaks.index(peak)], times.peak_s)
    asker.close()
    normal_s = recovered_s(after, ended_s)
    both = Peak((peak.per_s + again.per_s) / 2, (peak.per_cpu_s + again.per_cpu_s) / 2)
    good = sum(outcome.good for outcome in overloaded)
    figures = {
        "peak_per_s": Reading(both.per_s, "1/s"),
        "sustained_per_s": Reading(sustained_per_s, "1/s"),
        "offered_times": Reading(len(overloaded) / times.overload_s / peak.per_s, "1"),
        "goodput_share": Reading(good / times.overload_s / both.per_s, "1"),
        "goodput_share_of_cpu": Reading(good / used_s / both.per_cpu_s, "1"),
        **_answers(overloaded),
        "normal_after_s": Reading(_NEVER_S if normal_s is None else normal_s, "s"),
    }
    told = {f"{route.name}_{name}": reading for name, reading in figures.items()}
    tell(f"{route.name}: " + ", ".join(f"{name} {one.value:.4g} {one.unit}" for name, one in told.items()))
    return told


async def _sustained(asker: Asker, peak: Peak, seconds: float) -> float:
    """Raises CannotMeasure."""
    for share in _SUSTAINED_SHARES:
        outcomes = await asker.open(share * peak.per_s, seconds)
        if sum(outcome.good for outcome in outcomes) >= _SUSTAINED_GOOD * len(outcomes):
            return share * peak.per_s
    raise CannotMeasure(f"not even {_SUSTAINED_SHARES[-1]:.0%} of the peak is sustained")


async def _peak(asker: Asker, asked: Asked, connections: int, seconds: float) -> Peak:
    since_s = sum(cpu(asked.gateway.pid))
    per_s = await asker.closed(connections, seconds)
    return Peak(per_s, per_s * seconds / (sum(cpu(asked.gateway.pid)) - since_s))


def _answers(overloaded: list[Outcome]) -> dict[str, Reading]:
    good_ms = sorted(outcome.took_s * 1_000 for outcome in overloaded if outcome.good)
    statuses = Counter(outcome.status for outcome in overloaded)
    told = {
        "refused_share": Reading(statuses[503] / len(overloaded), "1"),
        "lost_share": Reading(statuses[LOST] / len(overloaded), "1"),
    }
    if good_ms:
        told["good_p50_ms"] = Reading(good_ms[len(good_ms) // 2], "ms")
        told["good_p99_ms"] = Reading(good_ms[int(len(good_ms) * 0.99)], "ms")
    return told


async def _once_there(port: int, path: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{_HOST}:{port}") as client, asyncio.timeout(_ONCE_THERE_S):
        while (await client.get(path)).status_code != httpx.codes.OK:  # noqa: ASYNC110 it is another process
            await asyncio.sleep(_LOOK_S)


@contextlib.asynccontextmanager
async def _served(cores: Cores, place: Path, rows: int, tell: Tell) -> AsyncIterator[tuple[Child, int]]:
    """A gateway over a log of boards that change and an archive that is filled."""
    nats_port, postgres_port, port = free_port(), free_port(), free_port()
    where = ("--port", str(postgres_port), "--data-dir", str(place / "pg"))
    url = f"postgresql://oddswire@{_HOST}:{postgres_port}/postgres?passfile={place}/pg/pgpass"
    postgres = Program("postgres", ("-m", "gateway", "postgres", *where), "ready to accept connections")
    feed = ("-m", "bench.boardfeed", "--port", str(nats_port), "--rate", str(_UPDATES_PER_S))
    serve = ("-m", "gateway", "serve", "--port", str(port), "--nats", f"nats://{_HOST}:{nats_port}", "--database", url)
    quiet = {"ODDSWIRE_GATEWAY_ACCESS_LOG": "none", "ODDSWIRE_ACCESS_ANONYMOUS": "true"}
    async with running(postgres, cores.beside), running(nats_program(nats_port, place), cores.beside):
        tell(f"filling the archive with {rows} changes")
        for words in (("migrate",), ("history", "fill", "--rows", str(rows))):
            command = ("-m", "gateway", *words, "--database", url)
            await output_of(words[0], command, cores.measured, within_s=_FILL_S)
        async with (
            running(Program("feed", feed, f"^{READY}$"), cores.beside),
            running(Program("gateway", serve, "^gateway ready ", quiet), cores.measured) as gateway,
        ):
            yield gateway, port


def _options(parser: argparse.ArgumentParser) -> None:
    add_duration(parser, 8.0, most=300, of="of overload")
    parser.add_argument("--after", type=seconds_to(300), default=11.0, metavar="S", help="after it (default 11)")
    parser.add_argument(
        "--rows", type=count_to(100_000_000), default=100_000, metavar="N", help="of the archive (default 100,000)"
    )


OVERLOAD = Scenario("overload", "history and large boards at twice the load that can be served", LIMITS, _options, run)
