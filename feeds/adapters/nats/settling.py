"""The results on NATS JetStream: the stream SETTLE, made where it is missing, and publishing to it exactly once.

Nothing here ever changes a stream that is there, and nothing is retried: that is for who publishes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StoreCompression, StreamConfig
from nats.js.errors import NoStreamResponseError

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.publisher import ACK_TIMEOUT_S, LanePublisher
from feeds.adapters.nats.streams import Streams
from feeds.contract.errors import LogUnavailable
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import SETTLE_STREAM, SETTLE_SUBJECTS
from feeds.lane_log import Message, Positions

DUPLICATE_WINDOW_S_MAX = 3_600.0
"""How long JetStream remembers message ids, which it does in memory; who settles recognises a saying for ever."""


class ResultPublisher:
    """A ResultLog (feeds/lane_log.py) on NATS JetStream."""

    def __init__(self, connection: Connection, *, bus: BusSettings) -> None:
        self._connection = connection
        self._bus = bus
        self._streams = Streams(connection, lanes=bus.lanes)
        self._lanes = {lane: LanePublisher(connection, lane, bus=bus) for lane in range(bus.lanes)}

    async def positions(self, lane: int, subjects: Iterable[str]) -> Positions:
        """See ResultLog."""
        wanted = list(subjects)
        before = await self._streams.info(lane)
        found = await asyncio.gather(*(self._lanes[lane].last(subject) for subject in wanted))
        after = await self._streams.info(lane)
        if before.created != after.created:
            raise LogUnavailable(f"lane {lane} was made anew meanwhile")
        s = {subject: record.s if record is not None else 0 for subject, record in zip(wanted, found)}
        return Positions(after.created, s)

    async def publish(self, message: Message, message_id: str) -> None:
        """See ResultLog."""
        try:
            await self._connection.jetstream().publish(
                message.subject,
                message.data,
                timeout=ACK_TIMEOUT_S,
                stream=SETTLE_STREAM,
                headers={"Nats-Msg-Id": message_id},
            )
        except NoStreamResponseError as error:
            await self._streams.make(settle_config(self._bus))
            raise LogUnavailable(f"there was no {SETTLE_STREAM}") from error
        except NatsError as error:
            raise LogUnavailable(f"{message.subject}: {error}") from error


def settle_config(bus: BusSettings) -> StreamConfig:
    """How the stream of results is made: on disk, replicated as the lanes are. At its age a result is forgotten, read
    or not: who settles has to come back before."""
    return StreamConfig(
        name=SETTLE_STREAM,
        subjects=[SETTLE_SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        compression=StoreCompression.S2,
        num_replicas=bus.log_replicas,
        max_age=float(bus.settle_age_s),
        duplicate_window=min(DUPLICATE_WINDOW_S_MAX, float(bus.settle_age_s)),
        allow_direct=True,
    )
