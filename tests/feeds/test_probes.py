"""What a process answers to whoever runs it: over real sockets, with clients that do not behave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from feeds.adapters import probes
from feeds.adapters.nats.connection import Connection, shown
from feeds.adapters.server import NatsServer, free_port


@asynccontextmanager
async def asked(readiness: probes.Readiness, registry: CollectorRegistry | None = None) -> AsyncIterator[int]:
    port = free_port()
    async with probes.answering("127.0.0.1", port, registry or CollectorRegistry(), readiness):
        yield port


async def get(port: int, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        return await client.request(method, path)


async def test_it_lives_while_it_waits_and_says_what_for() -> None:
    readiness = probes.Readiness(probes.DATABASE, probes.LOG)
    async with asked(readiness) as port:
        assert (await get(port, "/live")).json() == {"status": "live"}
        waiting = await get(port, "/ready")
        assert (waiting.status_code, waiting.json()) == (503, {"status": "waiting", "for": ["database", "log"]})
        readiness.has(probes.DATABASE)
        readiness.has(probes.LOG)
        assert (await get(port, "/ready?verbose")).json() == {"status": "ready"}


async def test_the_log_is_missing_while_the_server_is_away(nats_server: NatsServer) -> None:
    readiness = probes.Readiness(probes.LOG)
    connection = Connection(nats_server.url, name="probed")
    readiness.follow(connection)
    assert readiness.waiting_for == ["log"]
    async with connection:
        lost = asyncio.Event()
        connection.listen(lambda connected: None if connected else lost.set())
        assert readiness.waiting_for == []
        await nats_server.stop()
        async with asyncio.timeout(30):
            await lost.wait()
        assert readiness.waiting_for == ["log"]


async def test_metrics_are_the_registrys_and_the_processs() -> None:
    registry = CollectorRegistry()
    Counter("oddswire_things", "Things.", registry=registry).inc(3)
    async with asked(probes.Readiness(), registry) as port:
        page = await get(port, "/metrics")
        assert "oddswire_things_total 3.0\n" in page.text
        assert "process_resident_memory_bytes " in page.text
        assert page.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_other_paths_and_methods_are_refused_and_nothing_is_read_for_ever() -> None:
    async with asked(probes.Readiness()) as port:
        assert (await get(port, "/")).status_code == 404
        assert (await get(port, "/live", "POST")).status_code == 405
        head = await get(port, "/live", "HEAD")
        assert (head.status_code, head.content) == (200, b"")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /live HTTP/1.1\r\n" + b"x" * (2 * probes.HEAD_BYTES_MAX))
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()
        assert (await get(port, "/live")).status_code == 200


async def test_so_many_are_answered_at_once_and_no_more() -> None:
    async with asked(probes.Readiness()) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(probes.CONNECTIONS_MAX)]
        with pytest.raises(httpx.TransportError):
            await get(port, "/live")
        for _, writer in silent:
            writer.close()
        async with asyncio.timeout(30):
            while True:
                try:
                    assert (await get(port, "/live")).status_code == 200
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.02)


async def test_port_0_answers_nobody() -> None:
    async with probes.answering("not.a.host.invalid", 0, CollectorRegistry(), probes.Readiness()):
        pass


def test_an_address_is_told_without_who_connects() -> None:
    assert shown("nats://user:secret@a:4222,tls://b:4222") == "nats://a:4222,tls://b:4222"
