"""A market of very many bets is settled, and settled again the other way, while others go on betting.

Results go the whole way: said on NATS, recorded and settled by a settler process, every row of the ledger durable and
under all of its triggers. Bets come in beside it over HTTP from the same users, at a rate, and are timed before it and
meanwhile. Naive is what one writes first: a loop over the bets, a transaction for each, through the same ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.betting import Betting
from bench.bettor import Caller
from bench.latency import Latency
from bench.naive_settling import naive_figures
from bench.options import count_to, seconds_to
from bench.pace import paced
from bench.processes import Child, split_cores
from bench.result import Limit, Measured, Reading
from bench.saying import Sayer
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.staking import Staked, bet_id, fund, stake
from gateway.money.audit import audit
from gateway.settlement.recounting import recount
from gateway.store.pool import Database

BETS, USERS = 100_000, 20_000
MARKET = "RESETTLED"
BETS_PER_S = 50
PACE = 1_750
"""Bets a second that the settler is told to settle at most: it leaves the machine to those who bet."""

SINGLES = 60
"""Markets of one bet each, for how long a result takes where nothing else is to be done."""

_CENTS = 1_000_000
_STAKE = 1_000
_PATIENCE_S = 600.0
_TIMEOUT_S = 10.0
_MIB = 1 << 20

LIMITS = (
    Limit("settled_s", 60),
    Limit("corrected_s", 90),
    Limit("place_p99_growth_settling", 1.5),
    Limit("place_p99_growth_correcting", 1.5),
    Limit("one_bet_p99_ms", 1_000),
    Limit("settler_growth_mib", 32, "every"),
    Limit("bets_refused", 0, "every"),
    Limit("ledger_differences", 0, "every"),
)


class Placing:
    """Bets over HTTP at a rate, by users at random, until it is told to end."""

    def __init__(self, betting: Betting, accounts: list[str]) -> None:
        self._betting = betting
        [self._port] = betting.workers
        self._accounts = accounts
        self._dice = random.Random(12)
        self._number = 0
        self._idle: deque[Caller] = deque()
        self.refused = 0

    @contextlib.asynccontextmanager
    async def beside(self) -> AsyncIterator[Latency]:
        """Goes on until the block ends; gives the latencies, complete afterwards."""
        latency = Latency()
        going = asyncio.create_task(self._go_on(latency))
        try:
            yield latency
        finally:
            going.cancel()
            await asyncio.wait((going,))

    async def _go_on(self, latency: Latency) -> None:
        async with asyncio.TaskGroup() as group:
            async for numbers in paced(BETS_PER_S):
                for _ in numbers:
                    group.create_task(self._place(latency, time.perf_counter()))

    async def _place(self, latency: Latency, begun_s: float) -> None:
        self._number += 1
        asked = self._betting.bet(self._dice.choice(self._accounts), f"resettle-key-{self._number:012d}")
        caller = self._idle.popleft() if self._idle else Caller(self._port, _TIMEOUT_S)
        heard = await caller.ask(asked)
        latency.record_us(int((time.perf_counter() - begun_s) * 1e6))
        self._idle.append(caller)
        self.refused += heard.status != 201


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Seeds, measures betting alone, settles, corrects, settles singles, settles naively, and recounts."""
    cores = split_cores(os.sched_getaffinity(0))
    accounts = [f"resettle-{number:06d}" for number in range(min(USERS, options.bets))]
    async with contextlib.AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oddswire-bench-")))
        betting = Betting(place, stack, cores.measured | cores.beside)
        await betting.start(1)
        database = await stack.enter_async_context(betting.database())
        tell(f"writing {options.bets:,} bets of {len(accounts):,} users")
        await _seed(database, accounts, options.bets)
        placing = Placing(betting, accounts)
        tell(f"{BETS_PER_S} bets/s alone")
        async with placing.beside():
            await asyncio.sleep(min(options.seconds, 3.0))  # plans are made, pages are there
        async with placing.beside() as alone:
            await asyncio.sleep(options.seconds)
        settler = await betting.start_settler(options.pace)
        sayer = await stack.enter_async_context(Sayer.open(betting.nats_url))
        at_work = AtWork(database, sayer, placing, settler, options.bets)
        figures = alone.figures("place_alone")
        for name, winner in (("settling", "O1"), ("correcting", "O2")):
            figures |= await _settled(at_work, name, winner)
            growth = figures[f"place_{name}_p99_ms"].value / figures["place_alone_p99_ms"].value
            figures[f"place_p99_growth_{name}"] = Reading(growth, "1")
            took_s = figures["settled_s" if name == "settling" else "corrected_s"].value
            tell(f"{name}: {took_s:.1f} s, p99 of placing x{growth:.2f}")
        figures |= await _one_by_one(database, sayer)
        figures["bets_refused"] = Reading(placing.refused, "1")
        await settler.end()
        figures["ledger_differences"] = Reading(await _differences(database, tell), "1")
        figures |= await naive_figures(database, accounts, options.seconds, tell)
    return Measured(figures, ())


async def _seed(database: Database, accounts: list[str], bets: int) -> None:
    now = datetime.now(UTC)
    await fund(database, accounts, _CENTS, now)
    many = (
        Staked(bet_id(n), accounts[n % len(accounts)], _STAKE, ((MARKET, f"O{1 + n // len(accounts) % 2}", 1909),))
        for n in range(bets)
    )
    await stake(database, many, now)
    alone = (Staked(f"S{n}", accounts[n % len(accounts)], _STAKE, ((f"S{n}", "O1", 1909),)) for n in range(SINGLES))
    await stake(database, alone, now)
    await database.execute("ANALYZE")


class AtWork(NamedTuple):
    """What settles and is settled. `bets`: of the market."""

    database: Database
    sayer: Sayer
    placing: Placing
    settler: Child
    bets: int


async def _settled(at_work: AtWork, name: str, winner: str) -> dict[str, Reading]:
    """One result of the market, from its publishing until its last bet is settled."""
    database, sayer, placing, settler, bets = at_work
    process = psutil.Process(settler.pid)
    revision = 1 if name == "settling" else 2
    begun = datetime.now(UTC)
    async with placing.beside() as latency:
        begun_s = time.perf_counter()
        await sayer.settled(MARKET, winner)
        early = 0
        while not await _is_settled(database, revision):
            if not early and time.perf_counter() - begun_s > 2.0:
                early = process.memory_info().rss
            if time.perf_counter() - begun_s > _PATIENCE_S:
                raise CannotMeasure("the market is not settled")
            settler.check()
            await asyncio.sleep(0.1)
        took_s = time.perf_counter() - begun_s
    rss = process.memory_info().rss
    rows = await database.fetch(_LATE, MARKET, revision, begun)
    [(steps, p50, p99)] = rows
    if steps != bets:
        raise CannotMeasure(f"{steps} of {bets} bets took a step")
    word = "settled" if name == "settling" else "corrected"
    return {
        f"{word}_s": Reading(took_s, "s"),
        f"{word}_bets_per_s": Reading(bets / took_s, "1/s"),
        f"{word}_result_to_bet_p50_s": Reading(p50, "s"),
        f"{word}_result_to_bet_p99_s": Reading(p99, "s"),
        **latency.figures(f"place_{name}"),
        "settler_growth_mib": Reading((rss - (early or rss)) / _MIB, "MiB"),
        "settler_rss_mib": Reading(rss / _MIB, "MiB"),
    }


_LATE = """
SELECT
    count(*),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(EPOCH FROM at - $3)::double precision),
    percentile_disc(0.99) WITHIN GROUP (ORDER BY extract(EPOCH FROM at - $3)::double precision)
FROM settlement.step WHERE market = $1 AND market_revision = $2
"""


async def _is_settled(database: Database, revision: int) -> bool:
    rows = await database.fetch(
        "SELECT revision >= $2 AND NOT EXISTS (SELECT FROM settlement.work WHERE market = $1)"
        " FROM bets.result WHERE market = $1",
        MARKET,
        revision,
    )
    return bool(rows and rows[0][0])


async def _one_by_one(database: Database, sayer: Sayer) -> dict[str, Reading]:
    """Markets of one bet, one after the other: from the publishing of the result to the bet that is settled."""
    latency = Latency()
    for number in range(SINGLES):
        begun_s = time.perf_counter()
        await sayer.settled(f"S{number}", "O1")
        while not await database.fetch("SELECT FROM bets.bet WHERE bet = $1 AND revision = 1", f"S{number}"):
            if time.perf_counter() - begun_s > _PATIENCE_S:
                raise CannotMeasure("a bet is not settled")
            await asyncio.sleep(0.001)
        latency.record_us(int((time.perf_counter() - begun_s) * 1e6))
    return latency.figures("one_bet")


async def _differences(database: Database, tell: Tell) -> int:
    found = await audit(database, tell)
    await recount(database, found, tell)
    for one in found.differences[:5]:
        tell(f"{one.rule} {one.where}: {one.what}")
    return found.differing.total()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bets", type=count_to(1_000_000), default=BETS, metavar="N", help=f"bets (default {BETS:,})")
    parser.add_argument(
        "--pace", type=count_to(100_000), default=PACE, metavar="N", help=f"bets settled a second, at most ({PACE:,})"
    )
    parser.add_argument(
        "--duration",
        "--seconds",
        dest="seconds",
        type=seconds_to(600),
        default=10.0,
        metavar="S",
        help="betting alone, and naive settling (10)",
    )


RESETTLE = Scenario(
    "resettle", "a market of 100,000 bets settled and settled again, beside betting", LIMITS, _options, run
)
