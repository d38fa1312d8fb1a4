"""The connection to a real nats-server, where the ways of nats-py and of Python 3.11 would hurt."""

from __future__ import annotations

import asyncio

import pytest
from nats.aio.msg import Msg

from feeds.adapters.nats.connection import Connection
from tests.bus import eventually

pytestmark = pytest.mark.journey


async def test_who_is_cancelled_while_it_waits_for_the_flusher_ends(connection: Connection) -> None:
    client = connection.client
    full: asyncio.Queue[asyncio.Future[object]] = asyncio.Queue(1)
    full.put_nowait(asyncio.get_running_loop().create_future())
    client._flush_queue, flushed = full, client._flush_queue
    waiting = asyncio.ensure_future(client.flush())
    await eventually(lambda: bool(full._putters))  # type: ignore[attr-defined]
    client._flush_queue = flushed
    waiting.cancel()
    await asyncio.wait([waiting], timeout=10)
    assert waiting.cancelled()


async def test_who_is_cancelled_together_with_the_answer_ends(connection: Connection) -> None:
    """The answer and the cancellation come in the same turn of the loop, the answer first."""
    asking: list[asyncio.Task[Msg]] = []

    async def heard(message: Msg) -> None:
        for future in list(connection.client._resp_map.values()):
            future.set_result(message)
        asking[0].cancel()

    await connection.client.subscribe("now", cb=heard)
    await connection.client.subscribe("nobody.answers.this")
    asking.append(asyncio.ensure_future(connection.client.request("nobody.answers.this", b"", timeout=30)))
    await eventually(lambda: bool(connection.client._resp_map))
    await connection.client.publish("now", b"")
    await asyncio.wait(asking, timeout=10)
    assert asking[0].cancelled()
