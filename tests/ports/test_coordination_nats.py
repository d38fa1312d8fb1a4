"""Coordination on a nats-server that freezes or loses everything: what is certain, what is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.coordination import Claim, InDoubt, Unavailable
from tests.bus import eventually

pytestmark = pytest.mark.journey


async def frozen(server: NatsServer) -> None:
    """Freezes it and waits until it is: a thread of it that still runs would answer."""
    [process] = [child for child in psutil.Process().children() if str(server.data_dir) in " ".join(child.cmdline())]
    tasks = Path(f"/proc/{process.pid}/task")
    server.freeze()
    await eventually(lambda: all(" T " in (task / "stat").read_text() for task in tasks.iterdir()))


async def test_a_claim_without_an_answer_is_asked_again_and_won_once(tmp_path: Path) -> None:
    async with NatsServer(data_dir=tmp_path / "nats") as server, Connection(server.url, name="test") as connection:
        here = NatsCoordination(connection, timeout_s=0.3)
        await here.claim("before", b"", ttl_s=60)
        await frozen(server)
        claiming = asyncio.ensure_future(here.claim("frozen", b"mine", ttl_s=60))
        done, _ = await asyncio.wait([claiming], timeout=0.45)
        assert not done
        server.thaw()
        assert await claiming == Claim(won=True, value=b"mine")
        assert await here.claim("frozen", b"mine", ttl_s=60) == Claim(won=False, value=b"mine")


async def test_what_may_have_happened_is_in_doubt(tmp_path: Path) -> None:
    async with NatsServer(data_dir=tmp_path / "nats") as server, Connection(server.url, name="test") as connection:
        here = NatsCoordination(connection, timeout_s=0.2)
        version = await here.put("kind", "name", value=b"old")
        await here.claim("before", b"", ttl_s=60)
        await here.count("frozen", window_s=60)
        await frozen(server)
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: here.claim("frozen", b"mine", ttl_s=60),
            lambda: here.count("frozen", window_s=60),
            lambda: here.put("kind", "name", value=b"new", version=version),
        ]
        for change in changes:
            with pytest.raises(InDoubt):
                await change()
        with pytest.raises(Unavailable) as unavailable:
            await here.get("kind", "name")
        assert not isinstance(unavailable.value, InDoubt)
        server.thaw()
        await eventually(lambda: connection.connected)
        assert await here.answer("frozen") in (b"mine", None)


async def test_a_server_that_lost_everything_is_begun_anew(tmp_path: Path) -> None:
    async with NatsServer(data_dir=tmp_path / "nats") as server, Connection(server.url, name="test") as connection:
        here = NatsCoordination(connection)
        await here.put("kind", "name", value=b"")
        await server.wipe()
        await eventually(lambda: connection.connected)
        assert await here.get("kind", "name") is None
        assert await here.scan("kind") == []
        assert await here.count("key", window_s=60) == 1
        assert await here.lease("name", "me", ttl_s=60) > 0
