"""`websockets`: its asyncio server on uvloop, and `broadcast`, its own way to send one message to many.

The 20 ms are a loop of ours: what came is joined to one message. Compression is off, and so are pings.
"""

from __future__ import annotations

import asyncio
import contextlib

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.peers.intake import LIVE, Peer, messages, told


async def run(peer: Peer) -> None:
    """Until the process is ended."""
    connections: set[ServerConnection] = set()

    async def hold(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.send(LIVE.decode())
        with contextlib.suppress(ConnectionError):
            await connection.wait_closed()
        connections.discard(connection)

    async with serve(hold, "127.0.0.1", peer.port, compression=None, ping_interval=None, backlog=4096):
        print("ready", flush=True)
        async for message in messages(peer):
            broadcast(connections, message.decode())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(told()))
