"""CORS by a list of origins: the outermost layer that may answer (WHATWG Fetch, 3.2). Answers preflights by itself.

No cookies are read anywhere, so credentials mode is never allowed: a page sends its key or token itself. `Vary: Origin`
stands on every answer where the list names origins, for then answers differ by it; where it is `*` they do not.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.edge import App, Exchange, Receive, Scope, Send
from gateway.api.problems import encoded

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = b"authorization, content-type, idempotency-key, if-none-match, request-id, x-api-key"
EXPOSED = "etag, odds-cursor, odds-source, ratelimit, ratelimit-policy, request-id, retry-after"
MAX_AGE_S = 600

_VARY = ("vary", "origin")
_PREFLIGHT = [
    (b"access-control-allow-methods", METHODS),
    (b"access-control-allow-headers", REQUEST_HEADERS),
    (b"access-control-max-age", b"%d" % MAX_AGE_S),
    (b"cache-control", b"no-store"),
]
_EXPOSE = ("access-control-expose-headers", EXPOSED)


Told = list[tuple[str, str]]


class Cors:
    """The layer."""

    def __init__(self, origins: Sequence[str]) -> None:
        allow = "access-control-allow-origin"
        self._all = "*" in origins
        self._other: Told = [] if self._all else [_VARY]
        self._any: Told = [(allow, "*"), _EXPOSE]
        self._allowed: dict[str, Told] = {origin: [_VARY, (allow, origin), _EXPOSE] for origin in origins}

    def told(self, origin: str | None) -> Told:
        """What an answer says to a page of this origin, or to who is no page."""
        if origin is None:
            return self._other
        return self._any if self._all else self._allowed.get(origin, self._other)

    def layer(self, app: App) -> App:
        """Around the rest."""

        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            exchange: Exchange = scope["exchange"]
            origin = exchange.headers.get(b"origin")
            told = self.told(None if origin is None else origin.decode("latin-1"))
            exchange.extra += encoded(told)
            preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in exchange.headers
            if origin is not None and preflight:
                exchange.route, exchange.quiet = "preflight", True
                headers = [] if told is self._other else _PREFLIGHT
                await exchange.send({"type": "http.response.start", "status": 204, "headers": headers})
                await exchange.send({"type": "http.response.body", "body": b""})
                return
            await app(scope, receive, send)

        return layer
