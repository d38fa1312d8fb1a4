"""The schema of the whole project: plain SQL files in `migrations/`, applied once, in order of name, forward only.

All that is missing is applied in one transaction, under an advisory lock: of two that migrate at once the second waits
and finds nothing to do, and one that fails or is killed leaves nothing behind. (dbmate, tried, takes no lock: of three
at once two failed.) A file that was applied must never change: its checksum is kept and compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import asyncpg

from gateway.store.errors import MigrationRefused
from gateway.store.pool import connect_options, told_apart
from gateway.store.settings import DatabaseSettings

FOLDER = Path(__file__).parent / "migrations"
LOCK_KEY = 0x0DD5_0001
"""Advisory lock of who migrates."""

LOCK_TIMEOUT_S = 60
"""How long one waits for another that migrates, or for a table."""

_TABLE = """
CREATE TABLE IF NOT EXISTS public.schema_migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(NamedTuple):
    """One file."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """All files, in the order they are applied in."""
    return [Migration(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql"))]


def missing(migrations: Sequence[Migration], applied: Sequence[tuple[str, str]]) -> list[Migration]:
    """What is still to be applied, after (name, checksum) of what was. Raises MigrationRefused."""
    ours = {migration.name: migration.checksum for migration in migrations}
    for name, checksum in applied:
        if name not in ours:
            raise MigrationRefused(f"the database has migration {name}, which this version does not know: it is older")
        if ours[name] != checksum:
            raise MigrationRefused(f"migration {name} is not the one that was applied")
    done = {name for name, _ in applied}
    pending = [migration for migration in migrations if migration.name not in done]
    if pending and done and pending[0].name < max(done):
        raise MigrationRefused(f"migration {pending[0].name} comes before {max(done)}, which was applied already")
    return pending


async def migrate(settings: DatabaseSettings, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Applies what is missing; gives its names. Raises DatabaseUnavailable, MigrationRefused."""
    wanted = read_migrations() if migrations is None else migrations
    with told_apart(settings.shown):
        connection = await asyncpg.connect(**connect_options(settings))
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
                await connection.execute(_TABLE)
                rows = await connection.fetch("SELECT name, checksum FROM public.schema_migrations ORDER BY name")
                pending = missing(wanted, [(row["name"], row["checksum"]) for row in rows])
                for migration in pending:
                    await _apply(connection, migration)
        finally:
            connection.terminate()
    return [migration.name for migration in pending]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        await connection.execute(migration.sql)
    except asyncpg.PostgresSyntaxError as error:
        raise MigrationRefused(f"migration {migration.name}: {error}") from error
    await connection.execute(
        "INSERT INTO public.schema_migrations (name, checksum) VALUES ($1, $2)", migration.name, migration.checksum
    )
