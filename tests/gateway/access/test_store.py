"""Keys where they are kept: one suite over memory and PostgreSQL; and the commands over the real one."""

import asyncio
import json
import time
from argparse import Namespace
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from feeds.adapters.server import free_port
from feeds.contract.errors import Refused
from gateway.access.command import keys
from gateway.access.keys import is_that_of, wish
from gateway.access.ports import KeyStore
from gateway.access.secret import hash_of, id_of, make_key
from gateway.access.store import PostgresKeys
from gateway.commands import parser
from gateway.store.errors import DatabaseUnavailable
from gateway.store.migrations import migrate
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from tests.gateway.access.memory_keys import MemoryKeys


@pytest.fixture
async def kept(settings: DatabaseSettings, database: Database) -> PostgresKeys:
    await migrate(settings)
    return PostgresKeys(database)


async def suite(store: KeyStore) -> None:
    """What every store does."""
    assert await store.list() == []
    assert await store.find("0" * 12) is None
    assert await store.revoke("0" * 12) is None
    key, other, nobodys = make_key(), make_key(), make_key()
    later = datetime.now(UTC) + timedelta(days=1)
    wanted = wish(name="für Ω", scopes=("props", "odds"), plan="free", account="a", expires=later)
    record = await store.create(wanted, key)
    assert record == await store.find(record.id)
    assert record.id == id_of(key.encode())
    assert is_that_of(hash_of(key.encode()), record)
    assert record.scopes == ("odds", "props")
    assert (record.name, record.plan, record.account, record.revoked) == ("für Ω", "free", "a", None)
    assert record.expires is not None
    assert abs(record.expires - later) < timedelta(milliseconds=1)
    await store.create(wanted._replace(expires=None), other)
    await store.create(wish(name="", scopes=("desk",), plan="unlimited"), nobodys)
    assert {one.id for one in await store.list()} == {key[3:15], other[3:15], nobodys[3:15]}
    assert await store.revocations() == (frozenset(), {})
    revoked = await store.revoke(record.id)
    assert revoked is not None
    assert await store.revoke(record.id) == revoked, "the first time stands"
    assert (await store.revocations()).keys == {record.id}
    assert await store.revoke_account("a") == 1
    found = await store.revocations()
    assert found.keys == {record.id, other[3:15]}
    assert abs(found.accounts["a"] - time.time()) < 120
    assert (await store.find(nobodys[3:15])).revoked is None  # type: ignore[union-attr]


async def test_keys_in_memory() -> None:
    await suite(MemoryKeys())


async def test_keys_in_postgresql(kept: PostgresKeys, database: Database) -> None:
    await suite(kept)
    stored = str([tuple(row) for row in await database.fetch("SELECT * FROM access.api_key")])
    assert "ow_" not in stored


def options(*words: str) -> Namespace:
    return parser(defaultdict(lambda: lambda _: 0)).parse_args(["keys", *words])


async def test_the_commands_make_list_and_revoke(kept: PostgresKeys, settings: DatabaseSettings) -> None:
    async def run(*words: str) -> tuple[int, list[str]]:
        said: list[str] = []
        return await keys(options(*words), settings, said.append), said

    status, [shown, line] = await run("create", "--scopes", "odds,props", "--plan", "standard", "--name", "a customer")
    key = shown.removeprefix("api key: ")
    assert (status, id_of(key.encode())) == (0, key[3:15])
    assert "not shown again" in line
    made: dict[str, Any] = json.loads((await run("create", "--scopes", "bets", "--plan", "free", "--json"))[1][0])
    assert id_of(made["key"].encode()) == made["id"]
    status, lines = await run("list")
    assert (status, len(lines)) == (0, 2)
    assert lines[1] == f"{key[3:15]}  plan standard  odds,props  (a customer)"
    assert key[16:] not in str(lines)
    assert "hash" not in (await run("list", "--json"))[1][0]
    assert (await run("revoke", key[3:15]))[0] == 0
    assert (await run("revoke", "0" * 12)) == (1, [f"no key {'0' * 12}"])
    assert (await run("revoke", "--account", "nobody"))[1][0].startswith("revoked 0 keys")
    for words in (
        ("create", "--scopes", "all", "--plan", "free"),
        ("create", "--scopes", "odds", "--plan", "free", "--days", "0"),
        ("create", "--scopes", "odds", "--plan", "free", "--account", "a b"),
        ("revoke", key),
    ):
        with pytest.raises(Refused):
            await run(*words)
    assert len((await run("list"))[1]) == 2


async def test_a_database_that_is_away_or_has_no_schema_is_a_typed_error(settings: DatabaseSettings) -> None:
    async with open_database(settings) as empty:
        with pytest.raises(DatabaseUnavailable, match="oddswire migrate"):
            await PostgresKeys(empty).find("0" * 12)
    nowhere = DatabaseSettings(url=SecretStr(f"postgresql://nobody@127.0.0.1:{free_port()}/none"))
    async with asyncio.timeout(30), open_database(nowhere) as away:
        for call in (PostgresKeys(away).find("0" * 12), PostgresKeys(away).revocations()):
            with pytest.raises(DatabaseUnavailable):
                await call
