"""The ledger: L1 to L7 and R8, by SQL of its own, hashes computed here, and changes that must be refused tried."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg

from bench.chaos.checkers.database import asked
from bench.chaos.checkers.sql import statement
from bench.chaos.checkers.violation import Violation


async def check_ledger(connection: Any) -> list[Violation]:
    """L1, L2, L3, L4, L5, L6, L7, R8."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found = await asked(connection, "ledger")
        found += check_chain(await connection.fetch(statement("chain")))
    return found + await _guarded(connection)


def check_chain(rows: Sequence[Any]) -> Iterator[Violation]:
    """L3: rows in the order of each account's chain. Every hash, balance and version follows from the one before."""
    account, version, balance, chained, before = 0, 0, 0, b"", None
    for row in rows:
        if row["account"] != account:
            yield from _ends(before, chained, version)
            account, version, balance, chained = row["account"], 0, 0, b""
        before = row
        version += 1
        said = (
            row["source_key"], row["kind"], row["bet"], row["at_us"], row["place"], row["account"], version,
            row["currency"], row["amount"], balance, balance + row["amount"],
        )  # fmt: skip
        chained = hashlib.sha256(chained + "|".join(map(str, said)).encode()).digest()
        balance += row["amount"]
        if (row["version"], row["balance"], bytes(row["hash"])) != (version, balance, chained):
            yield Violation("L3", f"account {account}", f"its chain breaks at entry {row['version']}")
            version, balance, chained = row["version"], row["balance"], bytes(row["hash"])
    yield from _ends(before, chained, version)


def _ends(last: Any, chained: bytes, version: int) -> Iterator[Violation]:
    if last is not None and (last["newest"], bytes(last["last_hash"])) != (version, chained):
        yield Violation("L3", f"account {last['account']}", f"its chain ends at {version}, it says {last['newest']}")


async def _guarded(connection: Any) -> list[Violation]:
    """L5: each change is tried, and undone should it not be refused."""
    found = []
    for table, change in await connection.fetch(statement("guarded")):
        if not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):  # noqa: S608 a name of our own file
            continue
        trying = connection.transaction()
        await trying.start()
        try:
            await connection.execute(change)
            found.append(Violation("L5", table, f"it lets this happen: {change}"))
        except asyncpg.PostgresError:
            pass  # as it must
        finally:
            await trying.rollback()
    return found
