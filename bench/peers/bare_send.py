"""The physical limit of one Python process: a loop of `send(2)` over non-blocking sockets, and nothing else.

No room is kept for a socket that is full, no input is read after the upgrade, nobody is noticed to have left: a server
cannot be like this. Whatever is faster than this has made fewer system calls.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvloop
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from bench.peers.intake import LIVE, Peer, messages, told

_HEAD_BYTES = 8192


def frame(payload: bytes) -> bytes:
    """One text frame."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


async def upgrade(own: socket.socket) -> None:
    """The WebSocket handshake of one connection."""
    protocol = ServerProtocol()
    protocol.receive_data(await asyncio.get_running_loop().sock_recv(own, _HEAD_BYTES))
    [request] = protocol.events_received()
    assert isinstance(request, Request)
    own.send(protocol.accept(request).serialize() + frame(LIVE))


async def run(peer: Peer) -> None:
    """Until the process is ended."""
    sockets: list[socket.socket] = []
    sends: list[Callable[[bytes], int]] = []
    loop = asyncio.get_running_loop()

    async def accept(listening: socket.socket) -> None:
        while True:
            own, _ = await loop.sock_accept(listening)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await upgrade(own)
            sockets.append(own)
            sends.append(own.send)

    with socket.create_server(("127.0.0.1", peer.port), backlog=4096) as listening:
        listening.setblocking(False)
        async with asyncio.TaskGroup() as group:
            group.create_task(accept(listening))
            print("ready", flush=True)
            async for message in messages(peer):
                framed = frame(message)
                for send in sends:
                    if send(framed) != len(framed):
                        raise BlockingIOError("a device does not keep up: this is no measurement")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(told()))
