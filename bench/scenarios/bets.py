"""Bets through one worker: how many a second, how late, at what cost; replays of keys that are settled; and naively.

Everything is durable: `fsync` and `synchronous_commit` are on, every constraint and trigger stands. The worker, its
PostgreSQL, NATS, a feed and the clients share the machine. Naive is what one writes first: SELECT, then INSERT, for
each request, in a transaction on the same PostgreSQL, without HTTP, book, ledger or checks; and what becomes of it
when keys come twice at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

import orjson
import psutil

from bench import wrk
from bench.betting import Betting
from bench.bettor import Caller
from bench.latency import Latency
from bench.naive import naive_figures
from bench.options import add_duration
from bench.pace import paced
from bench.processes import cpu, split_cores
from bench.recording import THROUGHPUT, recording
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from gateway.store.pool import Database

ACCOUNTS = 1_000
CALLERS = 48
SETTLED = 4_000
"""Keys that are replayed in turn; their answers are more than 1 MiB, which is what the worker keeps meanwhile."""

_COUNTED_S = 11.0
"""Backends that do nothing tell what they counted after 10 s (PGSTAT_IDLE_INTERVAL)."""

_SHARE = 0.7
_TIMEOUT_S = 10.0

LIMITS = (
    Limit("bets_per_s", 500, how="least"),
    Limit("at_70_percent_p99_ms", 150),
    Limit("replays_in_memory_per_s", 10_000, how="least"),
    Limit("replays_by_coordination_per_s", 3_000, how="least"),
    Limit("replays_looked_up", 0, "every"),
)


class Bets:
    """Distinct bets against one worker."""

    def __init__(self, betting: Betting, port: int) -> None:
        self._betting = betting
        self._port = port
        self._number = 0
        self._idle: deque[Caller] = deque()
        self._accounts = [f"bets-{number:06d}" for number in range(ACCOUNTS)]
        self.placed = 0
        self.settled: list[tuple[str, str]] = []
        self.refused: Counter[str] = Counter()
        recording().rate(THROUGHPUT, "bets placed", lambda: self.placed)

    @property
    def accounts(self) -> Sequence[str]:
        """Whose bets these are."""
        return self._accounts

    async def place(self, latency: Latency, begun_s: float | None = None) -> None:
        """One more bet, timed from `begun_s`, or now."""
        self._number += 1
        account, key = self._accounts[self._number % ACCOUNTS], f"bets-key-{self._number:012d}"
        caller = self._idle.popleft() if self._idle else Caller(self._port, _TIMEOUT_S)
        begun_s = time.perf_counter() if begun_s is None else begun_s
        heard = await caller.ask(self._betting.bet(account, key))
        latency.record_us(int((time.perf_counter() - begun_s) * 1e6))
        self._idle.append(caller)
        if heard.status == 201:
            self.placed += 1
            if len(self.settled) < SETTLED:
                self.settled.append((account, key))
        else:
            self.refused[f"{heard.status} {orjson.loads(heard.body).get('code')}"] += 1

    async def ceiling(self, seconds: float, latency: Latency) -> float:
        """As many as there can be; gives bets a second. Some may be refused, that is what a ceiling is."""
        until_s = time.perf_counter() + seconds
        before, began_s = self.placed, time.perf_counter()

        async def bettor() -> None:
            while time.perf_counter() < until_s:
                await self.place(latency)

        await asyncio.gather(*(bettor() for _ in range(CALLERS)))
        return (self.placed - before) / (time.perf_counter() - began_s)

    async def at(self, per_s: int, seconds: float, latency: Latency) -> None:
        """So many a second, whatever becomes of them."""
        until_s = time.perf_counter() + seconds
        async with asyncio.TaskGroup() as group:
            async for numbers in paced(per_s):
                for _ in numbers:
                    group.create_task(self.place(latency, time.perf_counter()))
                if time.perf_counter() > until_s:
                    break


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Bets, then replays, then the naive version."""
    cores = split_cores(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="oddswire-bench-") as place:
        async with contextlib.AsyncExitStack() as stack:
            betting = Betting(Path(place), stack, cores.measured | cores.beside, finals_mib=1)
            tell("starting nats-server, PostgreSQL, a feed and a worker")
            await betting.start(1)
            [(port, worker)] = betting.workers.items()
            bets = Bets(betting, port)
            await betting.fund(bets.accounts)
            await betting.use_wal()
            figures = await _placed(bets, worker.pid, betting.postgres.pid, options.seconds, tell)
            if wrk.installed():
                figures |= await _replayed(betting, bets, Path(place), options.seconds, tell)
            else:
                tell("wrk is not installed: replays are not measured")
            async with betting.database() as database:
                figures |= await naive_figures(database, options.seconds, tell)
    return Measured(figures, ())


async def _placed(bets: Bets, worker: int, postgres: int, seconds: float, tell: Tell) -> dict[str, Reading]:
    await bets.ceiling(min(seconds, 2.0), Latency())  # plans are made, pages are there
    before = _cpu_s(worker), _tree_cpu_s(postgres)
    full = Latency()
    per_s = await bets.ceiling(seconds, full)
    number = per_s * seconds
    spent = _cpu_s(worker) - before[0], _tree_cpu_s(postgres) - before[1]
    turned_away = bets.refused.copy()
    bets.refused.clear()
    paced_latency = Latency()
    await bets.at(max(1, int(per_s * _SHARE)), seconds, paced_latency)
    if bets.refused or turned_away.keys() - {"503 overloaded"}:
        raise CannotMeasure(f"bets were refused: {dict(turned_away)}, at 70 %: {dict(bets.refused)}")
    tell(f"{per_s:,.0f} bets/s")
    return {
        "bets_per_s": Reading(per_s, "1/s"),
        "refused_at_the_ceiling": Reading(turned_away.total(), "1"),
        "cpu_of_the_worker_per_bet_ms": Reading(spent[0] / number * 1e3, "ms"),
        "cpu_of_postgres_per_bet_ms": Reading(spent[1] / number * 1e3, "ms"),
        **full.figures("at_full_load"),
        **paced_latency.figures("at_70_percent"),
    }


async def _replayed(betting: Betting, bets: Bets, place: Path, seconds: float, tell: Tell) -> dict[str, Reading]:
    url = f"http://127.0.0.1:{next(iter(betting.workers))}/v1/bets"
    async with betting.database() as database:
        looked_up = await _looked_up(database)
        memory = await wrk.load(url, seconds, place=place, script=_script(place, betting, bets.settled[-1:]))
        turns = await wrk.load(url, seconds, place=place, script=_script(place, betting, bets.settled))
        looked_up = await _looked_up(database) - looked_up
    tell(f"replays: {memory.per_s:,.0f}/s from memory, {turns.per_s:,.0f}/s by Coordination")
    return {
        "replays_in_memory_per_s": Reading(memory.per_s, "1/s"),
        "replays_by_coordination_per_s": Reading(turns.per_s, "1/s"),
        "replays_by_coordination_p99_ms": Reading(turns.p99_ms, "ms"),
        "replays_looked_up": Reading(looked_up, "1"),
    }


async def _looked_up(database: Database) -> int:
    """How often a key was looked up in PostgreSQL, by its own count: nothing can be done for one otherwise."""
    await asyncio.sleep(_COUNTED_S)
    row = await database.row("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'key_pkey'")
    assert row is not None
    number: int = row[0]
    return number


def _script(place: Path, betting: Betting, settled: Sequence[tuple[str, str]]) -> Path:
    """Every key in its turn, by Lua."""
    said = [betting.headers(account, key) for account, key in settled]
    rows = ",\n".join(f'{{"{one["authorization"]}", "{one["idempotency-key"]}"}}' for one in said)
    script = place / "replays.lua"
    script.write_text(
        f"local keys = {{\n{rows}\n}}\nlocal n = 0\nlocal body = [==[{betting.stake.decode()}]==]\n"
        "request = function()\n  n = n % #keys + 1\n"
        '  return wrk.format("POST", nil, {["Authorization"] = keys[n][1], ["Idempotency-Key"] = keys[n][2]}, body)\n'
        "end\n"
    )
    return script


def _cpu_s(pid: int) -> float:
    used = cpu(pid)
    return used.user_s + used.system_s


def _tree_cpu_s(pid: int) -> float:
    """Of a server whose processes stay: the pool's connections are open by then."""
    total = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def _options(parser: argparse.ArgumentParser) -> None:
    add_duration(parser, 8.0, most=600, of="measured time of each part")


BETS = Scenario("bets", "bets through one worker, replays, and the naive version", LIMITS, _options, run)
