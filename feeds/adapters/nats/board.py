"""Reading a lane's board: the last message of every subject, and the exact position it stands for.

By a consumer of its own, not by batch direct get, which stops at 1,024 subjects. The consumer first gives the last of
every subject as of its creation, then everything after that. So when it has given what was the end of the stream after
its creation, the last of every subject given is the board as of the last position given.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.streams import LaneInfo, Streams
from feeds.contract.errors import LogUnavailable
from feeds.contract.lane import Board, Stored
from feeds.contract.subjects import lane_subjects, stream_name

_PULL_MESSAGES = 2_000
"""Messages asked for at once; also bounds what waits in this process."""
_PULL_TIMEOUT_S = 3.0
_CONSUMER_IDLE_S = 30.0
_CATCHING_UP_S = 0.02
_NO_MORE_NOW = ("", "404", "408")
"""How a pull ends well: all it asked for came, or there is no more now."""


async def read_board(connection: Connection, streams: Streams, lane: int) -> Board:
    """The lane's board. Raises LogUnavailable."""
    try:
        reader = _BoardReader(connection, streams, lane)
        await reader.read()
        floor = (await streams.info(lane)).first_s
    except NatsError as error:
        raise LogUnavailable(f"board of lane {lane}: {error}") from error
    records = sorted((record for record in reader.last.values() if record.s >= floor), key=_position)
    return Board(reader.position, floor, records)


class _BoardReader:
    """One read. What arrives is filed as it comes; `_pulled` ends when a pull has given all it will give."""

    def __init__(self, connection: Connection, streams: Streams, lane: int) -> None:
        self._connection = connection
        self._streams = streams
        self._lane = lane
        self._stream = stream_name(lane)
        self._due = 0
        self._pulled: asyncio.Future[str] | None = None
        self.last: dict[str, Stored] = {}
        self.position = 0

    async def read(self) -> None:
        """Fills in the last message of every subject, and the position they stand for."""
        jetstream = self._connection.jetstream()
        consumer = await jetstream.add_consumer(
            self._stream,
            ConsumerConfig(
                deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
                filter_subject=lane_subjects(self._lane),
                ack_policy=AckPolicy.NONE,
                mem_storage=True,
                num_replicas=1,
                inactive_threshold=_CONSUMER_IDLE_S,
            ),
        )
        inbox = self._connection.client.new_inbox()
        subscription = await self._connection.client.subscribe(inbox, cb=self._on_message)
        try:
            end = await self._streams.info(self._lane)
            await self._pull_up_to(end, consumer=consumer.name, inbox=inbox)
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()
                await jetstream.delete_consumer(self._stream, consumer.name)

    async def _pull_up_to(self, end: LaneInfo, *, consumer: str, inbox: str) -> None:
        """Pulls until the stream's end as it was after the consumer was made, or until that has aged out."""
        while self.position < end.last_s and end.first_s <= end.last_s:
            before = self.position
            await self._pull(consumer=consumer, inbox=inbox)
            if self.position == before:  # the consumer's replica lags behind the stream's leader; or the log aged
                await asyncio.sleep(_CATCHING_UP_S)
                end = end._replace(first_s=(await self._streams.info(self._lane)).first_s)
        self.position = max(self.position, end.last_s)

    async def _pull(self, *, consumer: str, inbox: str) -> None:
        request = json.dumps({"batch": _PULL_MESSAGES, "no_wait": True}).encode()
        self._due = _PULL_MESSAGES
        self._pulled = asyncio.get_running_loop().create_future()
        await self._connection.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{consumer}", request, inbox)
        try:
            async with asyncio.timeout(_PULL_TIMEOUT_S):
                status = await self._pulled
        except TimeoutError:
            raise LogUnavailable(f"board of lane {self._lane}: the log stopped answering") from None
        if status not in _NO_MORE_NOW:
            raise LogUnavailable(f"board of lane {self._lane}: status {status}")

    async def _on_message(self, message: Msg) -> None:
        if message.reply:
            self.position = message.metadata.sequence.stream
            self.last[message.subject] = Stored(message.subject, self.position, message.data)
            self._due -= 1
        pulled = self._pulled
        if pulled is None or pulled.done():
            return
        if not message.reply:  # a status instead of a message
            pulled.set_result((message.headers or {}).get("Status", "unknown"))
        elif self._due == 0:
            pulled.set_result("")


def _position(record: Stored) -> int:
    return record.s
