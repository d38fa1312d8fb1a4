"""API keys in PostgreSQL, schema `access` (migration 0002). A key's row never changes but for `revoked`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime

import asyncpg

from gateway.access.keys import KeyRecord, Wish
from gateway.access.ports import Revocations
from gateway.access.secret import hash_of, id_of
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database, Row

LISTED_MAX = 10_000

_COLUMNS = "id, hash, name, scopes, plan, account, created, expires, revoked"
_FIND = f"SELECT {_COLUMNS} FROM access.api_key WHERE id = $1"  # noqa: S608 of our own constants
_LIST = f"SELECT {_COLUMNS} FROM access.api_key ORDER BY created DESC, id LIMIT {LISTED_MAX}"  # noqa: S608
_CREATE = f"""
INSERT INTO access.api_key (id, hash, name, scopes, plan, account, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING {_COLUMNS}
"""  # noqa: S608
_REVOKE = """
UPDATE access.api_key SET revoked = coalesce(revoked, clock_timestamp()) WHERE id = $1 RETURNING revoked
"""
_REVOKED = "SELECT id FROM access.api_key WHERE revoked > now() - interval '1 hour'"
_REVOKE_KEYS_OF = """
UPDATE access.api_key SET revoked = clock_timestamp() WHERE account = $1 AND revoked IS NULL RETURNING id
"""
_REVOKE_ACCOUNT = """
INSERT INTO access.revoked_account (account, at) VALUES ($1, clock_timestamp())
ON CONFLICT (account) DO UPDATE SET at = excluded.at
"""
_REVOKED_ACCOUNTS = """
SELECT account, extract(epoch FROM at)::bigint AS at FROM access.revoked_account WHERE at > now() - interval '25 hours'
"""


class PostgresKeys:
    """A KeyStore (gateway/access/ports.py)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: str) -> KeyRecord | None:
        """See KeyStore."""
        with _migrated():
            row = await self._database.row(_FIND, key_id)
        return None if row is None else _record(row)

    async def revocations(self) -> Revocations:
        """See KeyStore."""
        with _migrated():
            async with self._database.connection() as connection:
                keys = await connection.fetch(_REVOKED)
                accounts = await connection.fetch(_REVOKED_ACCOUNTS)
        return Revocations(frozenset(row["id"] for row in keys), {row["account"]: row["at"] for row in accounts})

    async def create(self, wish: Wish, key: str) -> KeyRecord:
        """See KeyStore."""
        said = key.encode()
        with _migrated():
            row = await self._database.row(
                _CREATE, id_of(said), hash_of(said), wish.name, wish.scopes, wish.plan, wish.account, wish.expires
            )
        assert row is not None
        return _record(row)

    async def list(self) -> list[KeyRecord]:
        """See KeyStore."""
        with _migrated():
            return [_record(row) for row in await self._database.fetch(_LIST)]

    async def revoke(self, key_id: str) -> datetime | None:
        """See KeyStore."""
        with _migrated():
            row = await self._database.row(_REVOKE, key_id)
        return None if row is None else row["revoked"]

    async def revoke_account(self, account: str) -> int:
        """See KeyStore."""
        with _migrated():
            async with self._database.connection() as connection, connection.transaction():
                await connection.execute(_REVOKE_ACCOUNT, account)
                return len(await connection.fetch(_REVOKE_KEYS_OF, account))


@contextlib.contextmanager
def _migrated() -> Iterator[None]:
    """A schema that is not there yet will be. Raises DatabaseUnavailable."""
    try:
        yield
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise DatabaseUnavailable("the database has no keys yet: run `oddswire migrate`") from error


def _record(row: Row) -> KeyRecord:
    return KeyRecord(
        id=row["id"],
        hash=row["hash"],
        name=row["name"],
        scopes=tuple(row["scopes"]),
        plan=row["plan"],
        account=row["account"],
        created=row["created"],
        expires=row["expires"],
        revoked=row["revoked"],
    )
