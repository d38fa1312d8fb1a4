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
_PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FILES = {
    "docs": ("index.html", "text/html; charset=utf-8"),
    "docs_script": ("page.js", "text/javascript; charset=utf-8"),
    "docs_style": ("page.css", "text/css; charset=utf-8"),
}


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
        kept = {"openapi": (openapi, "application/json"), "asyncapi": (asyncapi, "application/json")}
        place = files("gateway.api") / "page"
        kept |= {name: ((place / file).read_bytes(), media) for name, (file, media) in _FILES.items()}
        self._endpoints: dict[str, Endpoint] = {
            "live": self._live,
            "ready": self._ready,
            "metrics": self._metrics,
            **{name: _unchanging(body, media) for name, (body, media) in kept.items()},
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


def _unchanging(body: bytes, media_type: str) -> Endpoint:
    headers = _PAGE_HEADERS | {"Cache-Control": "public, max-age=60"}

    async def endpoint(_: Request) -> Response:
        return Response(body, headers=headers, media_type=media_type)

    return endpoint
