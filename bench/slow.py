"""Devices that read too slowly or not at all, each watching a whole sport: far more comes for it than it takes.

The kernel is given little room for what they do not read, so the shard's own room fills within seconds. One that the
shard sent away comes again, for as long as the crowd is there: a slow device in a bad network does the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from bench import wire
from bench.swarm import Address, source_socket

_ROOM_BYTES = 4096
_HEAD_BYTES = 4096
_TURN_S = 1.0
_ANSWER_S = 30.0
_UPGRADED = b"HTTP/1.1 101 "
_TCP_ESTABLISHED = 1


class Pace(NamedTuple):
    """One device: what it watches, and how many bytes of it it takes a second."""

    topics: Sequence[str]
    bytes_per_s: int


class Crowd:
    """`came`: upgrades so far. `sent_away`: connections that the shard ended. `refused`: those it did not begin."""

    def __init__(self, address: Address, conflate_ms: int) -> None:
        self.came = 0
        self.sent_away = 0
        self.refused = 0
        self._address = address
        self._conflate_ms = conflate_ms
        self._request = wire.handshake(address.url)

    async def stay(self, number: int, pace: Pace) -> None:
        """One device, until it is cancelled."""
        subscribe = wire.subscribe(pace.topics, self._conflate_ms)
        while True:
            with source_socket(number) as own:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
                if await self._is_let_in(own, subscribe):
                    self.came += 1
                    await _read_slowly(own, pace.bytes_per_s)
                    self.sent_away += 1
                else:
                    self.refused += 1
            await asyncio.sleep(_TURN_S)

    async def _is_let_in(self, own: socket.socket, subscribe: bytes) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_ANSWER_S):
                await loop.sock_connect(own, tuple(self._address))
                await loop.sock_sendall(own, self._request)
                if not (await loop.sock_recv(own, _HEAD_BYTES)).startswith(_UPGRADED):
                    return False
                await loop.sock_sendall(own, subscribe)
        except (OSError, TimeoutError):
            return False
        return True


async def _read_slowly(own: socket.socket, bytes_per_s: int) -> None:
    """Until the shard has ended the connection. One that never reads sees that by the state of the connection."""
    while own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_ESTABLISHED:
        await asyncio.sleep(_TURN_S)
        if bytes_per_s:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                own.recv(bytes_per_s)


@contextlib.asynccontextmanager
async def crowd_of(address: Address, paces: Sequence[Pace], *, conflate_ms: int) -> AsyncIterator[Crowd]:
    """So many slow devices, coming within this context, and gone after it."""
    crowd = Crowd(address, conflate_ms)
    staying = [asyncio.create_task(crowd.stay(number, pace)) for number, pace in enumerate(paces)]
    try:
        yield crowd
    finally:
        for one in staying:
            one.cancel()
        await asyncio.wait(staying)
        for one in staying:
            if not one.cancelled():
                one.result()
