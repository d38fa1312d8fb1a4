"""Who excludes himself loses the open stream, and gets no other: gateway, shard, NATS and PostgreSQL are real."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from feeds.adapters.server import NatsServer, free_port
from gateway.access.principal import Plan, Principal
from gateway.api.accounts import revoke
from gateway.bets.service import Around, BetsService
from gateway.bets.settings import BetsSettings
from gateway.store.binaries import candidates
from gateway.store.child import PostgresServer
from gateway.store.migrations import migrate
from gateway.store.settings import DatabaseSettings
from tests.bus import LANES
from tests.gateway.bets.worker import money_pool
from tests.journeys.line import the_line
from tests.journeys.part import started
from tests.journeys.test_way_to_the_stream import WITHIN_S, Api, api

pytestmark = pytest.mark.journey

MAIN = b'{"topics":["football:main"]}'
WHO = Principal(subject="sub:A1", account="A1", scopes=frozenset({"odds", "stream", "bets"}), plan=Plan(name="all"))


@pytest.fixture
async def database() -> AsyncIterator[DatabaseSettings]:
    """A migrated one of a server of its own."""
    directory = Path(tempfile.mkdtemp(prefix="oddswire-test-pg-"))
    server = PostgresServer(directory=directory, port=free_port(), among=candidates()[:1])
    await server.start()
    try:
        settings = DatabaseSettings(url=SecretStr(server.url))
        await migrate(settings)
        yield settings
    finally:
        await server.stop()
        shutil.rmtree(directory)


def _no_problem(code: str, request_id: str) -> bytes:
    """Of a bet that is refused, and here nobody bets."""
    raise AssertionError((code, request_id))


async def opened(asked: Api, url: str) -> ClientConnection:
    """A socket that a fresh ticket opened and that is live."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            ticket = (await asked.ticket(MAIN)).json()["ticket"]
            try:
                socket = await connect(f"{url}?ticket={ticket}")
            except InvalidStatus as refused:
                assert refused.response.status_code == 503  # noqa: PT017 what else it may be is a fault
                await asyncio.sleep(0.1)
                continue
            await socket.send(json.dumps({"op": "subscribe", "id": 1, "topics": ["football:main"], "conflate_ms": 0}))
            async for text in socket:
                if json.loads(text)["t"] == "live":
                    return socket


async def test_an_exclusion_ends_the_stream(
    nats_server: NatsServer, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    monkeypatch.setenv("ODDSWIRE_FANOUT_PUBLIC_TOPICS", "false")
    monkeypatch.setenv("ODDSWIRE_FANOUT_ADMISSION_LAG_MS", "60000")  # however busy this machine is
    async with the_line(nats_server), api(nats_server.url, monkeypatch) as asked, money_pool(database) as pool:
        gateway = asked.gateway
        around = Around("w", 4, _no_problem, revoke=partial(revoke, gateway._coordination, gateway._publish))
        gateway.desk.service = service = BetsService(pool, gateway.book, BetsSettings(), around)
        running = asyncio.create_task(service.revoking.run())
        asked.who = WHO
        words = ("--name", "f-1", "--port", str(free_port()), "--nats", nats_server.url)
        async with started("fanout", "run", *words):
            url = (await asked.endpoint())["url"]
            socket = await opened(asked, url)
            spare = (await asked.ticket(MAIN)).json()["ticket"]
            said = await asked.client.post("/v1/account/time-outs", json={"hours": 1})
            assert said.status_code == 201
            async with asyncio.timeout(WITHIN_S):
                await socket.wait_closed()
            assert socket.close_code == 4003
            for answer in (await asked.ticket(MAIN), await asked.client.get("/v1/stream/endpoint")):
                assert (answer.status_code, answer.json()["code"]) == (403, "excluded")
                assert answer.json()["until"] == said.json()["until"]
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{url}?ticket={spare}")
            assert refused.value.response.status_code == 401
            running.cancel()
