"""A LaneTap (feeds/contract/lane.py) on JetStream: a durable pull consumer of one lane.

The reader's own position is the truth; the consumer's exists so that NATS tells how far behind the reader is, also
while that is not running. `begin` makes the consumer anew at the reader's position, so the two never disagree.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.streams import Streams
from feeds.contract.epoch import epoch_of
from feeds.contract.errors import LogUnavailable
from feeds.contract.lane import LaneIdentity, Logged
from feeds.contract.subjects import lane_subjects, stream_name

AHEAD = 2
"""So many times what is taken at once may be asked for ahead, and wait here. That many states of at most
STATE_BYTES_MAX (feeds/pipeline.py) bound the memory."""

_PULL_EXPIRES_S = 5.0
_SILENCE_S = 15.0
"""A pull that was neither served nor expired for so long was lost."""
_ACK_WAIT_S = 120.0
_UNACKNOWLEDGED_MAX = 200_000
"""More than is ever asked for ahead."""
_CREATED_HELD_S = 3.0
_PENDING_BYTES_MAX = 512 * 1024 * 1024
_SPENT = frozenset({"404", "408"})


class JetStreamTaps:
    """The taps of one reader. `durable` names it among others of the same log."""

    def __init__(self, connection: Connection, *, lanes: int, durable: str) -> None:
        self._connection = connection
        self._durable = durable
        self._streams = Streams(connection, lanes=lanes)
        self._created: list[str] = []
        self._read_s = 0.0
        self._reading = asyncio.Lock()

    def tap(self, lane: int) -> JetStreamTap:
        """The tap of one lane."""
        return JetStreamTap(self._connection, lane, durable=self._durable, identity=self.identity)

    async def identity(self, lane: int) -> LaneIdentity:
        """A lane's log now; when the others were created may have been read a moment ago."""
        own = await self._streams.info(lane)
        async with self._reading:
            held = self._created
            if not held or held[lane] != own.created or time.monotonic() - self._read_s > _CREATED_HELD_S:
                self._created = [info.created for info in await self._streams.infos()]
                self._read_s = time.monotonic()
        return LaneIdentity(epoch_of(self._created), own.created, own.first_s, own.last_s)


class JetStreamTap:
    """One lane for one reader."""

    def __init__(
        self, connection: Connection, lane: int, *, durable: str, identity: Callable[[int], Awaitable[LaneIdentity]]
    ) -> None:
        self._connection = connection
        self._identity = identity
        self._lane = lane
        self._stream = stream_name(lane)
        self._durable = durable
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._came: deque[Logged] = deque()
        self._replies: deque[tuple[int, str]] = deque()
        self._enough = asyncio.Event()
        self._most = 1
        self._due = 0
        self._heard_s = 0.0
        self._broken = ""
        self.pending = 0
        connection.listen(self._on_connection)

    async def identity(self) -> LaneIdentity:
        """See LaneTap."""
        return await self._identity(self._lane)

    async def begin(self, after: int) -> None:
        """See LaneTap."""
        await self._leave()
        jetstream = self._connection.jetstream()
        try:
            with contextlib.suppress(NotFoundError):
                await jetstream.delete_consumer(self._stream, self._durable)
            created = await jetstream.add_consumer(self._stream, self._config(after + 1))
            self._inbox = self._connection.client.new_inbox()
            self._subscription = await self._connection.client.subscribe(
                self._inbox, cb=self._on_message, pending_bytes_limit=_PENDING_BYTES_MAX
            )
        except NatsError as error:
            raise LogUnavailable(f"consumer {self._durable} of {self._stream}: {error}") from error
        self.pending = created.num_pending or 0

    def _config(self, start: int) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=self._durable,
            filter_subject=lane_subjects(self._lane),
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=start,
            ack_policy=AckPolicy.ALL,
            ack_wait=_ACK_WAIT_S,
            max_ack_pending=_UNACKNOWLEDGED_MAX,
        )

    async def take(self, most: int, wait_s: float) -> list[Logged]:
        """See LaneTap."""
        self._most = most
        await self._ask()
        if len(self._came) < most:
            self._enough.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._enough.wait()
        if self._broken:
            raise LogUnavailable(f"{self._stream}: {self._broken}")
        return [self._came.popleft() for _ in range(min(most, len(self._came)))]

    async def _ask(self) -> None:
        if self._due and time.monotonic() - self._heard_s > _SILENCE_S:
            raise LogUnavailable(f"{self._stream}: the log does not answer")
        room = AHEAD * self._most - self._due - len(self._came)
        if room < self._most:
            return
        if not self._due:
            self._heard_s = time.monotonic()
        self._due += room
        request = json.dumps({"batch": room, "expires": int(_PULL_EXPIRES_S * 1e9)}).encode()
        await self._publish(f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}", request, self._inbox)

    async def done(self, s: int) -> None:
        """See LaneTap. An acknowledgement that is lost only makes the log's own count wrong until the next one."""
        reply = ""
        while self._replies and self._replies[0][0] <= s:
            reply = self._replies.popleft()[1]
        if reply:
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
        tokens = reply.split(".")  # $JS.ACK.[domain.account.]stream.consumer.delivered.s.n.time.pending[.random]
        at = 5 if len(tokens) == 9 else 7
        s = int(tokens[at])
        self._came.append(Logged(message.subject, s, int(tokens[at + 2]) // 1000, message.data))
        self._due -= 1
        self.pending = int(tokens[at + 3])
        if len(self._came) >= self._most:
            self._replies.append((s, reply))
            self._enough.set()
        elif self.pending == 0 or not self._due:
            self._replies.append((s, reply))

    def _on_status(self, headers: dict[str, str]) -> None:
        status = headers.get("Status", "")
        if status in _SPENT:
            self._due = max(0, self._due - int(headers.get("Nats-Pending-Messages", self._due)))
        else:
            self._break(f"status {status} {headers.get('Description', '')}")

    def _on_connection(self, connected: bool) -> None:
        self._break("the connection came back anew" if connected else "the connection was lost")

    def _break(self, why: str) -> None:
        self._broken = why
        self._enough.set()

    async def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()
        self._came.clear()
        self._replies.clear()
        self._enough.clear()
        self._due = 0
        self._broken = ""
