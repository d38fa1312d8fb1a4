"""The odds API as the process it is: beside a shard, without its log, under hostile bytes and schemathesis."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fanout.contract.replica import Replica
from feeds.adapters.server import NatsServer, free_port
from gateway.access.development import development_keys
from tests.bus import LANES
from tests.journeys.line import priced, the_line
from tests.journeys.part import started

pytestmark = pytest.mark.journey

OPENING_S = 10.0


@asynccontextmanager
async def gateway(
    nats_url: str, monkeypatch: pytest.MonkeyPatch, *, keys: Path | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway process that is ready, and a client of it. Odds are open to all, or need a key of `keys`."""
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    monkeypatch.setenv("ODDSWIRE_ACCESS_ANONYMOUS", str(keys is None))
    if keys is not None:
        monkeypatch.setenv("ODDSWIRE_ACCESS_ENVIRONMENT", "development")
        monkeypatch.setenv("ODDSWIRE_ACCESS_DEVELOPMENT_DIR", str(keys))
    port = free_port()
    async with (
        started("gateway", "serve", "--port", str(port), "--nats", nats_url),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=OPENING_S) as client,
    ):
        yield client


async def until_status(client: httpx.AsyncClient, path: str, status: int) -> httpx.Response:
    """Asks until the answer has this status."""
    async with asyncio.timeout(OPENING_S):
        while (answer := await client.get(path)).status_code != status:  # noqa: ASYNC110 it is another process
            await asyncio.sleep(0.02)
        return answer


def held(board: dict[str, Any], cursor: str) -> Replica:
    """A replica that holds a board as if the stream had sent it."""
    topics = {board["event"]["topic"]: "image"}
    replica = Replica()
    replica.receive({"t": "subscribed", "id": 0, "epoch": cursor.split(".")[1], "conflate_ms": 0, "topics": topics})
    replica.receive({"t": "img", "m": board["items"], "e": [board["event"]]})
    replica.receive({"t": "live", "topics": list(topics), "src": board["src"], "cursor": cursor})
    return replica


async def test_a_board_and_then_the_stream_from_exactly_there(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with the_line(nats_server) as line, gateway(nats_server.url, monkeypatch) as client:
        shard = await line.shard()
        answer = await client.get("/v1/events/E1/markets")
        board, cursor = answer.json(), answer.headers["odds-cursor"]
        assert [market["x"][0]["a"] for market in board["items"]] == [-110]
        line.put(priced("M1", "E1", -125))
        device = await line.device(shard, held(board, cursor))
        await device.subscribe("football.nfl.E1", cursor=cursor)
        [subscribed] = device.told("subscribed")
        assert subscribed["topics"]["football.nfl.E1"] in ("delta", "current")
        async with asyncio.timeout(OPENING_S):
            while device.american("M1") != -125:  # noqa: ASYNC110 the device reads by itself
                await asyncio.sleep(0.01)
        assert device.told("img") == []
        async with asyncio.timeout(OPENING_S):
            while (await client.get("/v1/markets/M1")).json()["x"][0]["a"] != -125:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_without_its_log_it_lives_is_not_ready_and_says_that_prices_are_stale(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with the_line(nats_server), gateway(nats_server.url, monkeypatch) as client:
        assert (await client.get("/v1/events/E1/markets")).json()["src"] == {}
        await nats_server.stop()
        waiting = await until_status(client, "/ready", 503)
        assert waiting.json()["for"] == ["log"]
        assert (await client.get("/live")).status_code == 200
        async with asyncio.timeout(OPENING_S):
            while "stale" not in (board := (await client.get("/v1/events/E1/markets")).json())["src"].values():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert [market["id"] for market in board["items"]] == ["M1"]
        assert (await client.get("/v1/markets/M1")).headers["odds-source"] == "stale"
        await nats_server.start()
        await until_status(client, "/ready", 200)


HOSTILE = [
    b"GET /v1/markets/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /v1/markets/M1?\xff=\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /v1/markets/%ff%00%0a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /v1/markets/M1%0d%0aX-Injected:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://evil.example/v1/markets/M1 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /v1/markets/M1 HTTP/1.1\r\n\r\n",
    b"GET /v1/markets/M1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b'GET /v1/none HTTP/1.1\r\nHost: "><script>\r\n\r\n',
    b"GET /v1/none HTTP/1.1\r\nHost: a\r\nRequest-Id: \xff\r\n\r\n",
    b"GET /v1/none HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"GET /v1/none HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"GET /v1/events?" + b"x" * 60_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"GET /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nxyz",
    b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nxyzzy",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /v1/events HTTP/9.9\r\nHost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"\x00" * 100,
]


def spoken(port: int, said: bytes) -> bytes:
    """All that comes back on a connection of its own, which asks for its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=OPENING_S) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        heard = b""
        while part := connection.recv(65_536):
            heard += part
    return heard


async def test_hostile_bytes_get_a_refusal_or_nothing_and_the_process_lives(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with the_line(nats_server), gateway(nats_server.url, monkeypatch) as client:
        port = client.base_url.port
        assert port is not None
        for said in HOSTILE:
            try:
                heard = await asyncio.to_thread(spoken, port, said)
            except ConnectionResetError:
                heard = b""
            status = heard.split(b" ", 2)[1] if heard else b"none"
            assert status[:1] in (b"2", b"4", b"n"), (said[:80], heard[:200])
            assert b"script" not in heard
            assert b"Traceback" not in heard
            assert b"X-Injected" not in heard
        assert (await client.get("/v1/markets/M1")).status_code == 200


async def test_a_second_gateway_on_the_same_port_is_refused(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with the_line(nats_server), gateway(nats_server.url, monkeypatch) as client:
        words = ("-m", "gateway", "serve", "--port", str(client.base_url.port), "--nats", nats_server.url)
        second = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=asyncio.subprocess.PIPE)
        _, said = await second.communicate()
        assert second.returncode == 1
        assert f"port {client.base_url.port} on 127.0.0.1 is busy".encode() in said


async def test_sigterm_ends_it_at_once_also_while_it_waits_for_its_log() -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--port", str(port), "--nats", f"nats://127.0.0.1:{free_port()}"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, asyncio.timeout(OPENING_S):
        while not await _answers(client):  # noqa: ASYNC110 it is another process
            await asyncio.sleep(0.02)
        assert (await client.get("/ready")).json()["for"][0] == "log"
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/live")).status_code == 200
    except httpx.TransportError:
        return False


def fuzz(url: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Runs schemathesis with a key, which it also takes away and spoils; bounded in examples."""
    key = f"X-API-Key: {development_keys(place).key}"
    words = ("run", f"{url}/openapi.json", "--header", key, "--checks", "all")
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *words,
            *("--max-examples", "8", "--generation-deterministic"),
            # A page token that is well formed may be made up. It tries methods with a key and a token at once, which is
            # refused first: tests/gateway/access/test_layer.py and tests/gateway/api/test_refusals.py try them.
            *("--exclude-checks", "positive_data_acceptance,unsupported_method"),
            *("--phases", "coverage,fuzzing", "--no-color"),
        ],
        capture_output=True,
        check=False,
        cwd=place,
        text=True,
        timeout=100,
    )


async def test_schemathesis_finds_no_fault_and_no_answer_that_is_not_described(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with the_line(nats_server), gateway(nats_server.url, monkeypatch, keys=tmp_path) as client:
        done = await asyncio.to_thread(fuzz, str(client.base_url).rstrip("/"), tmp_path)
        assert done.returncode == 0, done.stdout[-3_000:]
        assert "❌" not in done.stdout, done.stdout[-3_000:]
