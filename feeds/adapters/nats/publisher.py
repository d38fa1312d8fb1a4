"""Writing to one lane, fenced. A batch is atomic (ADR-50): all of it is stored, contiguous, or nothing.

It must never publish without a fence, and never retry: what a missing answer means is for the writer to decide.
"""

from __future__ import annotations

import json
import time
from typing import Any

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import NotFoundError
from nats.nuid import NUID

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.streams import FallBack, Streams
from feeds.contract.errors import LogUnavailable
from feeds.contract.lane import Stored
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import stream_name
from feeds.lane_log import Fence, LogMissing, Message, WriteRefused

ACK_TIMEOUT_S = 2.0

_WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
_STREAM_NOT_FOUND = 10059


class LanePublisher:
    """A LaneLog (feeds/lane_log.py) on NATS JetStream."""

    def __init__(
        self, connection: Connection, lane: int, *, bus: BusSettings, ack_timeout_s: float = ACK_TIMEOUT_S
    ) -> None:
        self._connection = connection
        self._bus = bus
        self._streams = Streams(connection, lanes=bus.lanes)
        self._lane = lane
        self._stream = stream_name(lane)
        self._ack_timeout_s = ack_timeout_s
        self._fall_back = FallBack()
        self._batch_ids = NUID()

    async def write(self, messages: list[Message], fence: Fence) -> int:
        """See LaneLog."""
        write = self._write_batch(messages, fence) if len(messages) > 1 else self._write_one(messages[0], fence)
        try:
            return self._stored(await write, len(messages))
        except NoRespondersError as error:
            raise LogMissing(f"{self._stream} has no leader, or there is no such stream") from error
        except NatsError as error:
            raise LogUnavailable(f"no acknowledgement of lane {self._lane}: {error}") from error

    async def _write_one(self, message: Message, fence: Fence) -> bytes:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(fence.s)}
        if message.subject != fence.subject:
            headers["Nats-Expected-Last-Subject-Sequence-Subject"] = fence.subject
        client = self._connection.client
        reply = await client.request(message.subject, message.data, timeout=self._ack_timeout_s, headers=headers)
        return bytes(reply.data)

    async def _write_batch(self, messages: list[Message], fence: Fence) -> bytes:
        """The fence stands on the first message; the last one commits, and only that one is answered."""
        batch_id = self._batch_ids.next().decode()
        publish = self._connection.client.publish
        first, last = messages[0], messages[-1]
        headers = {
            "Nats-Batch-Id": batch_id,
            "Nats-Batch-Sequence": "1",
            "Nats-Expected-Last-Subject-Sequence": str(fence.s),
            "Nats-Expected-Last-Subject-Sequence-Subject": fence.subject,
        }
        await publish(first.subject, first.data, headers=headers)
        for sequence, message in enumerate(messages[1:-1], start=2):
            headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(sequence)}
            await publish(message.subject, message.data, headers=headers)
        headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(len(messages)), "Nats-Batch-Commit": "1"}
        client = self._connection.client
        reply = await client.request(last.subject, last.data, timeout=self._ack_timeout_s, headers=headers)
        return bytes(reply.data)

    def _stored(self, data: bytes, count: int) -> int:
        answer: dict[str, Any] = json.loads(data)
        if error := answer.get("error"):
            if error.get("err_code") in _WRONG_LAST_SEQUENCE:
                raise WriteRefused(f"{self._stream}: {error.get('description')}")
            raise LogUnavailable(f"{self._stream}: {error.get('description')} ({error.get('err_code')})")
        if count > 1 and answer.get("count") != count:
            raise LogUnavailable(f"{self._stream}: a batch of {count} was acknowledged as {answer.get('count')}")
        s: int = answer["seq"]
        return s

    async def last(self, subject: str) -> Stored | None:
        """See LaneLog. Asks the stream's leader: a direct get may be answered by a replica that lags."""
        try:
            found = await self._connection.jetstream().get_last_msg(self._stream, subject)
        except NotFoundError as error:
            if error.err_code == _STREAM_NOT_FOUND:
                raise LogMissing(f"there is no {self._stream}") from error
            return None
        except NatsError as error:
            raise LogUnavailable(f"{subject}: {error}") from error
        assert found.seq is not None
        return Stored(subject, found.seq, found.data or b"")

    async def remake(self, *, created: str, s: int) -> str:
        """See LaneLog."""
        await self._ensure()
        info = await self._streams.info(self._lane)
        if info.created == created and self._fall_back.lost([(info, s)], time.monotonic()):
            await self._streams.delete(self._lane)
            await self._ensure()
            info = await self._streams.info(self._lane)
        return info.created

    async def _ensure(self) -> None:
        await self._streams.ensure(self._lane, log_age_s=self._bus.log_age_s, replicas=self._bus.log_replicas)
