"""Connections to the database: how they are opened, and what of their failing is told apart. Holds no SQL of anyone.

`asyncpg` has no types of its own; what is used of it stands here, in `Database`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import asyncpg

from gateway.store.errors import DatabaseUnavailable, NotConnected, NotTheWriter, StatementTimedOut
from gateway.store.settings import DatabaseSettings

Row = Any
"""An asyncpg.Record: values by column name."""

_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver loses track where a connection breaks in the middle
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    OSError,
    TimeoutError,
)
"""What says nothing about the question, only that it was not answered."""


@contextlib.contextmanager
def told_apart(where: str, kind: type[DatabaseUnavailable] = DatabaseUnavailable) -> Iterator[None]:
    """Raises DatabaseUnavailable for whatever may be otherwise the next time; a mistake of ours stays what it is."""
    try:
        yield
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise kind(f"database {where} refuses us: {error}") from error
    except asyncpg.QueryCanceledError as error:
        raise StatementTimedOut(f"database {where}: {error}") from error
    except asyncpg.ReadOnlySQLTransactionError as error:
        raise NotTheWriter(f"database {where}: {error}") from error
    except _GONE as error:
        raise kind(f"database {where}: {str(error) or type(error).__name__}") from error


class Database:
    """A pool of connections, each in UTC and with limits on what a statement may take."""

    def __init__(self, pool: Any, where: str) -> None:
        self._pool = pool
        self._where = where

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """One connection. Raises NotConnected, and DatabaseUnavailable out of what is done with it."""
        with told_apart(self._where, NotConnected):
            connection = await self._pool.acquire()
        done = False
        try:
            with told_apart(self._where):
                yield connection
            done = True
        except NotTheWriter:
            await self._pool.expire_connections()  # the others lead there as well; the address may lead elsewhere now
            raise
        finally:
            if not done:
                with contextlib.suppress(asyncpg.InterfaceError):  # a dead one has left the pool by itself
                    connection.terminate()  # nobody knows what state it is in
            with told_apart(self._where):
                await self._pool.release(connection)

    async def look(self, connection: Any) -> None:
        """Whether a connection still stands; for one that is held while others work. Raises DatabaseUnavailable."""
        with told_apart(self._where):
            await connection.execute("SELECT 1")

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """All rows. Raises DatabaseUnavailable."""
        async with self.connection() as connection:
            rows: list[Row] = await connection.fetch(sql, *values)
            return rows

    async def row(self, sql: str, *values: object) -> Row | None:
        """The first row. Raises DatabaseUnavailable."""
        async with self.connection() as connection:
            return await connection.fetchrow(sql, *values)

    async def execute(self, sql: str, *values: object) -> str:
        """What the server says of it, "DELETE 3". Raises DatabaseUnavailable."""
        async with self.connection() as connection:
            done: str = await connection.execute(sql, *values)
            return done


def connect_options(
    settings: DatabaseSettings, server_settings: Mapping[str, str] | None = None, *, replica: bool = False
) -> dict[str, Any]:
    """What a connection of asyncpg is opened with. `server_settings`: more of those, by PostgreSQL's names. `replica`:
    a server that takes no writes will do; else there is no connection to one, wherever the name still leads."""
    password = settings.password.get_secret_value()
    timeout_ms = str(int(settings.statement_timeout_s * 1000))
    return {
        "dsn": settings.url.get_secret_value(),
        "target_session_attrs": "any" if replica else "read-write",
        "timeout": settings.connect_timeout_s,
        "command_timeout": settings.statement_timeout_s + settings.connect_timeout_s,
        "server_settings": {
            "timezone": "UTC",
            "statement_timeout": timeout_ms,
            "application_name": "oddswire",
            **(server_settings or {}),
        },
        **({"password": password} if password else {}),
    }


async def _as_it_is(connection: Any) -> None:
    del connection


@contextlib.asynccontextmanager
async def open_database(
    settings: DatabaseSettings,
    server_settings: Mapping[str, str] | None = None,
    *,
    stateless: bool = False,
    replica: bool = False,
) -> AsyncIterator[Database]:
    """A pool, closed at the end at once whatever is under way. Raises DatabaseUnavailable.

    `stateless`: nobody leaves anything behind in a session, so it need not be reset, by a statement, after each use.
    `replica`: see connect_options.
    """
    options = connect_options(settings, server_settings, replica=replica)
    if stateless:
        options["reset"] = _as_it_is
    with told_apart(settings.shown):
        pool = await asyncpg.create_pool(min_size=0, max_size=settings.connections, **options)
    try:
        yield Database(pool, settings.shown)
    finally:
        pool.terminate()
