"""A crowd of slow devices is gone with its context, and does not hide why that ended."""

import asyncio

import pytest

from bench.scenario import CannotMeasure
from bench.slow import Pace, crowd_of
from bench.swarm import Address

PACES = [Pace(("football",), 0), Pace(("football",), 1024)]
LET_IN = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"
WAIT_S = 10


class Door:
    """Answers every upgrade alike. Each device that spoke after that, or was refused, is told in `came`."""

    def __init__(self, answer: bytes) -> None:
        self.came: asyncio.Queue[None] = asyncio.Queue()
        self.left: asyncio.Queue[None] = asyncio.Queue()
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        if self._answer is LET_IN:
            await reader.read(1)
        self.came.put_nowait(None)
        await reader.read()
        writer.close()
        self.left.put_nowait(None)


async def fails_among_them(address: Address, door: Door) -> None:
    async with crowd_of(address, PACES, conflate_ms=100):
        for _ in PACES:
            await asyncio.wait_for(door.came.get(), WAIT_S)
        raise CannotMeasure("the shard ended")


async def test_they_are_gone_with_the_context_and_its_failure_is_told_as_it_was() -> None:
    door = Door(LET_IN)
    async with await asyncio.start_server(door.serve, "127.0.0.1", 0) as server:
        with pytest.raises(CannotMeasure, match="the shard ended"):
            await fails_among_them(Address(*server.sockets[0].getsockname()), door)
        for _ in PACES:
            await asyncio.wait_for(door.left.get(), WAIT_S)


async def test_one_that_is_refused_comes_again() -> None:
    door = Door(BUSY)
    async with await asyncio.start_server(door.serve, "127.0.0.1", 0) as server:
        async with crowd_of(Address(*server.sockets[0].getsockname()), PACES[:1], conflate_ms=100) as crowd:
            for _ in range(2):
                await asyncio.wait_for(door.came.get(), WAIT_S)
        await asyncio.wait_for(door.left.get(), WAIT_S)
    assert crowd.refused >= 1
    assert crowd.came == crowd.sent_away == 0
