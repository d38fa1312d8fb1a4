"""A correction held against its frozen list, the ledger, and the results: R1, R5, R6, by other code than applied it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gateway.money.verifying import Difference
from gateway.settlement.corrections.drafts import Job
from gateway.settlement.corrections.impact import hash_of
from gateway.settlement.corrections.sql import statement
from gateway.settlement.recount import CountedBet, Ruling, check_counted
from gateway.settlement.said import result_from_text
from gateway.settlement.sql import statement as settling

BETS_AT_ONCE = 1_000
FAULTS_MAX = 20
"""Differences that are told; the rest is counted."""


async def verify(connection: Any, job: Job) -> list[Difference]:
    """What differs, up to FAULTS_MAX of it. In a transaction that sees one snapshot."""
    found = [fault async for fault in _faults(connection, job)]
    return found[:FAULTS_MAX]


async def _faults(connection: Any, job: Job) -> Any:
    if await hash_of(connection, job.correction) != job.hash:
        yield Difference("R5", job.correction, "its frozen list is not the one that was approved")
    row = await connection.fetchrow(statement("verify_job"), job.correction)
    totals = orjson.loads(job.totals or "{}")
    if row["bets"] != totals.get("bets"):
        yield Difference("R5", job.correction, f"{row['bets']} bets, and its impact had {totals.get('bets')}")
    rows = await connection.fetch(statement("verify_totals"), job.correction)
    sums = {currency: dict(zip(("bets", "users", "credits", "debits", "waived"), found)) for currency, *found in rows}
    if sums != totals.get("by_currency"):
        yield Difference("R5", job.correction, f"comes to {sums}, and its impact had {totals.get('by_currency')}")
    for what in ("missing", "other", "uneven", "unledgered"):
        if row[what]:
            yield Difference("R5", job.correction, f"{what}: {row[what]}")
    (wrong,) = await connection.fetchrow(statement("verify_notices"), job.correction)
    if wrong:
        yield Difference("R5", job.correction, f"{wrong} users were not told once")
    async for difference in _recounted(connection, job):
        yield difference


async def _recounted(connection: Any, job: Job) -> Any:
    """Every bet of the list, from what was said of its markets alone. Those of which another market is being settled
    are left out: they are the settlers'."""
    after = ""
    while True:
        bets = [bet for (bet,) in await connection.fetch(statement("job_bets"), job.correction, after, BETS_AT_ONCE)]
        if not bets:
            return
        after = bets[-1]
        busy = {bet for (bet,) in await connection.fetch(statement("busy_bets"), bets, job.correction)}
        counted = await _counted(connection, bets, busy)
        markets = sorted({market for bet in counted for market, _, _ in bet.legs})
        sayings: dict[str, list[tuple[str, Any]]] = {market: [] for market in markets}
        for market, saying, body in await connection.fetch(settling("recount_sayings"), markets):
            sayings[market].append((saying, result_from_text(body)))
        rulings = {market: Ruling(said) for market, said in sayings.items()}
        for difference in _checked(counted, rulings):
            yield difference


def _checked(counted: list[CountedBet], rulings: dict[str, Ruling]) -> Iterator[Difference]:
    for bet in counted:
        yield from check_counted(bet, rulings)


async def _counted(connection: Any, bets: list[str], busy: set[str]) -> list[CountedBet]:
    moved: dict[str, Counter[str]] = {bet: Counter() for bet in bets}
    for bet, kind, amount in await connection.fetch(statement("counted_entries"), bets):
        moved[bet][_SIDES[kind]] += amount
    legs: dict[str, list[tuple[str, str, int]]] = {}
    for bet, market, selection, milli in await connection.fetch(settling("legs"), bets):
        legs.setdefault(bet, []).append((market, selection, milli))
    rows = await connection.fetch(statement("counted_bets"), bets)
    return [_counted_bet(row, moved[row["bet"]], legs[row["bet"]], busy=row["bet"] in busy) for row in rows]


def _counted_bet(row: Any, moved: Mapping[str, int], legs: list[tuple[str, str, int]], *, busy: bool) -> CountedBet:
    return CountedBet(
        bet=row["bet"],
        owner=row["owner"],
        state=row["state"],
        payout=row["payout"],
        revision=row["revision"],
        stake=row["stake"],
        cashed_stake=row["cashed_stake"],
        cashed_out=row["cashed_out"],
        placed=row["placed"],
        held=moved["held"],
        users=moved["users"],
        houses=moved["houses"],
        corrections=moved["corrections"],
        steps=row["steps"],
        last_state=row["last_state"],
        last_payout=row["last_payout"],
        waived=row["waived"],
        legs=tuple(legs),
        busy=busy,
    )


_SIDES = {
    "user:open_stakes": "held",
    "user:cash": "users",
    "user:receivable": "users",
    "house:stakes": "houses",
    "house:payouts": "houses",
    "house:corrections": "corrections",
    "suspense": "suspense",
}
"""What of a counted bet an account's kind is."""
