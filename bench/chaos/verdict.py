"""Everything that must hold, looked at once a run is over: addresses, what clients heard and what devices show go in,
violations come out. It does not know how the stack was started, nor what went wrong in it."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any, NamedTuple

from bench.chaos.addresses import Addresses
from bench.chaos.checkers.bets import check_bets
from bench.chaos.checkers.database import reading
from bench.chaos.checkers.ledger import check_ledger
from bench.chaos.checkers.log import Log
from bench.chaos.checkers.news import check_news
from bench.chaos.checkers.settlement import check_settlement, read_results
from bench.chaos.checkers.sql import statement
from bench.chaos.checkers.stream import check_shown, check_silences, until_converged
from bench.chaos.checkers.violation import Violation
from bench.chaos.load import Load
from bench.options import seconds_to

SETTLED_WITHIN_S = 30.0
"""After which whatever was said of results has to be in all bets."""

_AGAIN_S = 0.5
OF_A_RULE_MAX = 10
"""Violations of one rule that are told; more are the same again."""


class Patience(NamedTuple):
    """How much later than promised is still in time, for machines that are busy with other things, too."""

    converged_s: float = 2.0
    silence_slack_s: float = 0.5


def add_patience(parser: argparse.ArgumentParser, default: Patience) -> None:
    """The options that `patience_of` reads."""
    add = parser.add_argument
    add("--converged-s", type=seconds_to(60), default=default.converged_s, metavar="S", help="S4 allows (%(default)s)")
    text = "S7 allows so much more (%(default)s)"
    add("--slack-s", type=seconds_to(60), default=default.silence_slack_s, metavar="S", help=text)


def patience_of(options: argparse.Namespace) -> Patience:
    """As asked for."""
    return Patience(options.converged_s, options.slack_s)


class Verdict(NamedTuple):
    """What was found; `converged_s`: after how long the last device held what the log did; `steps`: of settlement, that
    were looked at."""

    violations: list[Violation]
    converged_s: float
    steps: int


async def look(where: Addresses, load: Load, log: Log, patience: Patience) -> Verdict:
    """Ends the load on the way. Raises OSError, NatsError, asyncpg.PostgresError where a server does not answer."""
    views = [device.view for device in load.devices]
    await log.follow(where.nats_url, where.lanes)
    converged_s, found = await until_converged(views, log, patience.converged_s)
    async with reading(where.database_url) as connection:
        found += await _settled(connection, where)
        found += await check_news(connection, load.listeners)
        await load.end()
        await log.follow(where.nats_url, where.lanes)
        found += [Violation("S6", "log", hole) for hole in log.holes]
        found += load.violations
        found += check_shown(load.shown, log)
        found += check_silences(views, log, slack_s=patience.silence_slack_s)
        found += await check_ledger(connection)
        found += await check_bets(connection, load.heard, log)
        steps = await connection.fetchval(statement("count_steps"))
    return Verdict(_few(found), converged_s, steps)


async def _settled(connection: Any, where: Addresses) -> list[Violation]:
    """Results go on coming while they are read, so what is looked at is what differs whenever one looks."""
    until_s = asyncio.get_running_loop().time() + SETTLED_WITHIN_S
    while True:
        found = await check_settlement(connection, await read_results(where.nats_url))
        waiting = await connection.fetchval(statement("unsettled"))
        if (not found and not waiting) or asyncio.get_running_loop().time() > until_s:
            return found
        await asyncio.sleep(_AGAIN_S)


def _few(found: list[Violation]) -> list[Violation]:
    kept: list[Violation] = []
    for rule in sorted({one.rule for one in found}):
        kept += [one for one in found if one.rule == rule][:OF_A_RULE_MAX]
    return kept
