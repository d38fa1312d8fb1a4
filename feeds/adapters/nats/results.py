"""A ResultTap (feeds/contract/results.py) on JetStream: one durable pull consumer, shared by all who settle.

What was taken is acknowledged one by one; what was not in time comes again. Nothing is retried here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Sequence

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.settling import settle_config
from feeds.adapters.nats.streams import Streams
from feeds.contract.errors import LogUnavailable
from feeds.contract.results import ResultPlace, Said
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import SETTLE_STREAM, SETTLE_SUBJECTS

DURABLE = "settler"
"""The readers' name among the consumers of the results."""

ACK_WAIT_S = 10.0
"""How long what one took is that one's; whoever died with it keeps it back for so long."""

UNACKNOWLEDGED_MAX = 4_000
"""Results that all readers together hold. Beyond it the log gives no more."""

_PULL_EXPIRES_S = 2.0
_SILENCE_S = 6.0
"""A pull that was neither served nor expired for so long was lost."""
_GATHER_S = 0.005
"""Who has one result waits so long for those that came with it."""
_PENDING_BYTES_MAX = 64 * 1024 * 1024
_SPENT = frozenset({"404", "408"})


class JetStreamResults:
    """The results for one process."""

    def __init__(self, connection: Connection, *, bus: BusSettings, ack_wait_s: float = ACK_WAIT_S) -> None:
        self._connection = connection
        self._bus = bus
        self._ack_wait_s = ack_wait_s
        self._streams = Streams(connection, lanes=bus.lanes)
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._came: deque[Said] = deque()
        self._some = asyncio.Event()
        self._due = 0
        self._heard_s = 0.0
        self._broken = ""
        connection.listen(self._on_connection)

    async def begin(self) -> ResultPlace:
        """See ResultTap. Makes the stream where it is missing, so that nothing is said before somebody listens."""
        await self._leave()
        await self._streams.make(settle_config(self._bus))
        jetstream = self._connection.jetstream()
        try:
            await jetstream.add_consumer(SETTLE_STREAM, self._config())
            stream = await jetstream.stream_info(SETTLE_STREAM)
            self._inbox = self._connection.client.new_inbox()
            self._subscription = await self._connection.client.subscribe(
                self._inbox, cb=self._on_message, pending_bytes_limit=_PENDING_BYTES_MAX
            )
        except NatsError as error:
            raise LogUnavailable(f"consumer {DURABLE} of {SETTLE_STREAM}: {error}") from error
        assert stream.created is not None
        return ResultPlace(stream.created.isoformat(), stream.state.first_seq)

    def _config(self) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=DURABLE,
            filter_subject=SETTLE_SUBJECTS,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait_s,
            max_ack_pending=UNACKNOWLEDGED_MAX,
        )

    async def take(self, most: int, wait_s: float) -> list[Said]:
        """See ResultTap."""
        if not self._came:
            self._some.clear()
            await self._ask(most)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._some.wait()
            if self._came and len(self._came) < most:
                await asyncio.sleep(_GATHER_S)
        if self._broken:
            raise LogUnavailable(f"{SETTLE_STREAM}: {self._broken}")
        return [self._came.popleft() for _ in range(min(most, len(self._came)))]

    async def done(self, said: Sequence[Said]) -> None:
        """See ResultTap."""
        for one in said:
            await self._publish(one.reply, b"+ACK")

    async def _ask(self, most: int) -> None:
        if self._due and time.monotonic() - self._heard_s > _SILENCE_S:
            raise LogUnavailable(f"{SETTLE_STREAM}: the log does not answer")
        if self._due:
            return
        self._heard_s = time.monotonic()
        self._due = most
        request = json.dumps({"batch": most, "expires": int(_PULL_EXPIRES_S * 1e9)}).encode()
        await self._publish(f"$JS.API.CONSUMER.MSG.NEXT.{SETTLE_STREAM}.{DURABLE}", request, self._inbox)

    async def _publish(self, subject: str, data: bytes, reply: str = "") -> None:
        try:
            await self._connection.client.publish(subject, data, reply)
        except NatsError as error:
            raise LogUnavailable(f"{SETTLE_STREAM}: {error}") from error

    async def _on_message(self, message: Msg) -> None:
        self._heard_s = time.monotonic()
        if not message.reply:
            self._on_status(message.headers or {})
            return
        # $JS.ACK.[domain.account.]stream.consumer.delivered.s.n.time.pending[.random]
        tokens = message.reply.split(".")
        s = int(tokens[5 if len(tokens) == 9 else 7])
        self._came.append(Said(message.subject, s, message.data, message.reply))
        self._due -= 1
        self._some.set()

    def _on_status(self, headers: dict[str, str]) -> None:
        status = headers.get("Status", "")
        if status in _SPENT:
            self._due = 0
            self._some.set()
        else:
            self._break(f"status {status} {headers.get('Description', '')}")

    def _on_connection(self, connected: bool) -> None:
        self._break("the connection came back anew" if connected else "the connection was lost")

    def _break(self, why: str) -> None:
        self._broken = why
        self._some.set()

    async def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()
        self._came.clear()
        self._due = 0
        self._broken = ""
