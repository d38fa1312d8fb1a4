"""A pull consumer of one stream for one reader: asked by how many, silent for how long, broken by what.

What is read and how it is acknowledged is the reader's (tap.py, results.py). Nothing is retried here: a consumer that
broke says so until it is begun anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, ConsumerInfo
from nats.js.errors import NotFoundError

from feeds.adapters.nats.connection import Connection
from feeds.contract.errors import LogUnavailable

_SPENT = frozenset({"404", "408"})


class Pulled(NamedTuple):
    """One message and where it stands: its sequence, when it was stored, how many come after it."""

    subject: str
    data: bytes
    reply: str
    s: int
    at_us: int
    """Stored, microseconds of Unix time."""
    pending: int


class Pulling(NamedTuple):
    """How a consumer is pulled. `silence_s`: a pull that was neither served nor expired for so long was lost."""

    expires_s: float
    silence_s: float
    pending_bytes_max: int


class PullConsumer:
    """`receive` gets each message in the order of the stream; `news` is set when a pull ended or the consumer broke,
    and by whoever receives."""

    def __init__(
        self, connection: Connection, stream: str, durable: str, pulling: Pulling, receive: Callable[[Pulled], None]
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._durable = durable
        self._pulling = pulling
        self._receive = receive
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._heard_s = 0.0
        self._broken = ""
        self.due = 0
        """Asked for and not here yet."""
        self.news = asyncio.Event()
        connection.listen(self._on_connection)

    async def begin(self, config: ConsumerConfig, *, anew: bool) -> ConsumerInfo:
        """Listens to the consumer, made where it is missing; `anew`: in place of the one there is. Raises
        LogUnavailable."""
        jetstream = self._connection.jetstream()
        try:
            if anew:
                with contextlib.suppress(NotFoundError):
                    await jetstream.delete_consumer(self._stream, self._durable)
            info = await jetstream.add_consumer(self._stream, config)
            self._inbox = self._connection.client.new_inbox()
            self._subscription = await self._connection.client.subscribe(
                self._inbox, cb=self._on_message, pending_bytes_limit=self._pulling.pending_bytes_max
            )
        except NatsError as error:
            raise LogUnavailable(f"consumer {self._durable} of {self._stream}: {error}") from error
        return info

    async def leave(self) -> None:
        """Hears nothing more, and is whole again."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()
        self.news.clear()
        self.due = 0
        self._broken = ""

    async def ask(self, many: int) -> None:
        """Asks for `many` more; none only looks whether the log still answers. Raises LogUnavailable."""
        now_s = time.monotonic()
        if self.due and now_s - self._heard_s > self._pulling.silence_s:
            raise LogUnavailable(f"{self._stream}: the log does not answer")
        if many < 1:
            return
        if not self.due:
            self._heard_s = now_s
        self.due += many
        request = json.dumps({"batch": many, "expires": int(self._pulling.expires_s * 1e9)}).encode()
        await self._publish(f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}", request, self._inbox)

    async def wait(self, wait_s: float) -> None:
        """For news, at most so long. Raises LogUnavailable if the consumer broke."""
        self.check()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.news.wait()
        self.check()

    def check(self) -> None:
        """Raises LogUnavailable if the consumer broke."""
        if self._broken:
            raise LogUnavailable(f"{self._stream}: {self._broken}")

    async def acknowledge(self, reply: str) -> None:
        """Raises LogUnavailable."""
        await self._publish(reply, b"+ACK")

    async def _publish(self, subject: str, data: bytes, reply: str = "") -> None:
        try:
            await self._connection.client.publish(subject, data, reply)
        except NatsError as error:
            raise LogUnavailable(f"{self._stream}: {error}") from error

    async def _on_message(self, message: Msg) -> None:
        self._heard_s = time.monotonic()
        reply = message.reply
        if not reply:
            self._on_status(message.headers or {})
            return
        self.due -= 1
        tokens = reply.split(".")  # $JS.ACK.[domain.account.]stream.consumer.delivered.s.n.time.pending[.random]
        at = 5 if len(tokens) == 9 else 7
        at_us, pending = int(tokens[at + 2]) // 1000, int(tokens[at + 3])
        self._receive(Pulled(message.subject, message.data, reply, int(tokens[at]), at_us, pending))

    def _on_status(self, headers: dict[str, str]) -> None:
        status = headers.get("Status", "")
        if status in _SPENT:
            self.due = max(0, self.due - int(headers.get("Nats-Pending-Messages", self.due)))
            self.news.set()
        else:
            self._break(f"status {status} {headers.get('Description', '')}")

    def _on_connection(self, connected: bool) -> None:
        self._break("the connection came back anew" if connected else "the connection was lost")

    def _break(self, why: str) -> None:
        self._broken = why
        self.news.set()
