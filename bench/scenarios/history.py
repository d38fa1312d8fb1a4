"""The archive: how fast it takes in a backlog while odds keep coming, how fast it answers when large, what it takes.

The archiver has a core to itself while it catches up; PostgreSQL, NATS and the feed share the others. Reads are timed
in a process of the gateway, from the question to values in Python.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.backlog import write_backlog
from bench.line import free_port, metrics_of, nats_program
from bench.options import count_to
from bench.processes import Child, Cores, Program, cpu, output_of, running, split_cores, usage
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.swarm import Address
from feeds.contract.errors import LogUnavailable
from feeds.contract.settings import BusSettings

_HOST = "127.0.0.1"
_FILL_S = 3_600.0
_COMMAND_S = 600.0
_CATCH_UP_S = 600.0
_LOOK_S = 0.05
_MARKETS = 1_000


class Place(NamedTuple):
    """Where the measured database is."""

    url: str
    cores: Cores

    async def ask(self, *words: str, within_s: float = _COMMAND_S) -> str:
        """What a command of the gateway answers. Raises CannotMeasure."""
        command = ("-m", "gateway", *words, "--database", self.url)
        return await output_of(" ".join(words[:2]), command, self.cores.measured, within_s=within_s)


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    cores = split_cores(os.sched_getaffinity(0))
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=options.data_dir or None))
        )
        port = free_port()
        await stack.enter_async_context(running(_postgres(port, directory), cores.beside))
        place = Place(f"postgresql://oddswire@{_HOST}:{port}/postgres?passfile={directory}/pg/pgpass", cores)
        reads = await _reads(place, options, tell)
        archive, archived = await stack.enter_async_context(_archived(place, directory, options, tell))
        return Measured({**archived, **reads}, [archive])


async def _reads(place: Place, options: argparse.Namespace, tell: Tell) -> dict[str, Reading]:
    """Fills the archive, and times questions."""
    await place.ask("migrate")
    tell(f"filling the archive with {options.rows} changes")
    began_s = time.monotonic()
    await place.ask("history", "fill", "--rows", str(options.rows), within_s=_FILL_S)
    tell(f"filled in {time.monotonic() - began_s:.0f} s; timing reads")
    told: dict[str, Any] = msgspec.json.decode(await place.ask("history", "timing", "--reads", str(options.reads)))
    figures = {"stored_changes": Reading(told["rows"], "1"), "bytes_per_change": Reading(told["bytes_per_change"], "B")}
    for kind in ("hour", "states", "board", "bars"):
        for quantile in ("p50_ms", "p95_ms", "max_ms"):
            figures[f"{kind}_{quantile}"] = Reading(told[kind][quantile], "ms")
        figures[f"{kind}_rows"] = Reading(told[kind]["rows"], "1")
    return figures


@contextlib.asynccontextmanager
async def _archived(
    place: Place, directory: Path, options: argparse.Namespace, tell: Tell
) -> AsyncIterator[tuple[Any, dict[str, Reading]]]:
    """A backlog, archived while a feed runs: what the archiver used, and how fast it was."""
    nats_port, metrics_port = free_port(), free_port()
    bus = BusSettings(nats_url=f"nats://{_HOST}:{nats_port}")
    cores = place.cores
    async with (
        running(nats_program(nats_port, directory), cores.beside) as nats,
        running(_feed(nats_port, options.rate), cores.beside) as feed,
    ):
        tell(f"writing a backlog of {options.backlog} changes")
        try:
            await write_backlog(bus, changes=options.backlog, markets=_MARKETS)
        except LogUnavailable as error:
            raise CannotMeasure(f"the backlog could not be written: {error}") from error
        async with running(_archiver(bus.nats_url, place.url, metrics_port), cores.measured) as archive:
            tell(", ".join(f"{part.name} pid {part.pid} on cores {part.cores}" for part in (nats, feed, archive)))
            since = cpu(archive.pid)
            figures = await _caught_up(archive, Address(_HOST, metrics_port), rate=options.rate)
            used = usage("archive", archive.pid, since=since, cores=archive.cores)
            per_million = used.cpu_s / figures["archived_rows"].value * 1e6
            yield used, {**figures, "archive_cpu_per_million": Reading(per_million, "s")}


async def _caught_up(archive: Child, address: Address, *, rate: int) -> dict[str, Reading]:
    """From the first commit that is seen until less than a second's records wait. Raises CannotMeasure."""
    deadline_s = time.monotonic() + _CATCH_UP_S
    first: tuple[float, float] | None = None
    while time.monotonic() < deadline_s:
        archive.check()
        now_s, metrics = time.monotonic(), await metrics_of(address)
        changes = metrics.get("oddswire_history_changes_total", 0.0)
        if first is None and changes:
            first = now_s, changes
        elif first is not None and metrics["oddswire_history_pending_records"] < rate and changes > first[1]:
            rows, took_s = changes - first[1], now_s - first[0]
            return {
                "archived_rows_per_s": Reading(rows / took_s, "1/s"),
                "archived_rows": Reading(rows, "1"),
                "holes": Reading(metrics.get("oddswire_history_holes_total", 0.0), "1"),
            }
        await asyncio.sleep(_LOOK_S)
    raise CannotMeasure(f"the archiver did not catch up within {_CATCH_UP_S:g} s")


def _postgres(port: int, directory: Path) -> Program:
    words = ("-m", "gateway", "postgres", "--port", str(port), "--data-dir", str(directory / "pg"))
    return Program("postgres", words, r"database system is ready to accept connections$")


def _feed(nats_port: int, rate: int) -> Program:
    load = ("--port", str(nats_port), "--markets", str(_MARKETS), "--rate", str(rate), "--join-ms", "0")
    return Program("feed", ("-m", "bench.loadfeed", "shard", *load), r"^feeding$")


def _archiver(nats_url: str, database_url: str, metrics_port: int) -> Program:
    where = ("--nats", nats_url, "--database", database_url, "--metrics-port", str(metrics_port))
    return Program("archive", ("-m", "gateway", "archive", *where), r"^archive ready$")


def options(parser: argparse.ArgumentParser) -> None:
    """How large, how fast, where."""
    add = parser.add_argument
    add("--rows", type=count_to(1_000_000_000), default=10_000_000, metavar="N", help="changes stored (%(default)s)")
    add("--backlog", type=count_to(10_000_000), default=300_000, metavar="N", help="changes waiting (%(default)s)")
    add("--rate", type=count_to(20_000), default=2_000, metavar="N", help="updates a second meanwhile (%(default)s)")
    add("--reads", type=count_to(10_000), default=50, metavar="N", help="of each kind (%(default)s)")
    add("--data-dir", default="", metavar="DIR", help="for database and log (default: the temporary directory)")


HISTORY = Scenario(
    "history",
    "the archive: taking in, answering, size",
    (
        Limit("archived_rows_per_s", 20_000, how="least"),
        Limit("hour_p95_ms", 20.0),
        Limit("board_p95_ms", 50.0),
        Limit("holes", 0, "every"),
    ),
    options,
    run,
)
