"""What whoever runs a process asks it over HTTP: `/live`, `/ready`, `/metrics`. For processes that serve nothing else.

They are answered by the loop that does the work, so one that hangs does not say that it lives. `/live` is about this
process alone: were it about a server that is away, all would be restarted just then. `/ready` names what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest

from feeds.adapters.nats.connection import Connection

log = structlog.get_logger(__name__)

LOG, DATABASE, WORK = "log", "database", "work"
"""What processes wait for."""

HEAD_BYTES_MAX = 8_192
HEAD_S_MAX = 5.0
"""A head that is longer, or takes longer, has no answer."""

CONNECTIONS_MAX = 32
"""Who comes while so many are answered is cut off: one Prometheus and one kubelet ask."""

_JSON, _TEXT = "application/json", "text/plain; version=0.0.4; charset=utf-8"
_REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Readiness:
    """What a process lacks before it does its work. Nothing: it is ready."""

    def __init__(self, *lacking: str) -> None:
        self._lacking = dict.fromkeys(lacking)
        self._connection: Connection | None = None

    @property
    def waiting_for(self) -> list[str]:
        """What is missing now."""
        away = self._connection is not None and not self._connection.connected
        return [*self._lacking, *([LOG] if away else [])]

    def has(self, what: str) -> None:
        """It is there."""
        self._lacking.pop(what, None)

    def follow(self, connection: Connection) -> None:
        """The log is there while this is connected."""
        self.has(LOG)
        self._connection = connection


@contextlib.asynccontextmanager
async def answering(host: str, port: int, registry: CollectorRegistry, readiness: Readiness) -> AsyncIterator[None]:
    """Answers within this context; port 0 answers nobody. Raises OSError where the port cannot be had."""
    if not port:
        yield
        return
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    probes = _Probes(registry, readiness)
    server = await asyncio.start_server(probes.take, host, port, limit=HEAD_BYTES_MAX)
    try:
        yield
    finally:
        server.close()


class _Probes:
    def __init__(self, registry: CollectorRegistry, readiness: Readiness) -> None:
        self._registry = registry
        self._readiness = readiness
        self._connections = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: one request, one answer."""
        try:
            if self._connections < CONNECTIONS_MAX:
                self._connections += 1
                try:
                    await self._exchange(reader, writer)
                finally:
                    self._connections -= 1
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("probe_unanswered", why=str(error) or type(error).__name__)
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_S_MAX):
            head = await reader.readuntil(b"\r\n\r\n")
            method, _, rest = head.partition(b" ")
            path = rest.partition(b" ")[0].partition(b"?")[0]
            status, media_type, body = self._answer(method, path)
            lines = (
                f"HTTP/1.1 {status} {_REASONS[status]}",
                f"Content-Type: {media_type}",
                f"Content-Length: {len(body)}",
                "Cache-Control: no-store",
                "Connection: close",
            )
            writer.write("\r\n".join((*lines, "", "")).encode() + (b"" if method == b"HEAD" else body))
            await writer.drain()

    def _answer(self, method: bytes, path: bytes) -> tuple[int, str, bytes]:
        if method not in (b"GET", b"HEAD"):
            return 405, _JSON, b"{}"
        match path:
            case b"/live":
                return 200, _JSON, b'{"status":"live"}'
            case b"/ready":
                waiting_for = self._readiness.waiting_for
                if waiting_for:
                    return 503, _JSON, orjson.dumps({"status": "waiting", "for": waiting_for})
                return 200, _JSON, b'{"status":"ready"}'
            case b"/metrics":
                return 200, _TEXT, generate_latest(self._registry)
        return 404, _JSON, b"{}"
