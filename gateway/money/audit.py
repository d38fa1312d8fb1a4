"""Verifying the whole ledger: its rows, streamed from one snapshot, through the folds of verifying.py.

Memory does not grow with the ledger: rows come a batch at a time, and of what differs only the first are kept.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.money import verifying
from gateway.money.sql import statement
from gateway.money.verifying import Accounts, CashOuts, Difference, Holds, Journals
from gateway.store.pool import Database

DIFFERENCES_KEPT = 100
"""Differences that are told one by one; more are only counted."""

_BATCH_ROWS = 2_000
_TOLD_EVERY_S = 1.0


@dataclass
class Audit:
    """What was found. `counted`: rows read, by what they are."""

    differences: list[Difference] = field(default_factory=list)
    differing: Counter[str] = field(default_factory=Counter)
    counted: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not self.differing

    def note(self, differences: Iterable[Difference]) -> None:
        """What differs."""
        for difference in differences:
            self.differing[difference.rule] += 1
            if len(self.differences) < DIFFERENCES_KEPT:
                self.differences.append(difference)


class _Progress:
    def __init__(self, tell: Callable[[str], None], about: int) -> None:
        self._tell = tell
        self._about = about
        self._read = 0
        self._told_s = time.monotonic()

    def step(self, what: str, rows: int) -> None:
        self._read += rows
        if time.monotonic() - self._told_s >= _TOLD_EVERY_S:
            self._told_s = time.monotonic()
            share = min(self._read / max(self._about, 1), 0.99)
            self._tell(f"{what}: {self._read:,} rows read, about {share:.0%}")


async def audit(database: Database, tell: Callable[[str], None]) -> Audit:
    """Reads everything. `tell`: a line of progress every second. Raises DatabaseUnavailable."""
    found = Audit()
    async with database.connection() as connection:
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        await transaction.start()
        await connection.execute("SET LOCAL statement_timeout = 0")
        progress = _Progress(tell, 2 * await connection.fetchval(statement("verify_size")))
        await _accounts(connection, found, progress)
        await _journals(connection, found, progress)
        await _holds(connection, found, progress)
        await _bets(connection, found, progress)
        await _cash_outs(connection, found, progress)
        guards = await connection.fetch(statement("verify_guards"))
        found.note(verifying.check_guards({(table, name) for table, name in guards}))
        await transaction.rollback()
    return found


async def _accounts(connection: Any, found: Audit, progress: _Progress) -> None:
    accounts = Accounts()
    async for rows in _batches(connection, "verify_accounts"):
        for row in rows:
            found.note(accounts.row(verifying.AccountRow(*row)))
        progress.step("accounts", len(rows))
    found.note(accounts.end())
    found.counted |= {"accounts": accounts.accounts, "entries": accounts.entries}


async def _journals(connection: Any, found: Audit, progress: _Progress) -> None:
    journals = Journals()
    async for rows in _batches(connection, "verify_journals"):
        for row in rows:
            found.note(journals.row(verifying.JournalRow(*row)))
        progress.step("journals", len(rows))
    found.note(journals.end())
    found.counted["journals"] = journals.journals


async def _holds(connection: Any, found: Audit, progress: _Progress) -> None:
    holds = Holds()
    async for rows in _batches(connection, "verify_holds"):
        for row in rows:
            found.note(holds.row(verifying.HoldRow(*row)))
        progress.step("holds", len(rows))
    async for rows in _batches(connection, "verify_open"):
        for owner, currency, held, open_stakes in rows:
            found.note(verifying.check_open(owner, currency, held=held, open_stakes=open_stakes))
        progress.step("open stakes", len(rows))
    found.counted["holds"] = holds.holds


async def _bets(connection: Any, found: Audit, progress: _Progress) -> None:
    bets = 0
    async for rows in _batches(connection, "verify_bets"):
        for bet, state, keys, holds in rows:
            found.note(verifying.check_bet(bet, state, keys=keys, holds=holds))
        bets += len(rows)
        progress.step("bets", len(rows))
    found.counted["bets"] = bets


async def _cash_outs(connection: Any, found: Audit, progress: _Progress) -> None:
    cash_outs = CashOuts()
    async for rows in _batches(connection, "verify_cash_outs"):
        for row in rows:
            found.note(cash_outs.row(verifying.CashOutRow(*row)))
        progress.step("cash-outs", len(rows))
    found.note(cash_outs.end())
    found.counted["cash-outs"] = cash_outs.cash_outs
    async for rows in _batches(connection, "verify_movements"):
        for (source_key,) in rows:
            found.note(verifying.check_movement(source_key))


async def _batches(connection: Any, name: str) -> AsyncIterator[list[Any]]:
    cursor = await connection.cursor(statement(name))
    while rows := await cursor.fetch(_BATCH_ROWS):
        yield rows
