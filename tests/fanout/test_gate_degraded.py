"""Tickets and revocations while the coordination is slow, or has forgotten. While it is away: test_gate.py."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from fanout.revocations import revoke
from fanout.server import Server
from feeds.adapters.coordination.memory import MemoryCoordination
from tests.bus import eventually
from tests.fanout.test_gate import asks, closed_with, entered, guarded, refused, subscribe, ticket


async def opens(server: Server, text: str) -> bool:
    try:
        async with entered(server, text) as connection:
            await asks(connection, subscribe("football.nfl"), "live")
    except InvalidStatus as refusal:
        return refusal.response.status_code != 401
    return True


async def test_a_slow_claim_delays_a_ticket_and_still_opens_it_once() -> None:
    coordination = MemoryCoordination()
    async with guarded(coordination) as first, guarded(coordination) as second:
        coordination.slow_s = 0.3
        text = ticket()
        assert sorted(await asyncio.gather(opens(first, text), opens(second, text))) == [False, True]


async def test_a_claim_that_was_forgotten_lets_its_ticket_open_again_while_it_lasts() -> None:
    """Known and accepted: a ticket lasts 30 s, what it opens is bounded by its claims, and a revocation ends it."""
    coordination = MemoryCoordination()
    async with guarded(coordination) as server:
        text = ticket()
        assert await opens(server, text)
        assert not await opens(server, text)
        coordination.forget()
        assert await opens(server, text)


async def test_a_revocation_that_was_forgotten_holds_on_the_shards_that_know_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fanout.revocations.READ_INTERVAL_S", 0.05)
    coordination = MemoryCoordination()
    async with guarded(coordination) as server, entered(server, ticket()) as connection:
        await asks(connection, subscribe("football.nfl"), "live")
        unopened = ticket()
        await revoke(coordination, "A1")
        assert await closed_with(connection) == 4003
        coordination.forget()
        assert server.revocations is not None
        read_s = server.revocations._read_s
        await eventually(lambda: server.revocations is not None and server.revocations._read_s != read_s)
        assert await refused(server, unopened) == (401, "unauthenticated")
