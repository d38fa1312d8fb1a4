"""The pool when the server behind its address takes no writes any more, as after a failover."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from pydantic import SecretStr, ValidationError

from gateway.store.errors import DatabaseUnavailable, NotConnected, NotTheWriter
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings

BACKENDS = 3


async def backends(database: Database) -> set[int]:
    """Processes of the server behind connections that are held at once."""
    met = asyncio.Barrier(BACKENDS)

    async def one() -> int:
        async with database.connection() as connection, asyncio.timeout(10):
            await met.wait()
            pid: int = await connection.fetchval("SELECT pg_backend_pid()")
            return pid

    return set(await asyncio.gather(*(one() for _ in range(BACKENDS))))


async def take_writes(settings: DatabaseSettings, *, taken: bool) -> None:
    """Turns the database's sessions-to-be; those that are open stay as they are."""
    connection = await asyncpg.connect(settings.url.get_secret_value())
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute("SET default_transaction_read_only = off")
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {'off' if taken else 'on'}")
    await connection.close()


async def test_after_a_refused_write_no_connection_of_the_pool_is_used_again(database: Database) -> None:
    await database.execute("CREATE TABLE thing (n int)")
    before = await backends(database)

    async def written_while_demoted() -> None:
        async with database.connection() as connection:
            await connection.execute("SET default_transaction_read_only = on")
            await connection.execute("INSERT INTO thing VALUES (1)")

    with pytest.raises(NotTheWriter):
        await written_while_demoted()
    await database.execute("INSERT INTO thing VALUES (2)")
    assert [row["n"] for row in await database.fetch("SELECT n FROM thing")] == [2]
    assert not before & await backends(database)


async def test_a_server_that_takes_no_writes_is_no_writer_until_it_takes_them(settings: DatabaseSettings) -> None:
    await take_writes(settings, taken=False)
    async with open_database(settings) as pool:
        with pytest.raises(NotConnected):
            await pool.row("SELECT 1")
        await take_writes(settings, taken=True)
        assert await pool.row("SELECT 1") is not None


async def test_questions_about_the_past_may_go_to_a_server_that_takes_no_writes(settings: DatabaseSettings) -> None:
    await take_writes(settings, taken=False)
    split = DatabaseSettings(url=SecretStr("postgresql://nobody@127.0.0.1:1/none"), reader_url=settings.url)
    async with open_database(split.reader, replica=True) as pool:
        assert await pool.row("SELECT 1") is not None
        with pytest.raises(DatabaseUnavailable):
            await pool.execute("CREATE TABLE thing (n int)")


def test_without_a_reader_the_writer_is_asked_and_a_reader_must_be_an_address(settings_url: SecretStr) -> None:
    alone = DatabaseSettings(url=settings_url)
    assert alone.reader is alone
    with pytest.raises(ValidationError, match="reader_url"):
        DatabaseSettings(url=settings_url, reader_url=SecretStr("10.0.0.1:5432"))


@pytest.fixture
def settings_url() -> SecretStr:
    return SecretStr("postgresql://oddswire@127.0.0.1:5432/oddswire")
