"""Whole HTTP/1.1 responses as bytes: problems (RFC 9457), small pages, and the heads of streams. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Response

Page = Callable[[], bytes]
"""Makes the response of a small page, anew for each request."""

SWITCHING_PROTOCOLS = 101


def problem(status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> bytes:
    """A refusal with a stable `code`."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    return page(orjson.dumps(body), "application/problem+json", status=status, headers=headers)


def page(body: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """A response with a body; the connection closes after it."""
    fields = Headers(
        {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Connection": "close",
        }
    )
    fields.update(headers or {})
    return Response(status, HTTPStatus(status).phrase, fields, body).serialize()


def event_stream(headers: Mapping[str, str]) -> bytes:
    """The head of an event stream, which ends with the connection."""
    fields = Headers(
        {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            "Connection": "close",
        }
    )
    fields.update(headers)
    return Response(200, "OK", fields).serialize()


def no_more(headers: Mapping[str, str]) -> bytes:
    """Tells an EventSource to stop (HTML Living Standard, server-sent events: 204)."""
    return Response(204, "No Content", Headers({"Connection": "close", **headers})).serialize()


def preflight(headers: Mapping[str, str]) -> bytes:
    """The answer to a CORS preflight; `headers` are empty where the origin may not connect."""
    fields = Headers({"Content-Length": "0", "Connection": "close"})
    if headers:
        fields.update(headers)
        fields["Access-Control-Allow-Methods"] = "GET"
        fields["Access-Control-Allow-Headers"] = "Authorization, Cache-Control, Last-Event-ID"
        fields["Access-Control-Max-Age"] = "600"
    return Response(204, "No Content", fields).serialize()
