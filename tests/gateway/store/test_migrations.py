"""Migrations: applied once whoever runs them, never changed, never half."""

from __future__ import annotations

import asyncio

import pytest

from gateway.store.errors import MigrationRefused
from gateway.store.migrations import Migration, migrate, missing, read_migrations
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings

ONE = Migration("0001_one", "CREATE TABLE one (id int)")
TWO = Migration("0002_two", "CREATE TABLE two (id int)")


def test_what_was_applied_is_not_missing() -> None:
    assert missing([ONE, TWO], [(ONE.name, ONE.checksum)]) == [TWO]
    assert missing([ONE, TWO], []) == [ONE, TWO]


@pytest.mark.parametrize(
    ("applied", "words"),
    [
        ([("0003_three", "x")], "does not know"),
        ([("0001_one", "x")], "not the one that was applied"),
        ([(TWO.name, TWO.checksum)], "comes before"),
    ],
)
def test_a_schema_that_ours_do_not_lead_from_is_refused(applied: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(MigrationRefused, match=words):
        missing([ONE, TWO], applied)


async def test_of_many_at_once_one_applies_all(settings: DatabaseSettings, database: Database) -> None:
    done = await asyncio.gather(*(migrate(settings) for _ in range(5)))
    names = [migration.name for migration in read_migrations()]
    assert sorted(done) == [[], [], [], [], names]
    rows = await database.fetch("SELECT name FROM public.schema_migrations ORDER BY name")
    assert [row["name"] for row in rows] == names


async def test_one_that_fails_leaves_nothing(settings: DatabaseSettings, database: Database) -> None:
    bad = Migration("0002_bad", "CREATE TABLE two (id int); SELEKT 1")
    with pytest.raises(MigrationRefused, match="0002_bad"):
        await migrate(settings, [ONE, bad])
    assert await database.fetch("SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
    assert await migrate(settings, [ONE, TWO]) == ["0001_one", "0002_two"]
