"""Who tells, the bus and the gateway killed while money moves: devices have everything, in order, each once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fanout.client import OddsStream
from fanout.contract.replica import Message
from feeds.adapters.server import NatsServer, free_port
from gateway.access.development import development_keys
from gateway.client import OddsApi
from gateway.news.tables import NewsTables
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import LANES
from tests.fanout.serving import QUICK
from tests.gateway.bets.worker import fund, one_postgres
from tests.gateway.news.telling import KEYS, WITHIN_S, shard_of, ticket, url_of
from tests.journeys.line import the_line
from tests.journeys.part import Part, started

pytestmark = [pytest.mark.journey, one_postgres]

ACCOUNTS = ("u1", "u2")
PAUSE_S = 0.01
MOVES = 12
"""Movements of each account before something is killed, and after."""


class Follower:
    """A device by the reference client, and what it showed."""

    def __init__(self, account: str, stream: OddsStream) -> None:
        self.account = account
        self.stream = stream
        self.shown: list[Message] = []

    async def run(self) -> None:
        async with self.stream:
            async for message in self.stream:
                if message["t"] == "account":
                    self.shown.append(message)


class Mover:
    """Money that moves, one movement of each account after the other."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.moved = 0

    async def run(self) -> None:
        while True:
            for account in ACCOUNTS:
                await fund(self.database, account, 100)
            self.moved += 1
            await asyncio.sleep(PAUSE_S)

    async def more(self) -> None:
        """Waits for so many movements."""
        until = self.moved + MOVES
        async with asyncio.timeout(WITHIN_S):
            while self.moved < until:  # noqa: ASYNC110 the database tells nobody
                await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def api_of(port: int, place: Path, account: str) -> AsyncIterator[OddsApi]:
    token = development_keys(place).token(account, ("odds", "bets"), ttl_s=600)
    async with OddsApi(f"http://127.0.0.1:{port}", bearer=token) as api:
        yield api


async def test_news_are_complete_and_in_order_whoever_is_killed(
    money: Database,
    settings: DatabaseSettings,
    nats_server: NatsServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database, port = settings.url.get_secret_value(), free_port()
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    monkeypatch.setenv("ODDSWIRE_ACCESS_ENVIRONMENT", "development")
    monkeypatch.setenv("ODDSWIRE_ACCESS_DEVELOPMENT_DIR", str(tmp_path))
    monkeypatch.setenv("ODDSWIRE_BETS_DEVELOPMENT", "true")
    monkeypatch.setenv("ODDSWIRE_FANOUT_TICKET_KEYS", KEYS)
    where = ("--nats", nats_server.url, "--database", database)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        await enter(the_line(nats_server))
        server = await enter(shard_of(nats_server.url))
        telling, gateway = await asyncio.gather(
            enter(started("gateway", "news", *where)), enter(started("gateway", "serve", "--port", str(port), *where))
        )
        followers = [await _follower(stack, account, url_of(server), port, tmp_path) for account in ACCOUNTS]
        mover = Mover(money)
        running = [asyncio.ensure_future(mover.run()), *(asyncio.ensure_future(one.run()) for one in followers)]
        await _kills(mover, telling, gateway, nats_server)
        running[0].cancel()
        await asyncio.wait(running[:1])
        for follower in followers:
            await _is_whole(follower, NewsTables(money))
        await _is_watched(followers[0], url_of(server), port, tmp_path)
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def _follower(stack: AsyncExitStack, account: str, url: str, port: int, place: Path) -> Follower:
    api = await stack.enter_async_context(api_of(port, place, account))

    async def authorize() -> str:
        return ticket(account)

    stream = OddsStream(["account"], urls=[url], limits=QUICK, authorize=authorize, events=api.account_events)
    stream.account.hold(0)
    return Follower(account, stream)


async def _kills(mover: Mover, telling: Part, gateway: Part, nats: NatsServer) -> None:
    await mover.more()
    await telling.end(signal.SIGKILL)
    await mover.more()
    await telling.start()
    await mover.more()
    await nats.kill()
    await mover.more()
    await gateway.end(signal.SIGKILL)
    await nats.start()
    await mover.more()
    await gateway.start()
    await mover.more()


async def _is_watched(follower: Follower, url: str, port: int, place: Path) -> None:
    """By `watch account`, with a token alone."""
    token = development_keys(place).token(follower.account, ("bets",), ttl_s=600)
    where = ("--url", url, "--api", f"http://127.0.0.1:{port}", "--for", "1.5")
    watching = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fanout", "watch", "account", *where),
        env={**os.environ, "ODDSWIRE_WATCH_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await watching.communicate()
    assert watching.returncode == 0
    assert f"account {follower.stream.account.seq}  state  0 running bets  cash " in out.decode()


async def _is_whole(follower: Follower, tables: NewsTables) -> None:
    events: list[Any] = []
    while True:
        page = await tables.events(follower.account, after=len(events), limit=100)
        events += page.items
        if len(events) == page.newest:
            break
    async with asyncio.timeout(WITHIN_S):
        while follower.stream.account.seq != len(events):  # noqa: ASYNC110 the client tells by its messages
            await asyncio.sleep(PAUSE_S)
    news = [one for one in follower.shown if one["kind"] != "state"]
    assert [one["seq"] for one in news] == list(range(1, len(events) + 1))
    assert [(one["kind"], one["ts"]) for one in news] == [(one.kind, one.ts) for one in events]
    assert follower.stream.account.skipped == 0
    assert len(events) > 5 * MOVES
