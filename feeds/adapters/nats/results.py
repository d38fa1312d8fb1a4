"""A ResultTap (feeds/contract/results.py) on JetStream: one durable pull consumer, shared by all who settle.

What was taken is acknowledged one by one; what was not in time comes again. Nothing is retried here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.pulling import PullConsumer, Pulled, Pulling
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

_PULLING = Pulling(expires_s=2.0, silence_s=6.0, pending_bytes_max=64 * 1024 * 1024)
_GATHER_S = 0.005
"""Who has one result waits so long for those that came with it."""


class JetStreamResults:
    """The results for one process."""

    def __init__(self, connection: Connection, *, bus: BusSettings, ack_wait_s: float = ACK_WAIT_S) -> None:
        self._connection = connection
        self._bus = bus
        self._ack_wait_s = ack_wait_s
        self._streams = Streams(connection, lanes=bus.lanes)
        self._consumer = PullConsumer(connection, SETTLE_STREAM, DURABLE, _PULLING, self._on_pulled)
        self._came: deque[Said] = deque()

    async def begin(self) -> ResultPlace:
        """See ResultTap. Makes the stream where it is missing, so that nothing is said before somebody listens."""
        await self._consumer.leave()
        self._came.clear()
        await self._streams.make(settle_config(self._bus))
        await self._consumer.begin(self._config(), anew=False)
        try:
            stream = await self._connection.jetstream().stream_info(SETTLE_STREAM)
        except NatsError as error:
            raise LogUnavailable(f"{SETTLE_STREAM}: {error}") from error
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
            self._consumer.news.clear()
            await self._consumer.ask(0 if self._consumer.due else most)
            await self._consumer.wait(wait_s)
            if self._came and len(self._came) < most:
                await asyncio.sleep(_GATHER_S)
        self._consumer.check()
        return [self._came.popleft() for _ in range(min(most, len(self._came)))]

    async def done(self, said: Sequence[Said]) -> None:
        """See ResultTap."""
        for one in said:
            await self._consumer.acknowledge(one.reply)

    def _on_pulled(self, one: Pulled) -> None:
        self._came.append(Said(one.subject, one.s, one.data, one.reply))
        self._consumer.news.set()
