"""From the API to a private stream: a ticket, the shard to go to, a socket; and nothing without."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer, free_port
from feeds.contract.settings import BusSettings
from gateway.access.principal import Plan, Principal
from gateway.access.principal import Scope as AccessScope
from gateway.api.around import Around
from gateway.api.edge import App, Exchange, Receive, Scope, Send
from gateway.api.main import Gateway
from gateway.api.settings import ApiSettings, TicketSettings
from tests.bus import LANES
from tests.gateway.rsgi import RsgiTransport
from tests.journeys.line import the_line
from tests.journeys.part import started

pytestmark = pytest.mark.journey

KEYS = "k1:" + "s" * 32
WITHIN_S = 20.0
ALL = Principal(
    subject="key:K1", account=None, scopes=frozenset({"odds", "props", "history", "stream"}), plan=Plan(name="all")
)
SLOW = Principal(subject="sub:A1", account="A1", scopes=frozenset({"odds", "stream"}), plan=Plan(name="s", tier_ms=250))


class Api:
    """A gateway on the log. `who` asks."""

    def __init__(self, nats_url: str) -> None:
        self.who: Principal | None = ALL
        self.opened = ""
        connection = Connection(nats_url, name="gateway")
        bus = BusSettings(nats_url=nats_url, lanes=LANES)
        self.gateway = Gateway(
            ApiSettings(access_log="none"), bus, connection, around=Around(tickets=TicketSettings().keys())
        )
        self.connection = connection
        transport = RsgiTransport(self.gateway.front((self._known,)))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    def _known(self, app: App) -> App:
        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            exchange: Exchange = scope["exchange"]
            exchange.principal = self.who
            await app(scope, receive, send)

        return layer

    async def ticket(self, body: bytes = b"", **headers: str) -> httpx.Response:
        return await self.client.post("/v1/stream/tickets", content=body, headers=headers)

    async def endpoint(self, **query: str) -> dict[str, Any]:
        """Once a shard serves."""
        async with asyncio.timeout(WITHIN_S):
            while (answer := await self.client.get("/v1/stream/endpoint", params=query)).status_code == 503:
                assert answer.headers["retry-after"]
                assert answer.json()["code"] == "no_shard"
                await self.gateway.fleet.read()
                await asyncio.sleep(0.02)
        found: dict[str, Any] = answer.json()
        return found

    async def heard(self, url: str, body: bytes, topic: str) -> list[dict[str, Any]]:
        """What a socket hears that a fresh ticket opened; another where nobody can tell whether the first is spent."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                self.opened = f"{url}?ticket={(await self.ticket(body)).json()['ticket']}"
                try:
                    return await heard(self.opened, topic)
                except InvalidStatus as refused:
                    assert refused.response.status_code == 503  # noqa: PT017 what else it may be is a fault
                    await asyncio.sleep(0.1)


@asynccontextmanager
async def api(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setenv("ODDSWIRE_FANOUT_TICKET_KEYS", KEYS)
    made = Api(nats_url)
    async with made.connection, made.client:
        yield made


async def heard(url: str, topic: str, *, conflate_ms: int = 0) -> list[dict[str, Any]]:
    """What a socket hears of a topic until that is live, or refused."""
    said: list[dict[str, Any]] = []
    async with asyncio.timeout(WITHIN_S), connect(url) as socket:
        await socket.send(json.dumps({"op": "subscribe", "id": 1, "topics": [topic], "conflate_ms": conflate_ms}))
        async for text in socket:
            said.append(json.loads(text))
            if said[-1]["t"] in ("live", "error"):
                break
    return said


async def test_ticket_endpoint_and_socket(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    monkeypatch.setenv("ODDSWIRE_FANOUT_PUBLIC_TOPICS", "false")
    monkeypatch.setenv("ODDSWIRE_FANOUT_ADMISSION_LAG_MS", "60000")  # however busy this machine is
    async with the_line(nats_server), api(nats_server.url, monkeypatch) as asked, AsyncExitStack() as stack:
        for n in (1, 2):
            words = ("--name", f"f-{n}", "--port", str(free_port()), "--nats", nats_server.url)
            await stack.enter_async_context(started("fanout", "run", *words))
        while len((await asked.endpoint(topics="football.nfl.E1", device="d1"))["alternates"]) < 1:
            await asked.gateway.fleet.read()
        found = await asked.endpoint(topics="football.nfl.E1", device="d1")
        assert {found["shard"], found["alternates"][0]["shard"]} == {"f-1", "f-2"}
        assert [(await asked.endpoint(topics="football.nfl.E1", device="d1"))["shard"] for _ in range(5)] == [
            found["shard"]
        ] * 5
        assert {(await asked.endpoint(device=f"d{n}"))["shard"] for n in range(30)} == {"f-1", "f-2"}

        with pytest.raises(InvalidStatus) as refused:
            await heard(found["url"], "football")
        assert refused.value.response.status_code == 401

        said = await asked.heard(found["url"], b'{"topics":["football.nfl"]}', "football.nfl")
        url = asked.opened
        assert [market["id"] for one in said if one["t"] == "img" for market in one["m"]] == ["M1"]
        with pytest.raises(InvalidStatus):
            await heard(url, "football.nfl")

        [*_, error] = await asked.heard(found["url"], b'{"topics":["soccer"]}', "football.nfl")
        assert error["code"] == "not_entitled"

        asked.who = SLOW
        said = await asked.heard(found["url"], b'{"topics":["football:main"]}', "football:main")
        assert [one["conflate_ms"] for one in said if one["t"] == "subscribed"] == [250]


async def test_who_gets_which_ticket(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with the_line(nats_server), api(nats_server.url, monkeypatch) as asked:

        async def granted(body: bytes) -> Any:
            answer = await asked.ticket(body)
            said = answer.json()
            if answer.status_code != 201:
                return said["code"]
            claims = jwt.decode(said["ticket"], "s" * 32, algorithms=["HS256"], audience="oddswire-stream")
            assert claims["topics"] == said["topics"]
            return claims["sub"], claims["tier_ms"], claims["topics"]

        assert await granted(b"") == ("key-K1", 0, ["*"])
        assert await granted(b'{"topics":["a","a","b:prop"]}') == ("key-K1", 0, ["a", "b:prop"])
        for body, code in (
            (b'{"topics":["No"]}', "bad_topic"),
            (b'{"topics":["account"]}', "insufficient_scope"),
            (b'{"topics":[]}', "bad_body"),
            (b'{"topics":"a"}', "bad_body"),
            (b'{"topic":["a"]}', "bad_body"),
            (b"[]", "bad_body"),
            (b"\xff", "bad_body"),
            (b'{"topics":["' + b"a" * 20_000 + b'"]}', "body_too_large"),
        ):
            assert await granted(body) == code
        asked.who = SLOW
        assert await granted(b'{"topics":["football"]}') == (
            *("A1", 250),
            [f"football:{cls}" for cls in ("alternate", "future", "main", "special")],
        )
        assert await granted(b'{"topics":["football:prop"]}') == "not_in_plan"
        assert await granted(b'{"topics":["account"]}') == "insufficient_scope"
        better: frozenset[AccessScope] = frozenset({"bets"})
        asked.who = Principal(subject="sub:A1", account="A1", scopes=better, plan=Plan(name="p", pre_match=True))
        assert await granted(b'{"topics":["account"]}') == ("A1", 0, ["account"])
        assert await granted(b'{"topics":["account","football"]}') == "insufficient_scope"
        asked.who = Principal(subject="key:K1", account=None, scopes=better, plan=Plan(name="p"))
        assert await granted(b'{"topics":["account"]}') == "no_account"
        asked.who = Principal(subject="x", account="A1", scopes=ALL.scopes, plan=Plan(name="p", pre_match=True))
        assert await granted(b"") == "not_in_plan"
        asked.who = Principal(subject="x", account="A1", scopes=frozenset({"odds"}), plan=Plan(name="p"))
        assert await granted(b"") == "insufficient_scope"
        asked.who = None
        assert await granted(b"") == "unauthenticated"
        for query in ("topics=No", "device=a%20b", "topics=" + ",".join(["a"] * 51)):
            assert (await asked.client.get(f"/v1/stream/endpoint?{query}")).status_code == 400
