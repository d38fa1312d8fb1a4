"""The daily reconciliation and the log of changes, as rows; as JSON and CSV. Amounts are decimal strings outside."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

import orjson

from gateway.bets.bet import time_text
from gateway.money.amounts import amount_text
from gateway.settlement.reports.sql import statement
from gateway.store.pool import Database

AMOUNTS: Final = frozenset(
    (
        *("stakes_placed", "holds", "cash", "receivable", "stakes", "payouts", "corrections", "house_corrections"),
        *("house_position", "payout_before", "payout", "amount", "waived"),
    )
)
"""Columns that are minor units of the row's currency."""

CHANGES_AT_ONCE: Final = 1_000

Row = dict[str, Any]


class Daily(NamedTuple):
    """A day, UTC. `balances`: what all accounts of a kind held when it ended, by currency; with what came before they
    sum to zero. `differs`: currencies of which they do not, in minor units."""

    day: date
    rows: list[Row]
    balances: dict[str, dict[str, int]]
    differs: dict[str, int]


async def daily(database: Database, day: date) -> Daily:
    """One day, of one snapshot. Raises DatabaseUnavailable."""
    begin = datetime.combine(day, time(), UTC)
    end = begin + timedelta(days=1)
    async with database.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(statement("daily"), begin, end)
        closing = await connection.fetch(statement("closing"), end)
    balances: dict[str, dict[str, int]] = {}
    for kind, currency, balance in closing:
        balances.setdefault(currency, {})[kind] = balance
    differs = {currency: total for currency, kinds in balances.items() if (total := sum(kinds.values()))}
    return Daily(day, [dict(row) for row in rows], balances, differs)


async def changes(database: Database, begin: datetime, end: datetime) -> AsyncIterator[Row]:
    """Every change of a settlement in a time, in order. Raises DatabaseUnavailable."""
    after = datetime.min.replace(tzinfo=UTC), "", 0
    while True:
        rows = await database.fetch(statement("changes"), begin, end, *after, CHANGES_AT_ONCE)
        for row in rows:
            yield dict(row)
        if len(rows) < CHANGES_AT_ONCE:
            return
        after = rows[-1]["at"], rows[-1]["bet"], rows[-1]["revision"]


def told(row: Mapping[str, Any]) -> Row:
    """A row as it is told: amounts as decimal strings, times as RFC 3339."""
    currency = row["currency"]
    said: Row = {}
    for name, value in row.items():
        if isinstance(value, datetime):
            said[name] = time_text(value)
        elif name in AMOUNTS and value is not None:
            said[name] = amount_text(value, currency)
        else:
            said[name] = value
    return said


def daily_json(found: Daily) -> str:
    """The whole day."""
    balances = {
        currency: {kind: amount_text(balance, currency) for kind, balance in kinds.items()}
        for currency, kinds in found.balances.items()
    }
    differs = {currency: amount_text(total, currency) for currency, total in found.differs.items()}
    said = {"day": found.day.isoformat(), "rows": [told(row) for row in found.rows], "balances": balances}
    return orjson.dumps(said | {"differs": differs}, option=orjson.OPT_INDENT_2).decode()


DAILY_COLUMNS: Final = (
    *("market", "jurisdiction", "currency", "bets_placed", "stakes_placed", "holds", "cash", "receivable", "stakes"),
    *("payouts", "corrections", "house_corrections", "house_position"),
)
CHANGES_COLUMNS: Final = (
    *("at", "bet", "owner", "jurisdiction", "market", "currency", "revision", "state_before", "payout_before", "state"),
    *("payout", "amount", "waived", "correction", "reason", "drafter", "approver", "drafted", "approved"),
)


def csv_lines(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]], *, head: bool) -> str:
    """Lines of CSV (RFC 4180); text that a spreadsheet would take for a formula is put after an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    if head:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return out.getvalue()


def _cell(value: Any) -> Any:
    risky = isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r")
    return f"'{value}" if risky else "" if value is None else value
