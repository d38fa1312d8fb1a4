"""Endpoints about the service itself: is it alive, is it ready, how is it, what does it offer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.edge import Exchange

Endpoint = Callable[[Request], Awaitable[Response]]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STREAMS_TOO = CONTENT_SECURITY_POLICY.replace("connect-src 'self'", "connect-src 'self' ws: wss:")
"""For /demo: the shards have addresses of their own."""

_ANYWHERE = {"Access-Control-Allow-Origin": "*"}
"""A module is imported from pages of other origins; it holds nothing that is not public."""

_PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_HTML, _SCRIPT, _STYLE = (f"text/{kind}; charset=utf-8" for kind in ("html", "javascript", "css"))
_FILES: dict[str, tuple[str, str, dict[str, str]]] = {
    "docs": ("index.html", _HTML, {}),
    "docs_script": ("page.js", _SCRIPT, {}),
    "docs_style": ("page.css", _STYLE, {}),
    "sdk": ("oddswire.js", _SCRIPT, _ANYWHERE),
    "demo": ("demo.html", _HTML, {"Content-Security-Policy": _STREAMS_TOO}),
    "demo_script": ("demo.js", _SCRIPT, {}),
    "demo_style": ("demo.css", _STYLE, {}),
}
"""Served as they are: file of gateway/api/page, media type, headers beside those of every page."""


class Operations:
    """The endpoints by the names in routes.py. `waiting_for` says what is missing before this process is ready,
    `metrics` what Prometheus asks for."""

    def __init__(
        self,
        *,
        waiting_for: Callable[[], list[str]],
        metrics: Callable[[], Awaitable[bytes]],
        openapi: bytes,
        asyncapi: bytes,
    ) -> None:
        self._waiting_for = waiting_for
        self._told = metrics
        place = files("gateway.api") / "page"
        pages = {
            name: _unchanging((place / file).read_bytes(), media, more) for name, (file, media, more) in _FILES.items()
        }
        self._endpoints: dict[str, Endpoint] = {
            "live": self._live,
            "ready": self._ready,
            "metrics": self._metrics,
            "openapi": _unchanging(openapi, "application/json", {}),
            "asyncapi": _unchanging(asyncapi, "application/json", {}),
            **pages,
        }

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint, which counts its requests under its name."""
        inner = self._endpoints[name]

        async def named(request: Request) -> Response:
            exchange: Exchange = request.scope["exchange"]
            exchange.route = name
            return await inner(request)

        return named

    async def _live(self, _: Request) -> Response:
        """That this is answered is the answer."""
        return _said({"status": "live"}, 200)

    async def _ready(self, _: Request) -> Response:
        """Whether a load balancer should send requests here."""
        waiting_for = self._waiting_for()
        if waiting_for:
            return _said({"status": "waiting", "for": waiting_for}, 503)
        return _said({"status": "ready"}, 200)

    async def _metrics(self, _: Request) -> Response:
        """Prometheus text format 0.0.4."""
        text = await self._told()
        return Response(text, media_type="text/plain; version=0.0.4", headers={"Cache-Control": "no-store"})


def _said(body: dict[str, object], status: int) -> Response:
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, "application/json")


def _unchanging(body: bytes, media_type: str, more: dict[str, str]) -> Endpoint:
    headers = _PAGE_HEADERS | {"Cache-Control": "public, max-age=60"} | more

    async def endpoint(_: Request) -> Response:
        return Response(body, headers=headers, media_type=media_type)

    return endpoint
