"""Requests as Granian gives them by RSGI (its docs/spec/RSGI.md), and as ASGI, which the layers and routes are made in.

RSGI gives no header whose bytes are not ASCII. Here it is one without a value: so a credential of such bytes is a bad
one, and not none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from gateway.api.edge import App, Message, Scope
from gateway.api.problems import decoded

Headers = Sequence[tuple[str, str]]

_VERSIONS = {"version": "3.0", "spec_version": "2.3"}
_FAILED = 500


class Given(Protocol):
    """Headers of a request, names in lower case. Its length is that of the names, each once."""

    def __len__(self) -> int: ...

    def keys(self) -> list[str]:
        """Names, each once."""

    def items(self) -> list[tuple[str, str]]:
        """All that are ASCII, as they came."""


class Asked(Protocol):
    """A request."""

    @property
    def http_version(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query_string(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def headers(self) -> Given: ...


class Answering(Protocol):
    """Where its body comes from, in pieces, and where the answer goes: once."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def client_disconnect(self) -> None:
        """Returns when the client is gone."""

    def response_bytes(self, status: int, headers: Headers, body: bytes, /) -> None:
        """The answer."""


async def by_asgi(app: App, asked: Asked, answering: Answering) -> None:
    """One request through an ASGI application whose answers are each of one piece."""
    scope = scope_of(asked)
    exchange = _Exchange(answering, _length(scope["headers"]))
    try:
        await app(scope, exchange.receive, exchange.send)
    finally:
        if not exchange.answered:
            answering.response_bytes(_FAILED, [], b"")


def scope_of(asked: Asked) -> Scope:
    """The request as ASGI has it."""
    given = asked.headers
    pairs = given.items()
    headers = [(name.encode(), value.encode()) for name, value in pairs]
    if len({name for name, _ in pairs}) != len(given):
        headers += [(name.encode(), b"") for name in set(given.keys()).difference(name for name, _ in pairs)]
    return {
        "type": "http",
        "asgi": _VERSIONS,
        "http_version": asked.http_version,
        "scheme": asked.scheme,
        "method": asked.method,
        "root_path": "",
        "path": asked.path,
        "query_string": asked.query_string.encode(),
        "headers": headers,
        "client": _address(asked.client),
        "server": _address(asked.server),
    }


class _Exchange:
    """`receive` and `send` of one request. `length`: of the body, where the client says it."""

    def __init__(self, answering: Answering, length: int | None) -> None:
        self.answered = False
        self._answering = answering
        self._left = length
        self._pieces: AsyncIterator[bytes] | None = None
        self._whole = False
        self._start: Message = {}

    async def receive(self) -> Message:
        """The body, then that the client is gone: also where it went before the body was whole."""
        if self._whole:
            await self._answering.client_disconnect()
            return {"type": "http.disconnect"}
        if self._pieces is None:
            self._pieces = aiter(self._answering)
        try:
            piece = (
                await self._pieces.__anext__()
            )  # `anext` cannot be cancelled here: Granian's awaitables know no throw
        except StopAsyncIteration:
            piece = b""
        if self._left is not None:
            self._left -= len(piece)
        self._whole = not piece
        if self._whole and self._left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": not self._whole}

    async def send(self, message: Message) -> None:
        """The head is kept until the body comes."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        assert not message.get("more_body", False)
        self.answered = True
        headers = decoded(self._start["headers"])
        self._answering.response_bytes(self._start["status"], headers, message.get("body", b""))


def _length(headers: list[tuple[bytes, bytes]]) -> int | None:
    """The server has checked that it is one number."""
    return next((int(value) for name, value in headers if name == b"content-length" and value.isdigit()), None)


def _address(said: str) -> tuple[str, str]:
    host, _, port = said.rpartition(":")
    return host.strip("[]"), port
