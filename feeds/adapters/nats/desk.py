"""What a desk reads and writes, on NATS JetStream: overlays in the lanes, and the trail of its changes in DESK.

It must never write an overlay without the position it expects, never make a lane's stream, and never change DESK where
it is there. Nothing is retried: that is for who asks.
"""

from __future__ import annotations

import contextlib
from collections import deque

from nats.errors import Error as NatsError
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StoreCompression,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.publisher import ACK_TIMEOUT_S, LanePublisher
from feeds.adapters.nats.streams import Streams
from feeds.contract.errors import LogUnavailable
from feeds.contract.lane import Stored
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import DESK_STREAM, DESK_SUBJECTS, desk_subjects, stream_name
from feeds.lane_log import Fence, Message, WriteRefused

DUPLICATE_WINDOW_S = 3_600.0
"""How long JetStream remembers message ids; a change is looked for in the trail before it is put there again."""

_PULL_MESSAGES = 500
_PULL_TIMEOUT_S = 3.0
_CONSUMER_IDLE_S = 30.0


class DeskLog:
    """An OverlayLog (gateway/desk/ports.py). `trail_age_s`: how long what desks did is kept, where DESK is made."""

    def __init__(self, connection: Connection, *, bus: BusSettings, trail_age_s: int) -> None:
        self._connection = connection
        self._streams = Streams(connection, lanes=bus.lanes)
        self._lanes = {lane: LanePublisher(connection, lane, bus=bus) for lane in range(bus.lanes)}
        self._trail = trail_config(bus, trail_age_s=trail_age_s)

    async def last(self, lane: int, subject: str) -> Stored | None:
        """See OverlayLog."""
        return await self._lanes[lane].last(subject)

    async def write(self, lane: int, subject: str, data: bytes, *, expected_s: int) -> bool:
        """See OverlayLog."""
        try:
            await self._lanes[lane].write([Message(subject, data)], Fence(subject, expected_s))
        except WriteRefused:
            return False
        return True

    async def overlays(self, lane: int) -> list[Stored]:
        """See OverlayLog."""
        return await self._read(stream_name(lane), [desk_subjects(lane)], DeliverPolicy.LAST_PER_SUBJECT, limit=None)

    async def record(self, subject: str, data: bytes, message_id: str) -> None:
        """See OverlayLog."""
        await self._streams.make(self._trail)
        try:
            await self._connection.jetstream().publish(
                subject, data, timeout=ACK_TIMEOUT_S, stream=DESK_STREAM, headers={"Nats-Msg-Id": message_id}
            )
        except NatsError as error:
            raise LogUnavailable(f"{subject}: {error}") from error

    async def last_recorded(self, subject: str) -> Stored | None:
        """See OverlayLog."""
        try:
            found = await self._connection.jetstream().get_last_msg(DESK_STREAM, subject)
        except NotFoundError:
            return None
        except NatsError as error:
            raise LogUnavailable(f"{subject}: {error}") from error
        assert found.seq is not None
        return Stored(subject, found.seq, found.data or b"")

    async def recorded(self, scope_subject: str | None, limit: int) -> list[Stored]:
        """See OverlayLog."""
        wanted = [DESK_SUBJECTS] if scope_subject is None else [scope_subject, f"{scope_subject}.>"]
        return await self._read(DESK_STREAM, wanted, DeliverPolicy.ALL, limit=limit)

    async def _read(
        self, stream: str, subjects: list[str], policy: DeliverPolicy, *, limit: int | None
    ) -> list[Stored]:
        """The last `limit` messages, oldest first. Raises LogUnavailable."""
        jetstream = self._connection.jetstream()
        try:
            consumer = await jetstream.add_consumer(
                stream,
                ConsumerConfig(
                    deliver_policy=policy,
                    filter_subjects=subjects,
                    ack_policy=AckPolicy.NONE,
                    mem_storage=True,
                    num_replicas=1,
                    inactive_threshold=_CONSUMER_IDLE_S,
                ),
            )
            try:
                return await self._pull(stream, consumer.name, consumer.num_pending or 0, limit)
            finally:
                with contextlib.suppress(NatsError):
                    await jetstream.delete_consumer(stream, consumer.name)
        except NotFoundError as error:
            if stream == DESK_STREAM:
                return []  # no desk has done anything yet
            raise LogUnavailable(f"there is no {stream}") from error
        except NatsError as error:
            raise LogUnavailable(f"{stream}: {error}") from error

    async def _pull(self, stream: str, consumer: str, pending: int, limit: int | None) -> list[Stored]:
        found: deque[Stored] = deque(maxlen=limit)
        subscription = await self._connection.jetstream().pull_subscribe_bind(consumer, stream=stream)
        try:
            while pending:
                for message in await subscription.fetch(min(pending, _PULL_MESSAGES), timeout=_PULL_TIMEOUT_S):
                    pending = message.metadata.num_pending
                    found.append(Stored(message.subject, message.metadata.sequence.stream, message.data))
        finally:
            await subscription.unsubscribe()
        return list(found)


def trail_config(bus: BusSettings, *, trail_age_s: int) -> StreamConfig:
    """How the stream of what desks did is made: on disk, replicated as the lanes are; nothing in it can be taken out
    before its age."""
    return StreamConfig(
        name=DESK_STREAM,
        subjects=[DESK_SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        compression=StoreCompression.S2,
        num_replicas=bus.log_replicas,
        max_age=float(trail_age_s),
        duplicate_window=min(DUPLICATE_WINDOW_S, float(trail_age_s)),
        allow_direct=True,
        deny_delete=True,
        deny_purge=True,
    )
