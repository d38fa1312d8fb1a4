"""A shard that is not public, on real sockets: a ticket opens one connection, to what it grants, as long as that."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fanout.client import OddsStream, StreamRefused
from fanout.contract.revocation import Revocation, encode_revocation
from fanout.contract.tickets import Grant, parse_keys
from fanout.pulse import now_ms
from fanout.revocations import revoke
from fanout.server import Server
from fanout.settings import FanoutSettings
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.errors import Refused
from tests.bus import eventually
from tests.fanout.memory_log import MemoryLog
from tests.fanout.serving import QUICK, event, live, shard, spread, until, url_of

KEYS = "k1:" + "s" * 32


@contextlib.asynccontextmanager
async def guarded(coordination: MemoryCoordination, **settings: Any) -> AsyncIterator[Server]:
    """A ready shard that asks for tickets."""
    log = MemoryLog()
    log.append(event())
    log.append(spread())
    async with shard(log, coordination=coordination, public_topics=False, ticket_keys=KEYS, **settings) as server:
        await eventually(server.is_ready)
        yield server


@pytest.fixture
async def coordination() -> MemoryCoordination:
    return MemoryCoordination()


def ticket(*topics: str, account: str = "A1", tier_ms: int = 0, lasts_s: int = 600, keys: str = KEYS) -> str:
    now_s = int(time.time())
    return parse_keys(keys).mint(Grant(account, topics or ("football.nfl",), tier_ms, now_s + lasts_s), now_s)


def entered(server: Server, text: str) -> connect:
    return connect(f"{url_of(server)}?ticket={text}", compression=None)


async def refused(server: Server, text: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refusal:
        async with entered(server, text):
            pass
    response = refusal.value.response
    return response.status_code, json.loads(response.body or b"")["code"]


async def asks(connection: ClientConnection, said: dict[str, Any], answer: str) -> dict[str, Any]:
    await connection.send(json.dumps(said))
    async with asyncio.timeout(10):
        while True:
            message: dict[str, Any] = json.loads(await connection.recv())
            if message["t"] == answer:
                return message


async def sse(server: Server, query: str, *headers: str) -> tuple[int, str]:
    """Status and the beginning of the answer to a request for an event stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = [f"GET /v1/stream/sse?topics=football.nfl{query} HTTP/1.1", "Host: a", *headers]
    writer.write("\r\n".join([*head, "", ""]).encode())
    async with asyncio.timeout(10):
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        if " 200 " in answer:
            await reader.readuntil(b"event: live")
    writer.close()
    return int(answer.split(" ", 2)[1]), answer


def subscribe(*topics: str, conflate_ms: int = 0) -> dict[str, Any]:
    return {"op": "subscribe", "id": 1, "topics": topics, "conflate_ms": conflate_ms}


async def test_a_ticket_opens_one_connection_on_all_shards(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as first, guarded(coordination) as second:
        text = ticket()
        async with entered(first, text) as connection:
            await asks(connection, subscribe("football.nfl"), "live")
        assert await refused(first, text) == (401, "unauthenticated")
        assert await refused(second, text) == (401, "unauthenticated")
        assert first.front.refused == second.front.refused == {"ticket_spent": 1}


@pytest.mark.parametrize("text", ["", "rubbish", ticket(keys="k1:" + "f" * 32), ticket(lasts_s=-1)])
async def test_without_a_ticket_that_is_ours_nothing_opens(coordination: MemoryCoordination, text: str) -> None:
    async with guarded(coordination) as server:
        assert await refused(server, text) == (401, "unauthenticated")
        assert (await sse(server, f"&ticket={text}"))[0] == 401


async def test_while_nobody_can_tell_whether_it_is_spent_nothing_opens(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as server:
        coordination.away = True
        text = ticket()
        assert await refused(server, text) == (503, "unavailable")
        coordination.away = False
        async with entered(server, text) as connection:
            await asks(connection, subscribe("football.nfl"), "live")


async def test_a_ticket_bounds_topics_and_tier(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as server, entered(server, ticket("football.nfl", tier_ms=150)) as connection:
        error = await asks(connection, subscribe("football.nfl", "football"), "error")
        assert (error["code"], error["topic"]) == ("not_entitled", "football")
        assert (await asks(connection, subscribe("football.nfl.E1"), "subscribed"))["conflate_ms"] == 250
        slower = await asks(connection, subscribe("football.nfl:main", conflate_ms=1_000), "subscribed")
        assert slower["conflate_ms"] == 1_000


async def test_what_a_ticket_grants_ends(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as server, entered(server, ticket(lasts_s=2)) as connection:
        await asks(connection, subscribe("football.nfl"), "live")
        assert await closed_with(connection) == 4003
        assert not server.shard.sessions._ending


async def test_too_many_sockets_of_one_account_until_one_leaves(coordination: MemoryCoordination) -> None:
    async with guarded(coordination, sockets_per_account=1) as server:
        async with entered(server, ticket()) as first:
            await asks(first, subscribe("football.nfl"), "live")
            async with entered(server, ticket()) as second:
                await second.wait_closed()
                assert second.close_code == 4029
            await asks(first, {"op": "ping", "id": 2}, "pong")
        await eventually(lambda: not server.shard.sessions._by_name)
        async with entered(server, ticket()) as third:
            await asks(third, subscribe("football.nfl"), "live")


async def test_sse_by_ticket_and_by_bearer(coordination: MemoryCoordination) -> None:
    async with guarded(coordination, origins="https://a.example") as server:
        text, bearer = ticket(), f"Authorization: Bearer {ticket()}"
        assert (await sse(server, f"&ticket={text}"))[0] == 200
        assert (await sse(server, "", bearer))[0] == 200
        status, head = await sse(server, f"&ticket={text}", "Origin: https://a.example")
        assert status == 204
        assert "Access-Control-Allow-Origin: https://a.example" in head
        assert (await sse(server, "", bearer))[0] == 204
        assert (await sse(server, f"&ticket={ticket('soccer')}"))[0] == 403
        await eventually(lambda: not server.front.connections)
        assert not server.shard.sessions._ending


async def test_tickets_and_keys_stand_in_no_log(
    coordination: MemoryCoordination, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with guarded(coordination) as server:
        text = ticket()
        async with entered(server, text) as connection:
            await asks(connection, subscribe("football.nfl"), "live")
        shown = [record.getMessage() for record in caplog.records if record.name != "websockets.client"]
        assert not any(text in line for line in shown)
        assert KEYS not in repr(server.settings)


def test_settings_that_cannot_check_tickets_are_refused_and_not_shown() -> None:
    with pytest.raises(ValidationError, match="must be ticket_keys"):
        FanoutSettings(public_topics=False)
    with pytest.raises(ValidationError) as refusal:
        FanoutSettings.model_validate({"ticket_keys": "k1:tooshort"})
    assert "tooshort" not in str(refusal.value)


async def minted(*arguments: str, keys: str) -> tuple[int | None, str, str]:
    """Exit status, stdout and stderr of `python -m fanout ticket`."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fanout", "ticket", *arguments),
        env=os.environ | {"ODDSWIRE_FANOUT_TICKET_KEYS": keys},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await command.communicate()
    return command.returncode, out.decode().strip(), err.decode()


async def test_a_ticket_of_the_command_opens_a_connection(coordination: MemoryCoordination) -> None:
    status, text, _ = await minted("--account", "A1", "--topic", "football.nfl", "--topic", "soccer", keys=KEYS)
    assert status == 0
    async with guarded(coordination) as server, entered(server, text) as connection:
        await asks(connection, subscribe("football.nfl", "soccer"), "live")


async def test_the_command_says_what_it_lacks() -> None:
    status, _, said = await minted("--account", "A1", "--topic", "*", keys="")
    assert (status, "no ticket key" in said) == (1, True)
    status, _, said = await minted("--account", "A 1", "--topic", "*", keys=KEYS)
    assert (status, "bad ticket" in said) == (1, True)


async def closed_with(connection: ClientConnection) -> int | None:
    """Waits for the close; what comes before it is of no interest."""
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await connection.recv()
    return connection.close_code


async def test_a_revocation_told_by_the_bus_closes_what_the_account_opened(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as server:
        unopened, others = ticket(), ticket(account="A2")
        async with entered(server, ticket()) as mine, entered(server, others) as theirs:
            await asks(mine, subscribe("football.nfl"), "live")
            await asks(theirs, subscribe("football.nfl"), "live")
            assert server.revocations is not None
            server.revocations.hear(await revoke(coordination, "A1"))
            assert await closed_with(mine) == 4003
            assert await refused(server, unopened) == (401, "unauthenticated")
            await asks(theirs, {"op": "ping", "id": 2}, "pong")
        assert not server.shard.sessions._by_name.get("A1")


async def test_a_revocation_of_older_tickets_leaves_newer_ones(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as server:
        unopened = ticket()
        async with entered(server, ticket()) as connection:
            await asks(connection, subscribe("football.nfl"), "live")
            assert server.revocations is not None
            server.revocations.hear(encode_revocation(Revocation("A1", int(time.time()) - 60)))
            await asks(connection, {"op": "ping", "id": 2}, "pong")
        async with entered(server, unopened) as connection:
            await asks(connection, {"op": "ping", "id": 3}, "pong")


async def test_a_revocation_that_the_bus_lost_is_read(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as server, entered(server, ticket()) as connection:
        await asks(connection, subscribe("football.nfl"), "live")
        await revoke(coordination, "A1")
        assert await closed_with(connection) == 4003


async def test_until_revocations_were_read_no_ticket_opens_anything(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as server:
        assert server.revocations is not None
        server.revocations._read_s = None
        assert await refused(server, ticket()) == (503, "unavailable")
        await eventually(lambda: server.revocations is not None and server.revocations.known)


async def test_who_may_have_missed_a_revocation_moves_everyone(
    coordination: MemoryCoordination, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with guarded(coordination) as server, entered(server, ticket()) as connection:
        await asks(connection, subscribe("football.nfl"), "live")
        monkeypatch.setattr("fanout.revocations.KEPT_S", 1)
        coordination.away = True
        assert await closed_with(connection) == 4010


async def test_rubbish_revokes_nothing(coordination: MemoryCoordination) -> None:
    async with guarded(coordination) as server, entered(server, ticket()) as connection:
        await asks(connection, subscribe("football.nfl"), "live")
        assert server.revocations is not None
        for data in (b"", b"{}", b'{"account":"A 1","at_s":9}', b'{"account":"A1","at_s":-1}', b"\xff"):
            server.revocations.hear(data)
        await asks(connection, {"op": "ping", "id": 2}, "pong")
        with pytest.raises(Refused):
            await revoke(coordination, "A 1")


async def test_the_client_asks_for_a_ticket_before_every_connection(coordination: MemoryCoordination) -> None:
    given: list[str] = []

    async def authorize() -> str:
        if len(given) == 1:
            given.append("nobody is there")
            raise ConnectionRefusedError
        given.append(ticket("*"))
        return given[-1]

    for sse in (False, True):
        given.clear()
        async with (
            guarded(coordination) as server,
            OddsStream(["football.nfl"], urls=[url_of(server)], sse=sse, limits=QUICK, authorize=authorize) as stream,
        ):
            await live(stream)
            [device] = server.shard.sessions.devices
            server.shard.sessions.send_away(device, now_ms())
            await until(stream, lambda message: message["t"] == "live")
            assert len(given) == 3, "one for each connection, and one that was not to be had"
            assert stream.replica.markets


async def test_a_client_whose_ticket_was_revoked_ends(coordination: MemoryCoordination) -> None:
    async def authorize() -> str:
        return ticket("*")

    async with (
        guarded(coordination) as server,
        OddsStream(["football.nfl"], urls=[url_of(server)], limits=QUICK, authorize=authorize) as stream,
    ):
        await live(stream)
        await revoke(coordination, "A1")
        with pytest.raises(StreamRefused, match="4003"):
            await until(stream, lambda _: False)
