"""Starlette on uvicorn, as one would write it: a set of WebSockets, and a loop that sends to each.

uvloop, httptools and `websockets-sansio`, the fastest that uvicorn has; compression, pings and logs are off. The 20 ms
are a loop of ours: what came is joined to one message.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.peers.intake import LIVE, Peer, messages, told


async def run(peer: Peer) -> None:
    """Until the process is ended."""
    sockets: dict[WebSocket, None] = {}

    async def hold(one: WebSocket) -> None:
        await one.accept()
        sockets[one] = None
        await one.send_text(LIVE.decode())
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await one.receive_text()
        sockets.pop(one, None)

    async def send_all() -> None:
        async for message in messages(peer):
            text = message.decode()
            for each in tuple(sockets):
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await each.send_text(text)

    config = uvicorn.Config(
        Starlette(routes=[WebSocketRoute("/", hold)]),
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        log_level="error",
    )
    with socket.create_server(("127.0.0.1", peer.port), backlog=4096) as listening:
        async with asyncio.TaskGroup() as group:
            group.create_task(send_all())
            group.create_task(uvicorn.Server(config).serve(sockets=[listening]))
            print("ready", flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(told()))
