"""Settling as one writes it first: a loop over the bets of a market, and for each a transaction of some statements.

It goes through the same ledger, with all of its rules; what it lacks are batches, and that twice is once. Its bets are
not settled by any result: a recount would find them.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from bench.result import Reading
from bench.scenario import Tell
from bench.staking import Staked, bet_id, stake
from gateway.money import journals
from gateway.money.journals import columns
from gateway.store.pool import Database

MARKET = "NAIVE"
_BETS = 10_000
_STAKE = 1_000


async def naive_figures(database: Database, accounts: list[str], seconds: float, tell: Tell) -> dict[str, Reading]:
    """Bets a second, of a market of its own, for so long or until there are no more."""
    now = datetime.now(UTC)
    bets = [
        Staked(bet_id(n, "naive"), accounts[n % len(accounts)], _STAKE, ((MARKET, f"O{1 + n % 2}", 1909),))
        for n in range(min(_BETS, len(accounts)))
    ]
    await stake(database, bets, now)
    settled, began_s = 0, time.perf_counter()
    async with database.connection() as connection:
        for bet in bets:
            async with connection.transaction():
                await _settle(connection, bet, won=bet.legs[0][1] == "O1")
            settled += 1
            if time.perf_counter() - began_s > seconds:
                break
    per_s = settled / (time.perf_counter() - began_s)
    tell(f"naive: {per_s:,.0f} bets/s")
    return {"naive_bets_per_s": Reading(per_s, "1/s")}


async def _settle(connection: Any, bet: Staked, *, won: bool) -> None:
    payout, at = bet.potential if won else 0, datetime.now(UTC)
    await connection.execute("SELECT FROM money.wallet WHERE owner = $1 FOR UPDATE", bet.owner)
    await connection.execute("SELECT FROM bets.bet WHERE bet = $1 FOR UPDATE", bet.bet)
    await _journal(connection, bet, "post", at, journals.post(bet.stake, payout))
    await connection.execute(
        "UPDATE bets.bet SET state = $2, payout = $3 WHERE bet = $1", bet.bet, "won" if won else "lost", payout
    )
    await connection.execute("SELECT money.tell($1, 'bet_settled', '{}', $2)", bet.owner, at)


async def _journal(connection: Any, bet: Staked, name: str, at: datetime, lines: journals.Lines) -> None:
    kinds, amounts = columns(lines)
    await connection.execute(
        "UPDATE money.hold SET state = 'posted', resolved = money.write_journal("
        "$1, 'USD', 'bet/' || $2 || '/' || $3, 'settle', $2, $4, $5, $6) WHERE bet = $2 AND state = 'open'",
        *(bet.owner, bet.bet, name, at, kinds, amounts),
    )
