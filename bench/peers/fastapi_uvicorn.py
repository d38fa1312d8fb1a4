"""FastAPI on uvicorn, as one would write it: a route, the bytes, a request id. uvloop and httptools, no logs."""

from __future__ import annotations

import socket
from itertools import count

import uvicorn
from fastapi import FastAPI, Header, Response

from bench.peers.answering import HEADERS, told


def main() -> None:
    """Until it is ended."""
    here = told()
    body, numbers, app = here.body.read_bytes(), count(1), FastAPI()

    @app.get("/v1/markets/{market_id}")
    async def market(market_id: str, request_id: str | None = Header(None)) -> Response:
        del market_id
        headers = {**HEADERS, "request-id": request_id or f"{next(numbers):x}"}
        return Response(body, media_type="application/json", headers=headers)

    with socket.create_server(("127.0.0.1", here.port), backlog=4096) as listening:
        config = uvicorn.Config(app, http="httptools", loop="uvloop", log_level="error", access_log=False)
        print("ready", flush=True)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
