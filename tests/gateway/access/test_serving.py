"""A gateway process with keys in a real PostgreSQL: made by the command, revoked, and the database taken away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from feeds.adapters.server import NatsServer, free_port
from gateway.access.development import development_keys
from gateway.access.keys import wish
from gateway.access.secret import make_key
from gateway.access.store import PostgresKeys
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import LANES
from tests.gateway.access.relay import Relay, relaying
from tests.gateway.conftest import kinds
from tests.journeys.line import the_line
from tests.journeys.part import started

pytestmark = [pytest.mark.journey, pytest.mark.parametrize("postgres", sorted(kinds())[-1:], indirect=True)]

REVOKED_S = 50.0
"""Ten times what is promised."""

MARKET = "/v1/markets/M1"


class Serving(NamedTuple):
    """The process's client, what stands between it and PostgreSQL, and the keys as we see them."""

    client: httpx.AsyncClient
    relay: Relay
    store: PostgresKeys

    async def key(self, plan: str = "unlimited", account: str | None = None) -> dict[str, str]:
        """Headers with a fresh key."""
        key = make_key()
        await self.store.create(wish(name="", scopes=("odds", "props"), plan=plan, account=account), key)
        return {"X-API-Key": key}

    async def until(self, status: int, headers: dict[str, str]) -> httpx.Response:
        """Asks until it is answered so."""
        async with asyncio.timeout(REVOKED_S):
            while (answer := await self.client.get(MARKET, headers=headers)).status_code != status:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            return answer


@pytest.fixture
async def serving(
    nats_server: NatsServer,
    settings: DatabaseSettings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Serving]:
    await migrate(settings)
    url = settings.url.get_secret_value()
    to_port = urlsplit(url).port
    assert to_port is not None
    development_keys(tmp_path)
    for name, value in {"ENVIRONMENT": "development", "DEVELOPMENT_DIR": str(tmp_path), "POLL_S": "0.2"}.items():
        monkeypatch.setenv(f"ODDSWIRE_ACCESS_{name}", value)
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    port = free_port()
    async with relaying(to_port) as relay, the_line(nats_server):
        where = ("--nats", nats_server.url, "--database", url.replace(f":{to_port}/", f":{relay.port}/"))
        async with (
            started("gateway", "serve", "--port", str(port), *where),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            yield Serving(client, relay, PostgresKeys(database))


async def test_keys_work_at_once_end_when_revoked_and_outlive_an_outage(serving: Serving, tmp_path: Path) -> None:
    first, second, third = await serving.key(), await serving.key(account="a"), await serving.key()
    for headers in (first, second, {"X-API-Key": development_keys(tmp_path).key}):
        assert (await serving.client.get(MARKET, headers=headers)).status_code == 200
    assert (await serving.client.get(MARKET)).status_code == 401
    await serving.store.revoke(first["X-API-Key"][3:15])
    assert (await serving.until(401, first)).json()["code"] == "bad_api_key"
    token = {"Authorization": f"Bearer {development_keys(tmp_path).token('a', ['odds', 'props'], ttl_s=600)}"}
    await serving.until(200, token)
    await serving.store.revoke_account("a")
    await serving.until(401, token)
    await serving.until(401, second)
    known = await serving.key()
    assert (await serving.client.get(MARKET, headers=known)).status_code == 200
    serving.relay.close()
    answer = await serving.until(503, third)
    assert (answer.json()["code"], answer.headers["retry-after"]) == ("access_unavailable", "1")
    assert (await serving.client.get(MARKET, headers=known)).status_code == 200
    await serving.relay.open()
    await serving.until(200, third)


async def test_quotas_go_on_while_the_log_s_server_is_away(serving: Serving, nats_server: NatsServer) -> None:
    limited = await serving.key(plan="professional")
    answer = await serving.client.get(MARKET, headers=limited)
    assert '"day";r=19999999;' in answer.headers["ratelimit"]
    await nats_server.stop()
    for _ in range(3):
        assert (await serving.client.get(MARKET, headers=limited)).status_code == 200
    await nats_server.start()


async def test_granian_keeps_repeated_headers_apart(serving: Serving) -> None:
    key = (await serving.key())["X-API-Key"]
    answer = await serving.client.get(MARKET, headers=[("X-API-Key", key), ("X-API-Key", key)])
    assert answer.json()["code"] == "duplicate_credentials"
