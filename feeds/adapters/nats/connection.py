"""One connection to NATS with the settings odds need. It must never replay what was meant for an earlier moment.

Endless reconnects with jitter; a dead peer is noticed within seconds (ping 2 s, TCP_USER_TIMEOUT 3 s: a half-open
connection under load otherwise hangs the client for minutes); nothing is buffered while the server is away, so a
publish then fails at once; errors are counted, and one line in some seconds says what is wrong.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from nats.aio.client import Client, Server, Srv
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError
from nats.js import JetStreamContext

from feeds.contract.errors import LogUnavailable

log = structlog.get_logger(__name__)

PING_INTERVAL_S = 2
PINGS_OUTSTANDING_MAX = 2
TCP_USER_TIMEOUT_MS = 3_000
RECONNECT_WAIT_S = (0.1, 0.5)
"""Between two attempts: at random from this range, so that a fleet does not come back in step."""
CONNECT_TIMEOUT_S = 2
REQUEST_TIMEOUT_S = 2.0
COMPLAINT_INTERVAL_S = 3.0
"""An error of the connection is logged at most this often, and counted always."""

_HEADERS_START = b"NATS/1.0\r\n"
_HEADER = re.compile(r"^([!-9;-~]+):[ \t]*((?:[^\r\n]*[^\r\n \t])?)[ \t]*\r\n", re.MULTILINE)
"""Headers without a status line (ADR-4 of NATS): a name, a value."""

Listener = Callable[[bool], None]

_T = TypeVar("_T")


class _OddsClient(Client):
    """nats-py's client with the four things it has no option for. They touch internals of the pinned 2.x series."""

    async def _connect_to_server(self, s: Srv) -> None:
        await super()._connect_to_server(s)
        writer = getattr(self._transport, "_io_writer", None)
        raw: socket.socket | None = None if writer is None else writer.get_extra_info("socket")
        if raw is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS)

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        return await unless_cancelled(super()._flush_pending(force_flush))

    async def request(self, *arguments: Any, **options: Any) -> Msg:
        """As nats-py's."""
        return await unless_cancelled(super().request(*arguments, **options))

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        """Every record of a lane has some: read at once, in a fifth of the time."""
        if headers is None or not headers.startswith(_HEADERS_START):
            return await super()._process_headers(headers)
        return dict(_HEADER.findall(headers[len(_HEADERS_START) :].decode(errors="replace"))) or None

    def forget_unsent(self) -> None:
        """What was handed over but not yet written to the lost socket must not be sent on the next one."""
        self._pending = []
        self._pending_data_size = 0


async def unless_cancelled(work: Awaitable[_T]) -> _T:
    """The result of `work`, unless who waits for it was cancelled meanwhile: then that.

    nats-py takes a cancellation while it waits for its flusher for the end of that wait, and Python 3.11's
    asyncio.wait_for loses one that comes together with its result (fixed in 3.12). The task that was cancelled would go
    on, and whoever waits for its end would wait for ever.
    """
    task = asyncio.current_task()
    cancelled = 0 if task is None else task.cancelling()
    result = await work
    if task is not None and task.cancelling() > cancelled:
        raise asyncio.CancelledError
    return result


def shown(url: str) -> str:
    """Addresses as they may be told: without who connects."""
    return ",".join(re.sub(r"//[^@/]*@", "//", one) for one in url.split(","))


class Connection:
    """A connection that is kept for the life of the process. `async with Connection(url, name=...) as connection`."""

    def __init__(self, url: str, *, name: str) -> None:
        self._url = url
        self._shown = shown(url)
        self._name = name
        self._client = _OddsClient()
        self._listeners: list[Listener] = []
        self._closing = False
        self._over = asyncio.Event()
        self._fault: Exception | None = None
        self._complained_at = -COMPLAINT_INTERVAL_S
        self.errors = 0
        self.dropped = 0
        self.reconnects = 0

    @property
    def client(self) -> Client:
        """The nats-py client: subscribe, publish, request."""
        return self._client

    def jetstream(self) -> JetStreamContext:
        """The JetStream context of this connection."""
        return self._client.jetstream(timeout=REQUEST_TIMEOUT_S)

    @property
    def connected(self) -> bool:
        """Whether the server is there now."""
        return self._client.is_connected

    def listen(self, listener: Listener) -> None:
        """`listener(False)` when the server is lost, `listener(True)` when it is back and subscriptions are renewed."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """It is told no more."""
        self._listeners.remove(listener)

    async def open(self) -> None:
        """Connects; a server that is not there is waited for, for ever, saying so every few seconds."""
        await self._client.connect(
            servers=self._url.split(","),
            name=self._name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT_S[1],  # type: ignore[arg-type]  # it sleeps for it, so a float is fine
            reconnect_to_server_handler=_next_server,
            connect_timeout=CONNECT_TIMEOUT_S,
            ping_interval=PING_INTERVAL_S,
            max_outstanding_pings=PINGS_OUTSTANDING_MAX,
            pending_size=0,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
        )
        log.info("nats_connected", url=self._shown)

    async def close(self) -> None:
        """Ends the connection; nothing is waited for."""
        self._closing = True
        await self._client.close()

    async def ended(self) -> None:
        """Waits until there is no going on, then raises: LogUnavailable where the client gave up for good (refused
        credentials, a protocol error), or what a callback of ours raised. A process runs this beside its work."""
        await self._over.wait()
        if self._fault is not None:
            raise self._fault
        raise LogUnavailable(f"nats-server at {self._shown} ended the connection for good: {self._client.last_error}")

    async def _on_error(self, error: Exception) -> None:
        if not isinstance(error, (NatsError, OSError)):
            self._fault = error  # nats-py hands the exceptions of callbacks here, too
            self._over.set()
            return
        if isinstance(error, SlowConsumerError):
            self.dropped += 1
        self.errors += 1
        now = time.monotonic()
        if now - self._complained_at >= COMPLAINT_INTERVAL_S:
            self._complained_at = now
            log.warning("nats_unavailable", url=self._shown, error=_words(error), errors=self.errors)

    async def _on_disconnected(self) -> None:
        self._client.forget_unsent()
        if not self._closing:
            log.warning("nats_disconnected", url=self._shown)
            self._tell(connected=False)

    async def _on_reconnected(self) -> None:
        self.reconnects += 1
        log.info("nats_reconnected", url=self._shown)
        self._tell(connected=True)

    async def _on_closed(self) -> None:
        if not self._closing:
            self._over.set()

    def _tell(self, *, connected: bool) -> None:
        for listener in self._listeners:
            listener(connected)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _next_server(servers: list[Server], _info: dict[str, Any]) -> tuple[Server, float]:
    return random.choice(servers), random.uniform(*RECONNECT_WAIT_S)


def _words(error: Exception) -> str:
    """One line. nats-py's slow consumer error would print the whole subscription."""
    if isinstance(error, SlowConsumerError):
        return "too slow: messages dropped"
    if isinstance(error, (OSError, NatsError)) and str(error):
        return str(error)
    return type(error).__name__
