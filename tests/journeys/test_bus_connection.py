"""The connection to a real nats-server, where the client's own ways would hurt."""

from __future__ import annotations

import asyncio

import pytest

from feeds.adapters.nats.connection import Connection
from tests.bus import eventually

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("words", ["publish", "flush"])
async def test_who_is_cancelled_while_it_waits_for_the_flusher_ends(connection: Connection, words: str) -> None:
    client = connection.client
    full: asyncio.Queue[object] = asyncio.Queue(1)
    full.put_nowait(asyncio.get_running_loop().create_future())
    client._flush_queue, flushed = full, client._flush_queue
    work = client.publish("a.b", b"c") if words == "publish" else client.flush()
    waiting = asyncio.ensure_future(work)
    await eventually(lambda: bool(full._putters))  # type: ignore[attr-defined]
    client._flush_queue = flushed
    waiting.cancel()
    await asyncio.wait([waiting], timeout=10)
    assert waiting.cancelled()
