"""A market of very many bets is settled, and corrected the other way, while others go on betting.

Results go the whole way: said on NATS, recorded and settled by a settler process, every row of the ledger durable and
under all of its triggers, and heard by the devices of some of the users. The correction is a job: drafted and computed
by the settler, as the feed says otherwise, approved by a person, applied, verified. Bets come in beside it over HTTP
from the same users, at a rate, and are timed before it and meanwhile. Naive is what one writes first: a loop over the
bets, a transaction for each, through the same ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.betting import Betting
from bench.hearing import Hearing
from bench.latency import Latency
from bench.naive_settling import naive_figures
from bench.options import add_duration, count_to
from bench.placing import Placing
from bench.processes import split_cores
from bench.resettling import MARKET, AtWork, corrected, settled
from bench.result import Limit, Measured, Reading
from bench.saying import Sayer
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.staking import Staked, bet_id, fund, stake
from gateway.money.audit import audit
from gateway.settlement.recounting import recount
from gateway.store.pool import Database

BETS, USERS = 100_000, 20_000
DEVICES = 200
"""Users with a device that hears what becomes of their bets."""

BETS_PER_S = 50
PACE = 1_750
"""Bets a second that the settler is told to settle at most: it leaves the machine to those who bet."""

BETS_OF_WAL_FILE = 1_300
"""Bets whose settling and correcting take a file of PostgreSQL's log: 12 KB each."""

WAL_FILES = 90
"""At most: so many are written again between two checkpoints."""

SINGLES = 60
"""Markets of one bet each, for how long a result takes where nothing else is to be done."""

_CENTS = 1_000_000
_STAKE = 1_000
_PATIENCE_S = 600.0

LIMITS = (
    Limit("settled_s", 60),
    Limit("corrected_s", 90),
    Limit("place_p99_growth_settling", 1.5),
    Limit("place_p99_growth_correcting", 1.5),
    Limit("one_bet_p99_ms", 1_000),
    Limit("settler_growth_mib", 32, "every"),
    Limit("bets_refused", 0, "every"),
    Limit("news_holes", 0, "every"),
    Limit("ledger_differences", 0, "every"),
)


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Seeds, measures betting alone, settles, corrects, settles singles, settles naively, and recounts."""
    cores = split_cores(os.sched_getaffinity(0))
    accounts = [f"resettle-{number:06d}" for number in range(min(options.users, options.bets))]
    async with contextlib.AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oddswire-bench-")))
        betting = Betting(place, stack, cores.measured | cores.beside)
        await betting.start(1)
        database = await stack.enter_async_context(betting.database())
        tell(f"writing {options.bets:,} bets of {len(accounts):,} users")
        await _seed(database, accounts, options.bets)
        await betting.use_wal(min(WAL_FILES, 12 + options.bets // BETS_OF_WAL_FILE))
        devices = accounts[:: max(1, len(accounts) // DEVICES)]
        hearing = await stack.enter_async_context(
            Hearing.open(betting.nats_url, betting.settings, devices, cores.measured | cores.beside)
        )
        settler = await betting.start_settler(options.pace)
        placing = Placing(betting, accounts, BETS_PER_S)
        tell(f"{BETS_PER_S} bets/s alone")
        async with placing.beside():
            await asyncio.sleep(min(options.seconds, 3.0))  # plans are made, pages are there
        async with placing.beside() as alone:
            await asyncio.sleep(options.seconds)
        sayer = await stack.enter_async_context(Sayer.open(betting.nats_url))
        at_work = AtWork(database, sayer, placing, settler, hearing, options.bets)
        figures = alone.figures("place_alone")
        for name, took, done in (("settling", settled, "settled_s"), ("correcting", corrected, "corrected_s")):
            figures |= await took(at_work)
            growth = figures[f"place_{name}_p99_ms"].value / figures["place_alone_p99_ms"].value
            figures[f"place_p99_growth_{name}"] = Reading(growth, "1")
            tell(f"{name}: {figures[done].value:.1f} s, p99 of placing x{growth:.2f}")
        figures |= await _one_by_one(database, sayer, hearing)
        figures["bets_refused"] = Reading(placing.refused, "1")
        figures["news_holes"] = Reading(hearing.holes, "1")
        await settler.end()
        begun_s = time.perf_counter()
        figures["ledger_differences"] = Reading(await _differences(database, tell), "1")
        figures["ledger_verify_s"] = Reading(time.perf_counter() - begun_s, "s")
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
    heard = accounts[:: max(1, len(accounts) // DEVICES)]
    alone = (Staked(f"S{n}", heard[n % len(heard)], _STAKE, ((f"S{n}", "O1", 1909),)) for n in range(SINGLES))
    await stake(database, alone, now)
    await database.execute("ANALYZE")


async def _one_by_one(database: Database, sayer: Sayer, hearing: Hearing) -> dict[str, Reading]:
    """Markets of one bet, one after the other: from the publishing of the result to the bet that is settled, and to its
    user's device."""
    latency, devices = Latency(), Latency()
    for number in range(SINGLES):
        begun_s = time.perf_counter()
        async with hearing.one(devices):
            await sayer.settled(f"S{number}", "O1")
            while not await database.fetch("SELECT FROM bets.bet WHERE bet = $1 AND revision = 1", f"S{number}"):
                if time.perf_counter() - begun_s > _PATIENCE_S:
                    raise CannotMeasure("a bet is not settled")
                await asyncio.sleep(0.001)
            latency.record_us(int((time.perf_counter() - begun_s) * 1e6))
    return latency.figures("one_bet") | devices.figures("one_bet_to_device")


async def _differences(database: Database, tell: Tell) -> int:
    found = await audit(database, tell)
    await recount(database, found, tell)
    for one in found.differences[:5]:
        tell(f"{one.rule} {one.where}: {one.what}")
    return found.differing.total()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bets", type=count_to(1_000_000), default=BETS, metavar="N", help=f"bets (default {BETS:,})")
    parser.add_argument(
        "--users", type=count_to(100_000), default=USERS, metavar="N", help=f"users (default {USERS:,})"
    )
    parser.add_argument(
        "--pace", type=count_to(100_000), default=PACE, metavar="N", help=f"bets settled a second, at most ({PACE:,})"
    )
    add_duration(parser, 10.0, most=600, of="betting alone, and naive settling")


RESETTLE = Scenario(
    "resettle", "a market of 100,000 bets settled and settled again, beside betting", LIMITS, _options, run
)
