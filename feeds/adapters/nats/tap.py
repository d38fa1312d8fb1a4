"""A LaneTap (feeds/contract/lane.py) on JetStream: a durable pull consumer of one lane.

The reader's own position is the truth; the consumer's exists so that NATS tells how far behind the reader is, also
while that is not running. `begin` makes the consumer anew at the reader's position, so the two never disagree.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.pulling import PullConsumer, Pulled, Pulling
from feeds.adapters.nats.streams import Streams
from feeds.contract.epoch import epoch_of
from feeds.contract.lane import LaneIdentity, Logged
from feeds.contract.subjects import lane_subjects, stream_name

AHEAD = 2
"""So many times what is taken at once may be asked for ahead, and wait here. That many states of at most
STATE_BYTES_MAX (feeds/pipeline.py) bound the memory."""

_PULLING = Pulling(expires_s=5.0, silence_s=15.0, pending_bytes_max=512 * 1024 * 1024)
_ACK_WAIT_S = 120.0
_UNACKNOWLEDGED_MAX = 200_000
"""More than is ever asked for ahead."""
_CREATED_HELD_S = 3.0


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
        self._identity = identity
        self._lane = lane
        self._durable = durable
        self._consumer = PullConsumer(connection, stream_name(lane), durable, _PULLING, self._on_pulled)
        self._came: deque[Logged] = deque()
        self._replies: deque[tuple[int, str]] = deque()
        self._most = 1
        self.pending = 0

    async def identity(self) -> LaneIdentity:
        """See LaneTap."""
        return await self._identity(self._lane)

    async def begin(self, after: int) -> None:
        """See LaneTap."""
        await self._consumer.leave()
        self._came.clear()
        self._replies.clear()
        self.pending = (await self._consumer.begin(self._config(after + 1), anew=True)).num_pending or 0

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
        room = AHEAD * most - self._consumer.due - len(self._came)
        await self._consumer.ask(room if room >= most else 0)
        if len(self._came) < most:
            self._consumer.news.clear()
            await self._consumer.wait(wait_s)
        self._consumer.check()
        return [self._came.popleft() for _ in range(min(most, len(self._came)))]

    async def done(self, s: int) -> None:
        """See LaneTap. An acknowledgement that is lost only makes the log's own count wrong until the next one."""
        reply = ""
        while self._replies and self._replies[0][0] <= s:
            reply = self._replies.popleft()[1]
        if reply:
            await self._consumer.acknowledge(reply)

    def _on_pulled(self, one: Pulled) -> None:
        self._came.append(Logged(one.subject, one.s, one.at_us, one.data))
        self.pending = one.pending
        if len(self._came) >= self._most:
            self._replies.append((one.s, one.reply))
            self._consumer.news.set()
        elif self.pending == 0 or not self._consumer.due:
            self._replies.append((one.s, one.reply))
