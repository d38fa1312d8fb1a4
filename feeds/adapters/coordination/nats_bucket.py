"""The JetStream side of coordination: one KV bucket and two streams of counters, asked by plain requests.

nats-py's own KV cannot renew a message's time to live, so writes are publishes with headers (ADR-8 KV, ADR-43 TTL,
ADR-49 counters). The bucket is made without `limit_marker_ttl`: a message that ends leaves nothing behind, so that a
subject is then as it was before it was ever written. Reads ask the stream's leader, as a replica may lag.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError, OutboundBufferLimitError
from nats.js.api import DiscardPolicy, RawStreamMsg, StorageType, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError

from feeds.adapters.nats.connection import Connection
from feeds.contract.coordination import WINDOW_S_MAX, Conflict, InDoubt, Unavailable

BUCKET = "KV_coordination"
PREFIX = "$KV.coordination."

COUNTER_AGES_S = (60, WINDOW_S_MAX)
"""A counter is kept in the stream of the first age that its window fits in: one stream for all would hold a message
for every second and key of the last hour."""

_TOKEN = "Oddswire-Token"  # noqa: S105 a header's name
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
_STREAM_NOT_FOUND, _NAME_IN_USE, _NO_MESSAGE = 10059, 10058, 10057
_BATCH_MAX = 1_024
"""Subjects that nats-server gives in one batch direct get; beyond that it answers 413."""


class Stored(NamedTuple):
    """A message of the bucket. `token` tells whose write it was."""

    subject: str
    data: bytes
    s: int
    token: str


class _Missing(Exception):
    """Nobody answers for the stream: it was not made yet, or it is gone, or it has no leader."""


class Bucket:
    """What nats-server holds. Streams that are missing are made with `replicas` when first needed."""

    def __init__(self, connection: Connection, *, replicas: int, timeout_s: float) -> None:
        self._connection = connection
        self._replicas = replicas
        self._timeout_s = timeout_s

    async def write(self, key: str, data: bytes, *, token: str, ttl_s: int | None, expected: int | None) -> int:
        """Gives the sequence. `expected` is the subject's present one, 0 for none. Raises Conflict, InDoubt,
        Unavailable."""
        headers = {_TOKEN: token}
        if ttl_s is not None:
            headers["Nats-TTL"] = f"{ttl_s}s"
        if expected is not None:
            headers[_EXPECTED] = str(expected)
        answer = await self._publish(PREFIX + key, data, headers)
        s: int = answer["seq"]
        return s

    async def add(self, key: str, *, window_s: int) -> int:
        """Adds one to a counter; gives its value. Raises InDoubt, Unavailable."""
        age_s = next(age_s for age_s in COUNTER_AGES_S if window_s <= age_s)
        answer = await self._publish(f"coordination.count.{age_s}.{key}", b"", {"Nats-Incr": "+1"})
        return int(answer["val"])

    async def read(self, key: str) -> Stored | None:
        """The subject's message now. Raises Unavailable."""
        self._check_connected()
        try:
            found: RawStreamMsg = await self._connection.jetstream().get_last_msg(BUCKET, PREFIX + key)
        except NotFoundError as error:
            if error.err_code == _STREAM_NOT_FOUND:
                await self._ensure()
            return None
        except NatsError as error:
            raise Unavailable(f"{key}: {_words(error)}") from error
        assert found.seq is not None
        return Stored(key, found.data or b"", found.seq, (found.headers or {}).get(_TOKEN, ""))

    async def read_all(self, keys: str) -> list[Stored] | None:
        """The messages of all subjects of a pattern; None where a batch does not hold them. Raises Unavailable."""
        self._check_connected()
        batch = _Batch()
        client = self._connection.client
        inbox = client.new_inbox()
        request = json.dumps({"multi_last": [PREFIX + keys], "batch": _BATCH_MAX}).encode()
        try:
            subscription = await client.subscribe(inbox, cb=batch.on_message)
            try:
                await client.publish(f"$JS.API.DIRECT.GET.{BUCKET}", request, inbox)
                status = await asyncio.wait_for(batch.ended, self._timeout_s)
            finally:
                await subscription.unsubscribe()
        except (NatsError, TimeoutError) as error:
            raise Unavailable(f"{keys}: {_words(error)}") from error
        if status == "503":
            await self._ensure()
            return []
        if status == "413":
            return None
        if status not in ("204", "404"):
            raise Unavailable(f"{keys}: status {status}")
        return batch.found

    async def remove(self, s: int) -> bool:
        """Removes the message of this sequence; gives whether it was there. Raises InDoubt, Unavailable."""
        request = json.dumps({"seq": s, "no_erase": True}).encode()
        try:
            answer = await self._ask(f"$JS.API.STREAM.MSG.DELETE.{BUCKET}", request)
        except _Missing as missing:
            raise Unavailable("JetStream does not answer") from missing
        error = answer.get("error", {})
        if error.get("err_code") == _NO_MESSAGE:
            return False
        if error:
            raise Unavailable(str(error.get("description")))
        return True

    async def _publish(self, subject: str, data: bytes, headers: dict[str, str]) -> dict[str, Any]:
        try:
            answer = await self._ask(subject, data, headers)
        except _Missing:
            await self._ensure()
            try:
                answer = await self._ask(subject, data, headers)
            except _Missing as missing:
                raise Unavailable(f"{subject}: no stream takes it") from missing
        error = answer.get("error")
        if error is None:
            return answer
        if error.get("err_code") in _WRONG_LAST_SEQUENCE:
            raise Conflict(f"{subject}: {error.get('description')}")
        raise Unavailable(f"{subject}: {error.get('description')} ({error.get('err_code')})")

    async def _ask(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """One request that may change something. Raises _Missing, Unavailable, InDoubt."""
        self._check_connected()
        try:
            reply = await self._connection.client.request(subject, data, timeout=self._timeout_s, headers=headers)
        except NoRespondersError as error:
            raise _Missing from error
        except OutboundBufferLimitError as error:
            raise Unavailable("nats-server is away") from error
        except NatsError as error:
            raise InDoubt(f"{subject}: {_words(error)}") from error
        answer: dict[str, Any] = json.loads(reply.data)
        return answer

    def _check_connected(self) -> None:
        """A request made while the server is away would only leave something behind in the client."""
        if not self._connection.connected:
            raise Unavailable("nats-server is away")

    async def _ensure(self) -> None:
        """Makes the streams; those that are there stay as they are. Raises Unavailable."""
        jetstream = self._connection.jetstream()
        for config in (_bucket(self._replicas), *(_counters(age_s, self._replicas) for age_s in COUNTER_AGES_S)):
            try:
                await jetstream.add_stream(config)
            except BadRequestError as error:
                if error.err_code != _NAME_IN_USE:
                    raise Unavailable(f"stream {config.name} was refused: {error.description}") from error
            except NatsError as error:
                raise Unavailable(f"stream {config.name}: {_words(error)}") from error


class _Batch:
    """What a batch direct get brings. `ended` gives the status it ended with."""

    def __init__(self) -> None:
        self.found: list[Stored] = []
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def on_message(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            key = headers["Nats-Subject"].removeprefix(PREFIX)
            self.found.append(Stored(key, message.data, int(headers["Nats-Sequence"]), headers.get(_TOKEN, "")))
        elif not self.ended.done():
            self.ended.set_result(status)


def _bucket(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=BUCKET,
        subjects=[f"{PREFIX}>"],
        max_msgs_per_subject=1,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        num_replicas=replicas,
        allow_direct=True,
        allow_msg_ttl=True,
        allow_rollup_hdrs=True,
    )


def _counters(age_s: int, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=f"COORDINATION_COUNTS_{age_s}",
        subjects=[f"coordination.count.{age_s}.>"],
        max_msgs_per_subject=1,
        max_age=float(age_s),
        duplicate_window=float(age_s),
        storage=StorageType.FILE,
        num_replicas=replicas,
        allow_msg_counter=True,
    )


def _words(error: Exception) -> str:
    if isinstance(error, APIError):
        return str(error.description)
    return str(error) or type(error).__name__
