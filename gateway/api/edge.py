"""Outermost layer of what is routed: gives a request its id, counts and times it, logs it. Decides nothing.

What may refuse a request before anything is read (keys, tokens, quotas) is a layer between this one and the next; see
gateway/api/app.py. A layer finds the request's Exchange in `scope["exchange"]`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from itertools import count
from time import perf_counter
from typing import Any, Literal

import structlog

from gateway.access.address import redacted
from gateway.access.principal import Principal
from gateway.api.problems import Answer, Headers
from gateway.api.traffic import Traffic

log = structlog.get_logger("access")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

AccessLog = Literal["all", "routed", "refused", "none"]

_START = "http.response.start"
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_PATH_LOGGED_CHARS = 256
_ERRORS_FROM = 400


class Exchange:
    """One request and its answer. `route` is the name by which it is counted, `quiet` one that only a log of all says.

    `principal`: who asks, None for nobody known. `extra`: headers of the answer, whatever it will be. `private`: the
    answer is for who asked, not for caches that others share. `check`: raises Refused for a read that is closed to the
    principal, None where none is.
    """

    __slots__ = (
        "_send", "check", "extra", "headers", "principal", "private", "quiet", "request_id", "route", "status",
    )  # fmt: skip

    def __init__(self, headers: dict[bytes, bytes], request_id: bytes, send: Send) -> None:
        self.headers = headers
        self.request_id = request_id
        self.route = "none"
        self.quiet = False
        self.status = 0
        self.principal: Principal | None = None
        self.private = False
        self.check: Callable[[Any], None] | None = None
        self.extra: Headers = [(b"request-id", request_id)]
        self._send = send

    def send(self, message: Message) -> Awaitable[None]:
        """What the layers send through: puts the id on the answer, and what else is `extra`."""
        if message["type"] == _START:
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self.extra]
        return self._send(message)

    async def answer(self, answer: Answer) -> None:
        """Sends a problem."""
        await self.send({"type": _START, "status": answer.status, "headers": answer.headers})
        await self.send({"type": "http.response.body", "body": answer.body})


class RequestIds:
    """The id of each request: the client's own, where it is one."""

    def __init__(self) -> None:
        self._prefix = f"{secrets.token_hex(5)}-"
        self._numbers = count(1)

    def of(self, given: str) -> str:
        """Its id. `given`: what the client says, empty for nothing."""
        if given and _SANE_ID.match(given) is not None:
            return given
        return f"{self._prefix}{next(self._numbers)}"


class Edge:
    """The layer."""

    def __init__(
        self, app: App, traffic: Traffic, access_log: AccessLog, ids: RequestIds, client: Callable[[Scope], str]
    ) -> None:
        """`client`: its address, for the log."""
        self._app = app
        self._client = client
        self._traffic = traffic
        self._access_log = access_log
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Lifespan and WebSockets are not served here: the process has its own, the shards have those."""
        if scope["type"] != "http":
            return
        began_s = perf_counter()
        headers = dict(scope["headers"])
        request_id = self._ids.of(headers.get(b"request-id", b"").decode("latin-1"))
        scope["exchange"] = exchange = Exchange(headers, request_id.encode(), send)
        try:
            await self._app(scope, receive, exchange.send)
        finally:
            took_s = perf_counter() - began_s
            self._traffic.count(exchange.route, exchange.status, took_s)
            if not exchange.quiet or self._access_log == "all":
                self._say(scope, exchange, took_s)

    def _say(self, scope: Scope, exchange: Exchange, took_s: float) -> None:
        if self._access_log == "none" or (self._access_log == "refused" and exchange.status < _ERRORS_FROM):
            return
        log.info(
            "request",
            method=scope["method"],
            path=redacted(scope["path"][:_PATH_LOGGED_CHARS]),
            route=exchange.route,
            status=exchange.status,
            ms=round(took_s * 1000, 3),
            client=self._client(scope) or None,
            who=exchange.principal.subject if exchange.principal else None,
            request_id=exchange.request_id.decode(),
        )
