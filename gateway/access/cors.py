"""CORS by a list of origins: the outermost layer that may answer (WHATWG Fetch, 3.2). Answers preflights by itself.

No cookies are read anywhere, so credentials mode is never allowed: a page sends its key or token itself. `Vary: Origin`
stands on every answer where the list names origins, for then answers differ by it; where it is `*` they do not.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.edge import App, Exchange, Receive, Scope, Send

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = b"authorization, content-type, idempotency-key, if-none-match, request-id, x-api-key"
EXPOSED = b"etag, odds-cursor, odds-source, ratelimit, ratelimit-policy, request-id, retry-after"
MAX_AGE_S = 600

_VARY = (b"vary", b"origin")
_PREFLIGHT = [
    (b"access-control-allow-methods", METHODS),
    (b"access-control-allow-headers", REQUEST_HEADERS),
    (b"access-control-max-age", b"%d" % MAX_AGE_S),
    (b"cache-control", b"no-store"),
]
_EXPOSE = (b"access-control-expose-headers", EXPOSED)


class Cors:
    """The layer."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._all = "*" in origins
        self._allowed = {origin.encode(): (b"access-control-allow-origin", origin.encode()) for origin in origins}
        self._any = (b"access-control-allow-origin", b"*")

    def layer(self, app: App) -> App:
        """Around the rest."""

        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            exchange: Exchange = scope["exchange"]
            origin = exchange.headers.get(b"origin")
            if not self._all:
                exchange.extra.append(_VARY)
            if origin is None:
                await app(scope, receive, send)
                return
            allowed = self._any if self._all else self._allowed.get(origin)
            if allowed is not None:
                exchange.extra += (allowed, _EXPOSE)
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in exchange.headers:
                exchange.route, exchange.hot = "preflight", True
                headers = [] if allowed is None else _PREFLIGHT
                await exchange.send({"type": "http.response.start", "status": 204, "headers": headers})
                await exchange.send({"type": "http.response.body", "body": b""})
                return
            await app(scope, receive, send)

        return layer
