"""From a transaction to devices: everything in order, to nobody else, and the same by REST."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from feeds.adapters.server import NatsServer
from gateway.access.keys import wish
from gateway.access.secret import make_key
from gateway.access.store import PostgresKeys
from gateway.news.relay import MESSAGE_BYTES_MAX, parts
from gateway.news.tables import NewsTables
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import eventually
from tests.fanout.serving import until
from tests.gateway.bets.worker import Worker, fund, one_postgres
from tests.gateway.news.telling import Told, phone, shard_of, shown, telling, ticket, url_of

pytestmark = [pytest.mark.journey, one_postgres]


async def tell(connection: Any, owner: str, kind: str = "message") -> None:
    await connection.execute("SELECT money.tell($1, $2, '{}', clock_timestamp())", owner, kind)


async def test_state_then_news_of_money_and_bets_and_the_same_by_rest(told: Told) -> None:
    worker = told.worker
    await worker.deposit("100.00", "u1")
    async with told.stream("u1") as stream:
        [state] = await shown(stream, 1)
        assert state["kind"] == "state"
        assert state["data"]["wallet"] == await worker.get("/v1/wallet", "u1")
        assert state["data"]["bets"] == []
        assert (await worker.place(account="u1")).status_code == 201
        bets = (await worker.get("/v1/bets", "u1"))["items"]
        await fund(told.database, "u2", 100)
        await worker.deposit("5.00", "u1")
        placed, balance = await shown(stream, 3)
        assert (placed["kind"], balance["kind"]) == ("bet_placed", "balance")
        assert placed["data"]["bet"] == bets[0]["id"]
        assert placed["data"]["stake"] == "10.00"
        assert balance["data"]["wallet"] == await worker.get("/v1/wallet", "u1") == stream.account.wallet
        assert set(stream.account.bets) == {bets[0]["id"]}
    async with told.stream("u1", sse=True) as stream:
        [state] = await shown(stream, 3)
        assert state["data"]["bets"] == bets
    page = await worker.get("/v1/account/events", "u1")
    assert [{"t": "account", **item} for item in page["items"][1:]] == [placed, balance]
    assert (page["seq"], page["next_page_token"]) == (3, None)


async def test_pages_of_events_have_limits_and_are_ones_own(told: Told) -> None:
    for _ in range(5):
        await fund(told.database, "u1", 100)
    get, seqs, token = told.worker.get, [], "&after=0"
    while token:
        page = await get(f"/v1/account/events?limit=2{token}", "u1")
        assert (len(page["items"]) <= 2, page["seq"]) == (True, 5)
        seqs += [item["seq"] for item in page["items"]]
        token = page["next_page_token"] and f"&page_token={page['next_page_token']}"
        foreign = await told.worker.client.get(f"/v1/account/events?limit=2{token}", headers={"x-account": "u2"})
        assert not token or foreign.json()["code"] == "bad_page_token"
    assert seqs == [1, 2, 3, 4, 5]
    assert await get("/v1/account/events?after=4", "u1") == await get("/v1/account/events?after=4&limit=1", "u1")
    assert await get("/v1/account/events", "u2") == {"items": [], "seq": 0, "next_page_token": None}
    for query in ("after=-1", "limit=0", "limit=101", "after=x", "after=1&page_token=x", "page_token=x"):
        said = await told.worker.client.get(f"/v1/account/events?{query}", headers={"x-account": "u1"})
        assert said.status_code == 400, query


async def test_nobody_hears_of_another_s_account(told: Told) -> None:
    await fund(told.database, "u1", 100)
    server = told.server
    async with (
        phone(server, ticket("u2")) as other,
        phone(server, ticket("u1", "football")) as odds,
        phone(server, ticket("u1", "*")) as everything,
        phone(server, "") as nobody,
        phone(server, ticket("u1")) as own,
        phone(server, ticket("u2"), "account", "account.u1") as asking,
    ):
        await eventually(lambda: own.news == [("state", 1)] and other.news == [("state", 0)])
        await eventually(lambda: all(one.messages[1:] for one in (odds, everything, nobody, asking)))
        await fund(told.database, "u1", 100)
        await eventually(lambda: own.news == [("state", 1), ("balance", 2)])
        await fund(told.database, "u2", 100)
        await eventually(lambda: other.news == [("state", 0), ("balance", 1)])
        assert odds.messages[1]["code"] == everything.messages[1]["code"] == "not_entitled"
        assert nobody.messages[1]["code"] == "unauthenticated"
        assert asking.messages[1]["code"] == "bad_topic"
        assert not any(one.news for one in (odds, everything, nobody, asking))
    for text, status in ((ticket("u1", "football"), b"403"), ("", b"401")):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = "GET /v1/stream/sse?topics=account HTTP/1.1\r\nHost: a\r\n"
        writer.write((head + (f"Authorization: Bearer {text}\r\n" if text else "") + "\r\n").encode())
        assert (await reader.readline()).split()[1] == status
        writer.close()


async def test_who_commits_late_is_not_passed_over(
    told: Told, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fanout.accounts.AUDIT_MS", 3_600_000)  # what is told is to be enough
    for owner in ("u1", "u2"):
        await fund(told.database, owner, 100)
    late = await asyncpg.connect(settings.url.get_secret_value())
    async with phone(told.server, ticket("u1")) as first, phone(told.server, ticket("u2")) as second:
        await eventually(lambda: bool(first.news and second.news))
        undone = late.transaction()
        await undone.start()
        await tell(late, "u2")
        await undone.rollback()
        async with late.transaction():
            await tell(late, "u1")
            async with told.database.connection() as connection:
                await tell(connection, "u2", "limit")
            await eventually(lambda: second.news == [("state", 1), ("limit", 2)])
            assert first.news == [("state", 1)]
        await eventually(lambda: first.news == [("state", 1), ("message", 2)])
    await late.close()


async def test_many_at_once_come_page_by_page(money: Database, nats_server: NatsServer) -> None:
    await fund(money, "u1", 100)
    async with (
        telling(money, nats_server.url, page=7) as metrics,
        shard_of(nats_server.url) as server,
        phone(server, ticket("u1")) as own,
    ):
        await eventually(lambda: bool(own.news))
        await money.execute("SELECT money.tell('u1', 'message', '{}', now()) FROM generate_series(1, 100)")
        await eventually(lambda: len(own.news) == 101)
        assert own.news == [("state", 1), *(("message", 2 + n) for n in range(100))]
        assert metrics.too_large._value.get() == 0
        news = (await NewsTables(money).events("u1", after=0, limit=100)).items
        assert parts(news) == [list(news)]
        assert sum(map(len, parts(news * 100))) == 100 * len(news)
        assert len(parts(news * 100)) > len(b"".join(bytes(one.data) for one in news * 100)) // MESSAGE_BYTES_MAX


async def test_revoked_accounts_and_keys_hear_nothing_more(told: Told) -> None:
    store = PostgresKeys(told.database)
    record = await store.create(wish(name="", scopes=("bets",), plan="unlimited", account="u1"), make_key())
    by_key = ticket("u1", by=f"key/{record.id}")
    async with (
        phone(told.server, by_key) as bought,
        phone(told.server, ticket("u1")) as own,
        phone(told.server, ticket("u2")) as other,
    ):
        await eventually(lambda: bool(bought.news and own.news and other.news))
        await store.revoke(record.id)
        await eventually(lambda: bought.code == 4003)
        await fund(told.database, "u1", 100)
        await eventually(lambda: own.news == [("state", 0), ("balance", 1)])
        assert bought.news == [("state", 0)]
        await asyncio.sleep(1.1 - asyncio.get_running_loop().time() % 1)  # tickets are as old as their second
        await store.revoke_account("u1")
        await eventually(lambda: own.code == 4003)
        await fund(told.database, "u1", 100)
        await fund(told.database, "u2", 100)
        await eventually(lambda: other.news == [("state", 0), ("balance", 1)])
        assert own.news == [("state", 0), ("balance", 1)]
    with pytest.raises(InvalidStatus):
        await connect(f"{url_of(told.server)}?ticket={ticket('u1', by=f'key/{record.id}')}")


async def test_a_device_that_was_away_asks_for_what_it_missed(told: Told) -> None:
    for _ in range(3):
        await fund(told.database, "u1", 100)
    stream = told.stream("u1")
    stream.account.hold(1)
    async with stream:
        assert [(one["kind"], one["seq"]) for one in await shown(stream, 3)] == [("balance", 2), ("balance", 3)]
        [state] = await shown(stream, 3)
        assert (state["kind"], stream.account.holes, stream.account.skipped) == ("state", 1, 0)


async def test_two_who_tell_are_heard_once(told: Told, money: Database, nats_server: NatsServer) -> None:
    async with telling(money, nats_server.url), phone(told.server, ticket("u1")) as own:
        for _ in range(20):
            await fund(told.database, "u1", 100)
        await eventually(lambda: own.news[-1:] == [("balance", 20)])
        first = own.news[0][1]
        assert own.news == [("state", first), *(("balance", seq) for seq in range(first + 1, 21))]


async def test_while_nobody_tells_the_topic_waits_and_then_begins(
    money: Database, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fanout.accounts.WAITING_MS", 100)
    worker = Worker(money)
    async with shard_of(nats_server.url) as server, worker.client, Told(worker, server, money).stream("u1") as stream:
        await until(stream, lambda message: message["t"] == "waiting")
        assert stream.states == {"account": "rebuilding"}
        async with telling(money, nats_server.url):
            await shown(stream, 0)
            assert stream.states == {"account": "live"}
