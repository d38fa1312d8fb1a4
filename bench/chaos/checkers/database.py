"""A connection of the checkers' own to the database, and what can be asked of it alone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from bench.chaos.checkers.sql import statement
from bench.chaos.checkers.violation import Violation

_CONNECT_S = 10.0
_STATEMENT_S = 120.0


@contextlib.asynccontextmanager
async def reading(database_url: str) -> AsyncIterator[Any]:
    """One connection. Raises OSError, asyncpg.PostgresError."""
    connection = await asyncpg.connect(database_url, timeout=_CONNECT_S, command_timeout=_STATEMENT_S)
    try:
        yield connection
    finally:
        await connection.close()


async def asked(connection: Any, *names: str) -> list[Violation]:
    """What statements of three columns, rule, where and what, give."""
    return [Violation(*map(str, row)) for name in names for row in await connection.fetch(statement(name))]


async def keep_commit_times(database_url: str) -> None:
    """From the server's next start on it keeps when transactions were committed, which B6 is checked by."""
    async with reading(database_url) as connection:
        await connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
