"""Account news: from a transaction to the device whose account it is, through outbox, relay, NATS and a shard.

Transactions are deposits, at a steady rate over all accounts, straight into the database: no gateway is measured. Time
counts from the transaction's own (`ts`, taken before it is sent), so the commit and its disk are part of it. In the
middle who tells is killed, and started again a second later: what was missed is asked for, and counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from bench.line import free_port, nats_program, shard_program
from bench.listeners import Listeners
from bench.options import add_duration, count_to
from bench.pace import paced
from bench.processes import Child, Cores, Program, cpu, running, split_cores, usage
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.swarm import Address
from fanout.contract.tickets import parse_keys
from gateway.money import journals
from gateway.money.tables import LedgerTables, Movement
from gateway.store.migrations import migrate
from gateway.store.pool import open_database
from gateway.store.server import READY_LINE, server_url
from gateway.store.settings import DatabaseSettings

KEYS = "bench:" + "k" * 32
AMOUNT = 100
CONNECTIONS = 16
AWAY_S = 1.0
SETTLE_S = 30.0

LIMITS = (
    Limit("transaction_to_device_p99_ms", 500),
    Limit("after_a_kill_missing", 0, "every"),
    Limit("holes", 0, "every"),
)


class Stack(NamedTuple):
    """The processes. `news` is who tells."""

    database: DatabaseSettings
    address: Address
    shard: Child
    news: Program
    cores: Cores


class Deposits:
    """Deposits of accounts in turn, `rate` a second."""

    def __init__(self, tables: LedgerTables, accounts: Sequence[str]) -> None:
        self._tables = tables
        self._accounts = accounts
        self.made = 0

    async def at(self, rate: int, seconds: float) -> None:
        """For so long."""
        until_s = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            async for numbers in paced(rate):
                for _ in numbers:
                    group.create_task(self.one())
                if time.monotonic() > until_s:
                    break

    async def one(self) -> None:
        """The next one."""
        number = self.made
        self.made += 1
        done = await self._tables.move(_deposit(self._accounts[number % len(self._accounts)], number))
        if done.code != "done":
            raise CannotMeasure(f"a deposit was refused: {done.code}")


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Devices, a steady rate, and who tells killed once."""
    cores = split_cores(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="oddswire-bench-") as place:
        async with contextlib.AsyncExitStack() as stack:
            parts = await _started(Path(place), stack, cores, tell)
            limited = parts.database.model_copy(update={"connections": CONNECTIONS})
            pool = await stack.enter_async_context(open_database(limited, stateless=True))
            accounts = [f"news-{number:05d}" for number in range(options.accounts)]
            deposits = Deposits(LedgerTables(pool), accounts)
            await asyncio.gather(*(deposits.one() for _ in accounts))
            return await _measured(parts, deposits, accounts, options, tell)


async def _measured(
    parts: Stack, deposits: Deposits, accounts: Sequence[str], options: argparse.Namespace, tell: Tell
) -> Measured:
    listeners = Listeners()
    async with (
        running(parts.news, parts.cores.beside) as news,
        listeners.listening(accounts, parts.address, parse_keys(KEYS)),
    ):
        tell(f"{len(accounts)} devices, {options.rate} transactions/s for {options.seconds:g} s")
        since = cpu(news.pid), cpu(parts.shard.pid)
        before = deposits.made
        await deposits.at(options.rate, options.seconds)
        await _all_heard(listeners, deposits.made - before)
        holes = listeners.holes
        figures = listeners.told.figures("transaction_to_device")
        processes = [
            usage("news", news.pid, since=since[0], cores=news.cores),
            usage("shard", parts.shard.pid, since=since[1], cores=parts.shard.cores),
        ]
        tell("who tells is killed")
        await news.kill()
        await deposits.at(options.rate, AWAY_S)
        began_s = time.monotonic()
        async with running(parts.news, parts.cores.beside):
            await deposits.at(options.rate, AWAY_S)
            await _all_heard(listeners, deposits.made - before)
            back_s = time.monotonic() - began_s
    figures |= {
        "transactions_per_s": Reading((deposits.made - before) / (options.seconds + 2 * AWAY_S), "1/s"),
        "holes": Reading(holes, ""),
        "after_a_kill_missing": Reading(deposits.made - before - listeners.heard, ""),
        "after_a_kill_complete_s": Reading(back_s, "s"),
    }
    return Measured(figures, processes)


async def _all_heard(listeners: Listeners, number: int) -> None:
    """Waits until so many were; what does not come is a figure."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_S):
            while listeners.heard < number:  # noqa: ASYNC110 they come by themselves
                await asyncio.sleep(0.005)


async def _started(place: Path, stack: contextlib.AsyncExitStack, cores: Cores, tell: Tell) -> Stack:
    nats_port, postgres_port, port = free_port(), free_port(), free_port()
    nats_url = f"nats://127.0.0.1:{nats_port}"
    await stack.enter_async_context(running(nats_program(nats_port, place), cores.beside))
    words = ("-m", "gateway", "postgres", "--port", str(postgres_port), "--data-dir", str(place / "pg"))
    await stack.enter_async_context(running(Program("postgres", words, READY_LINE), cores.beside))
    database = DatabaseSettings(url=SecretStr(server_url(place / "pg", postgres_port)))
    await migrate(database)
    settings = {"ODDSWIRE_FANOUT_TICKET_KEYS": KEYS, "ODDSWIRE_FANOUT_ADMISSION_LAG_MS": "60000"}
    shard = shard_program(nats_url, port, 10_000, settings=settings)
    child = await stack.enter_async_context(running(shard, cores.measured))
    where = ("--nats", nats_url, "--database", database.url.get_secret_value())
    news = Program("news", ("-m", "gateway", "news", *where), "^news ready$", {"ODDSWIRE_NEWS_LOG_LEVEL": "error"})
    tell(f"shard pid {child.pid} on cores {child.cores}")
    return Stack(database, Address("127.0.0.1", port), child, news, cores)


def _deposit(account: str, number: int) -> Movement:
    return Movement(
        owner=account,
        key=f"news-{number:016d}",
        fingerprint=b"\0" * 32,
        verb="deposit",
        currency="USD",
        amount=AMOUNT,
        source_key=f"deposit/{number}",
        at=datetime.now(UTC),
        lines=journals.deposit(AMOUNT),
        answer=b"{}",
    )


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accounts", type=count_to(5_000), default=500, metavar="N", help="accounts, a device each (default 500)"
    )
    parser.add_argument(
        "--rate", type=count_to(5_000), default=200, metavar="N", help="transactions a second (default 200)"
    )
    add_duration(parser, 10.0, most=600, of="measured time")


NEWS = Scenario("news", "account news, from a transaction to the device, who tells killed once", LIMITS, _options, run)
