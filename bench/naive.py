"""Placing a bet as one writes it first: SELECT whether the key was used, then INSERT. What `bench bets` is beside.

Its bets have a table of their own, without a unique key: with one it would no longer be the naive version.
"""

from __future__ import annotations

import asyncio
import time
from itertools import count

from bench.result import Reading
from bench.scenario import Tell
from gateway.store.pool import Database

_BETTORS = 8
_KEYS = 100
_DUPLICATES = 8
_SCHEMA = """
CREATE SCHEMA naive;
CREATE TABLE naive.wallet (owner text PRIMARY KEY, cash bigint NOT NULL);
CREATE TABLE naive.bet (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner text, client_key text, stake bigint);
CREATE INDEX bet_key ON naive.bet (owner, client_key);
INSERT INTO naive.wallet SELECT 'u' || n, 1000000000 FROM generate_series(0, 999) AS n
"""


async def naive_figures(database: Database, seconds: float, tell: Tell) -> dict[str, Reading]:
    """Bets a second, and how many bets keys make that come several times at once."""
    await database.execute(_SCHEMA)
    numbers = count()
    until_s = time.perf_counter() + seconds

    async def bettor() -> int:
        placed = 0
        while time.perf_counter() < until_s:
            number = next(numbers)
            await _place(database, f"u{number % 1000}", f"key-{number}")
            placed += 1
        return placed

    began_s = time.perf_counter()
    placed = sum(await asyncio.gather(*(bettor() for _ in range(_BETTORS))))
    per_s = placed / (time.perf_counter() - began_s)
    for key in range(_KEYS):
        await asyncio.gather(*(_place(database, "u1", f"twice-{key}") for _ in range(_DUPLICATES)))
    [row] = await database.fetch("SELECT count(*) FROM naive.bet WHERE client_key LIKE 'twice-%'")
    await database.execute("DROP SCHEMA naive CASCADE")
    tell(f"naive: {per_s:,.0f} bets/s; {row[0]} bets of {_KEYS} keys that came {_DUPLICATES} times at once")
    return {"naive_bets_per_s": Reading(per_s, "1/s"), "naive_bets_of_100_keys": Reading(row[0], "1")}


async def _place(database: Database, owner: str, key: str) -> None:
    async with database.connection() as connection, connection.transaction():
        if await connection.fetchval("SELECT id FROM naive.bet WHERE owner = $1 AND client_key = $2", owner, key):
            return
        await connection.execute("INSERT INTO naive.bet (owner, client_key, stake) VALUES ($1, $2, 100)", owner, key)
        await connection.execute("UPDATE naive.wallet SET cash = cash - 100 WHERE owner = $1", owner)
