"""Every limit that a shard sets a connection, one by one, on real sockets: what is refused, how, with which code."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fanout.listener import Head
from fanout.server import ACCEPTS_A_TURN, Server
from tests.bus import eventually
from tests.fanout.memory_log import MemoryLog
from tests.fanout.serving import event, shard, spread, url_of

SUBSCRIBE = {"op": "subscribe", "id": 1, "topics": ["football.nfl"]}
ANYBODY = {"address_exempt": ()}
"""Loopback is limited like everybody."""

OFFERING_COMPRESSION = (
    b"GET /v1/stream HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


@contextlib.asynccontextmanager
async def limited(**settings: Any) -> AsyncIterator[Server]:
    """A ready shard with one event and these limits."""
    log = MemoryLog()
    log.append(event())
    log.append(spread())
    async with shard(log, **settings) as server:
        await eventually(server.is_ready)
        yield server


@contextlib.asynccontextmanager
async def device(server: Server, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(url_of(server), compression=None, max_size=None, ping_interval=None, **options) as connection:
        yield connection


async def refused(server: Server, **options: Any) -> tuple[int, str, str | None]:
    """Status, problem code and Retry-After of an upgrade that is refused."""
    with pytest.raises(InvalidStatus) as refusal:
        async with device(server, **options):
            pass
    response = refusal.value.response
    return response.status_code, json.loads(response.body or b"")["code"], response.headers.get("Retry-After")


async def closed_with(connection: ClientConnection) -> int | None:
    """Reads until the shard ends the connection by a handshake; gives the code."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.recv()
    return connection.close_code


async def hears(connection: ClientConnection, kind: str) -> dict[str, Any]:
    """Reads until a message of this kind."""
    async with asyncio.timeout(10):
        while True:
            message: dict[str, Any] = json.loads(await connection.recv())
            if message["t"] == kind:
                return message


async def answered(server: Server, data: bytes) -> bytes:
    """What a raw connection is answered before it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


# Before the upgrade


async def test_too_many_sockets() -> None:
    async with limited(sockets=1) as server, device(server):
        status, code, retry_after = await refused(server)
        assert (status, code) == (503, "overloaded")
        assert 1 <= int(retry_after or 0) <= 5


async def test_too_many_sockets_of_one_address_until_one_leaves() -> None:
    async with limited(sockets_per_address=1, **ANYBODY) as server:
        async with device(server):
            assert (await refused(server))[:2] == (429, "too_many_connections")
        await eventually(lambda: not server.front.connections)
        async with device(server):
            assert server.front.refused == {"too_many_connections": 1}


async def test_exempt_addresses_are_not_counted() -> None:
    async with limited(sockets_per_address=1) as server, device(server), device(server):
        assert len(server.front.connections) == 2


async def test_behind_a_trusted_proxy_the_client_is_counted() -> None:
    async with limited(sockets_per_address=1, trusted_proxies="127.0.0.0/8", **ANYBODY) as server:
        headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
        async with device(server, additional_headers=headers):
            assert (await refused(server, additional_headers=headers))[:2] == (429, "too_many_connections")
            async with device(server, additional_headers={"X-Forwarded-For": "203.0.113.10"}):
                assert len(server.front.connections) == 2


async def test_nobody_hides_behind_a_header_that_no_proxy_wrote() -> None:
    async with limited(sockets_per_address=1, **ANYBODY) as server, device(server):
        refusal = await refused(server, additional_headers={"X-Forwarded-For": "203.0.113.9"})
        assert refusal[:2] == (429, "too_many_connections")


async def test_a_shard_that_is_late_refuses_until_it_is_in_time() -> None:
    async with limited(admission_lag_ms=400) as server:
        admission = server.front.pulse.admission
        for _ in range(3):
            admission.flushed(500.0, asyncio.get_running_loop().time() * 1000)
        await eventually(lambda: admission.lag_p99_ms >= 500)
        status, code, retry_after = await refused(server)
        assert (status, code) == (503, "late")
        assert 1 <= int(retry_after or 0) <= 5
        await eventually(lambda: admission.closed(0) is None)
        async with device(server):
            assert server.front.refused["late"] == 1


async def test_a_shard_that_owes_images_refuses_until_they_are_sent() -> None:
    async with limited(admission_images=1) as server:
        placement = server.shard.placement
        async with device(server) as first, device(server) as second:
            for connection in (first, second):
                await hears(connection, "welcome")
            owing = list(server.shard.sessions.devices)
            server.front.pulse.stop()
            for owed in owing:
                placement._next[owed] = None
            assert (await refused(server))[:2] == (503, "owes_images")
            placement._next.clear()
            async with device(server):
                assert server.front.refused == {"owes_images": 1}


async def test_a_draining_shard() -> None:
    async with limited(drain_deadline_s=0) as server:
        await server.drain()
        assert (await refused(server))[:2] == (503, "draining")


async def test_origins() -> None:
    async with limited(origins="https://a.example,https://b.example") as server:
        assert (await refused(server, origin="https://evil.example"))[:2] == (403, "origin_not_allowed")
        async with device(server, origin="https://b.example"), device(server):
            assert server.front.refused == {"origin": 1}


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (b"GET /v1/stream HTTP/1.1\r\nX: " + b"x" * 2_000 + b"\r\n\r\n", 431, "head_too_large"),
        (b"GET /v1/stream HTTP/1.1\r\nX: " + b"x" * 2_000, 431, "head_too_large"),
        (b"rubbish\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/stream HTTP/1.1\r\nHost: a\r\n\r\n", 426, "not_a_websocket"),
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"),
        (b"DELETE /v1/stream HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        (b"GET /v1/stream/sse HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_topic"),
        (b"GET /v1/stream/sse?topics=Nope HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_topic"),
        (b"GET /v1/stream/sse?topics=a,b,c HTTP/1.1\r\nHost: a\r\n\r\n", 400, "topic_limit"),
        (b"GET /v1/stream/sse?topics=a&conflate_ms=-1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_op"),
    ],
)
async def test_a_request_that_is_none(said: bytes, status: int, code: str) -> None:
    async with limited(handshake_bytes=1_024, topics=2) as server:
        head, _, body = (await answered(server, said)).partition(b"\r\n\r\n")
        assert head.split(b" ", 2)[1] == str(status).encode()
        assert json.loads(body)["code"] == code


async def test_a_head_that_comes_a_byte_at_a_time_is_cut_off() -> None:
    async with limited(handshake_s=0.3) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        began_s = time.monotonic()
        ended = asyncio.ensure_future(reader.read())
        for byte in b"GET /v1/stream HTTP/1.1\r\nHost: a\r\n" * 100:
            writer.write(bytes([byte]))
            await asyncio.wait([ended], timeout=0.05)
            if ended.done():
                break
        with contextlib.suppress(ConnectionResetError):
            assert await ended == b""
        assert 0.2 < time.monotonic() - began_s < 5
        writer.close()


# The socket


async def test_compression_is_declined() -> None:
    async with limited() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(OFFERING_COMPRESSION)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            frame = await reader.readexactly(2)
        writer.close()
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-extensions" not in head.lower()
    assert frame[0] == 0x81, "a whole text frame, RSV1 not set"


def test_a_turn_of_the_loop_takes_in_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[object] = []
    monkeypatch.setattr(Head, "connection_made", lambda _head, transport: came.append(transport))
    monkeypatch.setattr(Head, "connection_lost", lambda _head, _exc: None)

    async def taken_in() -> list[int]:
        turns = []
        async with limited() as server, asyncio.timeout(10):
            with contextlib.ExitStack() as stack:
                for _ in range(3 * ACCEPTS_A_TURN):
                    stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                while len(came) < 3 * ACCEPTS_A_TURN:
                    before = len(came)
                    await asyncio.sleep(0)
                    turns.append(len(came) - before)
        return turns

    assert max(uvloop.run(taken_in())) == ACCEPTS_A_TURN


async def test_accepted_sockets_have_the_options_of_the_listening_one() -> None:
    async with limited(user_timeout_s=7, send_buffer_bytes=16_384) as server, device(server) as connection:
        await hears(connection, "welcome")
        (ours,) = server.front.connections
        accepted = ours._transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_000
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 16_384


async def test_who_does_not_answer_a_ping_is_cut_off_and_who_does_is_not() -> None:
    async with limited(ping_s=0.1, pong_s=0.1) as server, device(server) as answering:
        await answering.send(json.dumps(SUBSCRIBE))
        await hears(answering, "live")
        async with device(server) as deaf:
            await hears(deaf, "welcome")
            deaf.transport.pause_reading()
            await eventually(lambda: len(server.front.connections) == 1)
            deaf.transport.abort()
        await answering.send(json.dumps({"op": "ping", "id": 2}))
        await hears(answering, "pong")


# The conversation


async def test_who_says_nothing() -> None:
    async with limited(speak_s=0.1) as server, device(server) as connection:
        assert await closed_with(connection) == 4400


async def test_a_session_that_has_lived_long_enough() -> None:
    async with limited(session_s=1) as server, device(server) as connection:
        await connection.send(json.dumps(SUBSCRIBE))
        assert await closed_with(connection) == 4009


async def test_who_does_not_read() -> None:
    limits = {"slow_close_ms": 100, "send_buffer_bytes": 4_096}
    async with limited(**limits) as server, device(server) as connection:
        await connection.send(json.dumps(SUBSCRIBE))
        await hears(connection, "live")
        connection.transport.pause_reading()
        (ours,) = server.shard.sessions.devices

        def fills_up_and_is_closed() -> bool:
            while not ours.is_full():
                ours.outlet.write(ours.outlet.wire.frame(b"{}" * 4_096))
            return server.shard.sessions.closed == {4008: 1}

        await eventually(fills_up_and_is_closed)
        await eventually(lambda: not server.front.connections)
        connection.transport.abort()


async def test_a_drained_shard_says_goodbye() -> None:
    async with limited(drain_deadline_s=0.1) as server, device(server) as connection:
        await connection.send(json.dumps(SUBSCRIBE))
        await hears(connection, "live")
        draining = asyncio.ensure_future(server.drain())
        assert (await hears(connection, "drain"))["deadline_ms"] == 100
        await draining
        list(server.shard.sessions.close_all(0))
        assert await closed_with(connection) == 4010


@pytest.mark.parametrize(
    ("said", "code"),
    [(b"\x00\x01", 1003), ("x" * 300, 1009)],
)
async def test_frames_that_are_not_ours(said: bytes | str, code: int) -> None:
    async with limited(message_bytes=256) as server, device(server) as connection:
        await connection.send(said)
        assert await closed_with(connection) == code


@pytest.mark.parametrize(
    ("limits", "said", "code"),
    [
        ({}, "{", "bad_json"),
        ({}, '{"op":"dance","id":1}', "bad_op"),
        ({}, '{"op":"subscribe","id":1,"topics":["Nope"]}', "bad_topic"),
        ({}, '{"op":"subscribe","id":1,"topics":["account"]}', "unauthenticated"),
        ({"topics": 1}, '{"op":"subscribe","id":1,"topics":["a","b"]}', "topic_limit"),
        ({"message_bytes": 256}, "x" * 257, "message_too_large"),
    ],
)
async def test_refusals_of_what_is_said(limits: dict[str, int], said: str, code: str) -> None:
    async with limited(**limits) as server, device(server) as connection:
        await connection.send(said)
        assert (await hears(connection, "error"))["code"] == code


async def test_messages_a_second() -> None:
    async with limited(ops_per_s=1) as server, device(server) as connection:
        for number in range(3):
            await connection.send(json.dumps({"op": "ping", "id": number}))
        assert (await hears(connection, "error"))["code"] == "ops_limit"
