"""What tests of account news share: who tells, a shard, and devices, over a real nats-server and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from fanout.client import AskEvents, Events, OddsStream
from fanout.contract.replica import Message
from fanout.contract.tickets import Grant, parse_keys
from fanout.main import ask_news, follow_accounts
from fanout.server import Server
from fanout.settings import FanoutSettings
from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from gateway.news.main import tell_news
from gateway.news.metrics import NewsMetrics
from gateway.news.settings import NewsSettings
from gateway.store.pool import Database
from tests.bus import LANES, eventually
from tests.fanout.serving import QUICK
from tests.gateway.bets.worker import Worker

KEYS = "k1:" + "s" * 32
WITHIN_S = 60.0


def ticket(account: str, *topics: str, by: str = "") -> str:
    """A ticket of an account, for its news unless other topics are named."""
    now_s = int(time.time())
    grant = Grant(account, topics or ("account",), 0, now_s + 3_600, by=by)
    return parse_keys(KEYS).mint(grant, now_s)


@asynccontextmanager
async def telling(database: Database, nats_url: str, **settings: Any) -> AsyncIterator[NewsMetrics]:
    """Who tells, as the process does it."""
    metrics = NewsMetrics()
    async with Connection(nats_url, name="news") as connection:
        coordination = NatsCoordination(connection)
        chosen = NewsSettings.model_validate({"poll_ms": 10, "revocations_ms": 50, **settings})
        running = asyncio.ensure_future(tell_news(database, connection, coordination, chosen, metrics))
        try:
            yield metrics
        finally:
            running.cancel()
            await asyncio.wait([running])


@asynccontextmanager
async def shard_of(nats_url: str, name: str = "s-1", **settings: Any) -> AsyncIterator[Server]:
    """A shard whose odds are public and which knows tickets, as the process wires it."""
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(Connection(nats_url, name=name))
        server = Server(
            FanoutSettings.model_validate({"name": name, "port": 0, "ticket_keys": KEYS, "hb_ms": 500, **settings}),
            lanes=LANES,
            connected=lambda: connection.connected,
            make_reader=lambda sink: LogReader(connection, lanes=LANES, log_age_s=3600, sink=sink),
            coordination=NatsCoordination(connection),
            ask=lambda question: ask_news(connection, question),
        )
        await stack.enter_async_context(server.serve())
        await follow_accounts(stack, connection, server)
        revocations = server.revocations
        assert revocations is not None
        await eventually(lambda: revocations.known)
        yield server


def url_of(server: Server) -> str:
    """Its stream."""
    return f"ws://127.0.0.1:{server.port}/v1/stream"


class Phone:
    """A socket that keeps what it hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[Message] = []
        self.code: int | None = None
        self.reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self.messages.append(json.loads(text))
        except ConnectionClosed as closed:
            assert closed.rcvd is not None  # noqa: PT017 that is how it ends
            self.code = closed.rcvd.code

    async def subscribe(self, *topics: str) -> None:
        await self.socket.send(json.dumps({"op": "subscribe", "id": 1, "topics": topics}))

    @property
    def news(self) -> list[tuple[str, int]]:
        return [(one["kind"], one["seq"]) for one in self.messages if one["t"] == "account"]


@asynccontextmanager
async def phone(server: Server, text: str, *topics: str) -> AsyncIterator[Phone]:
    """A socket that a ticket opened, and what it subscribes to."""
    async with connect(f"{url_of(server)}?ticket={text}" if text else url_of(server), compression=None) as socket:
        made = Phone(socket)
        await made.subscribe(*(topics or ("account",)))
        yield made
        made.reading.cancel()


class Told(NamedTuple):
    """A worker, a shard, and the database both are about."""

    worker: Worker
    server: Server
    database: Database

    def stream(self, account: str, *, sse: bool = False, events: AskEvents | None = None) -> OddsStream:
        """The reference client of an account."""

        async def authorize() -> str:
            return ticket(account)

        async def ask(after: int) -> Events:
            page = await self.worker.get(f"/v1/account/events?after={after}", account)
            return Events(page["items"], page["seq"])

        return OddsStream(
            ["account"], urls=[url_of(self.server)], sse=sse, limits=QUICK, authorize=authorize, events=events or ask
        )


async def shown(stream: OddsStream, seq: int) -> list[Message]:
    """Messages of the account, up to that number."""
    found: list[Message] = []
    async with asyncio.timeout(WITHIN_S):
        async for message in stream:
            if message["t"] == "account":
                found.append(message)
                if message["seq"] >= seq:
                    return found
    raise AssertionError("the stream ended")
