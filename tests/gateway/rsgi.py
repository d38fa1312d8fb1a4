"""RSGI as Granian speaks it, as a transport of httpx: what is asked goes into a Front without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpx

from gateway.api.app import Front


class Given:
    """Headers, of which those alone can be read that are ASCII."""

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self._raw = [(name.lower().decode(), value) for name, value in raw]

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> list[str]:
        return list(dict(self._raw))

    def items(self) -> list[tuple[str, str]]:
        return [(name, value.decode()) for name, value in self._raw if value.isascii()]


class Asked:
    """A request."""

    http_version = "1.1"
    client = "127.0.0.1:123"
    server = "127.0.0.1:80"

    def __init__(self, request: httpx.Request) -> None:
        self.scheme = request.url.scheme
        self.method = request.method
        self.path = request.url.path
        self.query_string = request.url.query.decode()
        self.headers = Given(request.headers.raw)


class Answering:
    """Its body, and the answer once it is there."""

    def __init__(self, body: AsyncIterator[bytes] | None = None) -> None:
        self.answer: asyncio.Future[tuple[int, list[tuple[str, str]], bytes]] = (
            asyncio.get_running_loop().create_future()
        )
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._body is None:
            raise StopAsyncIteration
        return await anext(self._body)

    async def client_disconnect(self) -> None:
        await asyncio.get_running_loop().create_future()

    def response_bytes(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result((status, list(headers), body))


class RsgiTransport(httpx.AsyncBaseTransport):
    """Asks a front."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        answering = Answering(aiter(request.stream))
        self._front.take(Asked(request), answering)
        status, headers, body = await answering.answer
        if request.method == "HEAD":
            body = b""
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))
