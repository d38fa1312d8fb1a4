"""Starlette on Granian, as one would write it: a route, the bytes, a request id. On uvloop, no logs."""

from __future__ import annotations

import asyncio
from itertools import count

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.answering import HEADERS, told


async def run() -> None:
    """Until it is ended."""
    here = told()
    body, numbers = here.body.read_bytes(), count(1)

    async def market(request: Request) -> Response:
        headers = {**HEADERS, "request-id": request.headers.get("request-id") or f"{next(numbers):x}"}
        return Response(body, media_type="application/json", headers=headers)

    server = Server(
        Starlette(routes=[Route("/v1/markets/{market_id}", market)]),
        port=here.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=4096,
        log_enabled=False,
    )
    asyncio.get_running_loop().call_later(1.0, print, "ready")
    await server.serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
