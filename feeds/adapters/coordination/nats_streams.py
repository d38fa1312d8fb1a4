"""The JetStream side of coordination: KV buckets and streams of counters, asked by plain requests.

nats-py's own KV cannot renew a message's time to live, so writes are publishes with headers (ADR-8 KV, ADR-43 TTL,
ADR-49 counters). A bucket is made without `limit_marker_ttl`: a message that ends leaves nothing behind, so that its
subject is then as if it had never been written. Reads ask the stream's leader, as a replica may lag.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError, OutboundBufferLimitError
from nats.js.api import DiscardPolicy, PersistMode, RawStreamMsg, StorageType, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError
from nats.nuid import NUID

from feeds.adapters.nats.connection import Connection
from feeds.contract.coordination import Conflict, InDoubt, Unavailable

_TOKEN = "Oddswire-Token"  # noqa: S105 a header's name
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
_STREAM_NOT_FOUND, _NAME_IN_USE, _NO_MESSAGE = 10059, 10058, 10057
_BATCH_MAX = 1_024
"""Subjects that nats-server gives in one batch direct get; beyond that it answers 413."""

ATTEMPTS_MAX = 3
"""Requests of one kind within a call; so a call ends within about twice as many times the timeout of one."""


class Stored(NamedTuple):
    """A message of a bucket. `token` tells whose write it was."""

    key: str
    data: bytes
    s: int
    token: str


class Written(NamedTuple):
    """How a write that expected a version ended. `stored` is what is there now; `doubt`: an attempt got no answer."""

    won: bool
    stored: Stored | None
    doubt: InDoubt | None


class _Missing(Exception):
    """Nobody answers: the stream was not made yet, or is gone, or has no leader."""


class Stream:
    """One stream, made when it is first needed."""

    def __init__(self, connection: Connection, config: StreamConfig, *, timeout_s: float) -> None:
        self.connection = connection
        self.timeout_s = timeout_s
        self._config = config

    async def publish(self, subject: str, data: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """Stores a message; gives the acknowledgement. Raises Conflict, InDoubt, Unavailable."""
        try:
            answer = await self._ask(subject, data, headers)
        except _Missing:
            await self.ensure()
            answer = await self.ask(subject, data, headers)
        error = answer.get("error")
        if error is None:
            return answer
        if error.get("err_code") in _WRONG_LAST_SEQUENCE:
            raise Conflict(f"{subject}: {error.get('description')}")
        raise Unavailable(f"{subject}: {error.get('description')} ({error.get('err_code')})")

    async def ask(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """One request that may change something. Raises InDoubt, Unavailable."""
        try:
            return await self._ask(subject, data, headers)
        except _Missing as missing:
            raise Unavailable(f"{subject}: nobody takes it") from missing

    async def ensure(self) -> None:
        """Makes the stream; one that is there stays as it is. Raises Unavailable."""
        name = self._config.name
        try:
            await self.connection.jetstream().add_stream(self._config)
        except BadRequestError as error:
            if error.err_code != _NAME_IN_USE:
                raise Unavailable(f"stream {name} was refused: {error.description}") from error
        except NatsError as error:
            raise Unavailable(f"stream {name}: {words(error)}") from error

    def check_connected(self) -> None:
        """A request made while the server is away would only leave something behind in the client."""
        if not self.connection.connected:
            raise Unavailable("nats-server is away")

    async def _ask(self, subject: str, data: bytes, headers: dict[str, str] | None) -> dict[str, Any]:
        self.check_connected()
        try:
            reply = await self.connection.client.request(subject, data, timeout=self.timeout_s, headers=headers)
        except NoRespondersError as error:
            raise _Missing from error
        except OutboundBufferLimitError as error:
            raise Unavailable("nats-server is away") from error
        except NatsError as error:
            raise InDoubt(f"{subject}: {words(error)}") from error
        answer: dict[str, Any] = json.loads(reply.data)
        return answer


class Bucket:
    """A KV bucket. `quick`: what is acknowledged is flushed to disk within milliseconds instead of before; only a lone
    replica can do that, several cover for each other."""

    def __init__(
        self, connection: Connection, name: str, *, replicas: int, timeout_s: float, quick: bool = False
    ) -> None:
        self._prefix = f"$KV.{name}."
        self._name = f"KV_{name}"
        config = StreamConfig(
            name=self._name,
            subjects=[f"{self._prefix}>"],
            max_msgs_per_subject=1,
            discard=DiscardPolicy.NEW,
            storage=StorageType.FILE,
            persist_mode=PersistMode.ASYNC if quick and replicas == 1 else None,
            num_replicas=replicas,
            allow_direct=True,
            allow_msg_ttl=True,
            allow_rollup_hdrs=True,
        )
        self._stream = Stream(connection, config, timeout_s=timeout_s)
        self._tokens = NUID()

    async def write(self, key: str, data: bytes, *, ttl_s: int | None, expected: int | None) -> int:
        """Gives the sequence. `expected`: the key's present one, 0 for none. Raises Conflict, InDoubt, Unavailable."""
        return await self._write(Stored(key, data, 0, ""), ttl_s=ttl_s, expected=expected)

    async def write_expecting(self, key: str, data: bytes, *, ttl_s: int | None, expected: int) -> Written:
        """Writes where the sequence is the expected one. An attempt without an answer is made again with the same
        token: at most one of them is stored, and the token tells. Raises InDoubt, Unavailable."""
        wish = Stored(key, data, 0, self._tokens.next().decode())
        doubt: InDoubt | None = None
        for _ in range(ATTEMPTS_MAX):
            try:
                s = await self._write(wish, ttl_s=ttl_s, expected=expected)
                return Written(won=True, stored=wish._replace(s=s), doubt=doubt)
            except Conflict:
                break
            except InDoubt as error:
                doubt = error
            except Unavailable as error:
                raise doubt or error from error
        else:
            assert doubt is not None
            raise doubt
        try:
            stored = await self.read(key)
        except Unavailable as error:
            raise doubt or error from error
        return Written(won=stored is not None and stored.token == wish.token, stored=stored, doubt=doubt)

    async def _write(self, wish: Stored, *, ttl_s: int | None, expected: int | None) -> int:
        headers = {_TOKEN: wish.token} if wish.token else {}
        if ttl_s is not None:
            headers["Nats-TTL"] = f"{ttl_s}s"
        if expected is not None:
            headers[_EXPECTED] = str(expected)
        answer = await self._stream.publish(self._prefix + wish.key, wish.data, headers)
        s: int = answer["seq"]
        return s

    async def read(self, key: str) -> Stored | None:
        """What the key holds now. Raises Unavailable."""
        self._stream.check_connected()
        try:
            jetstream = self._stream.connection.client.jetstream(timeout=self._stream.timeout_s)
            found: RawStreamMsg = await jetstream.get_last_msg(self._name, self._prefix + key)
        except NotFoundError as error:
            if error.err_code == _STREAM_NOT_FOUND:
                await self._stream.ensure()
            return None
        except NatsError as error:
            raise Unavailable(f"{key}: {words(error)}") from error
        assert found.seq is not None
        return Stored(key, found.data or b"", found.seq, (found.headers or {}).get(_TOKEN, ""))

    async def read_anywhere(self, key: str) -> Stored | None:
        """The same at half the cost, from whichever replica answers: it may not have heard of a write of this moment.
        Raises Unavailable."""
        self._stream.check_connected()
        try:
            found = await self._stream.connection.client.request(
                f"$JS.API.DIRECT.GET.{self._name}.{self._prefix}{key}", timeout=self._stream.timeout_s
            )
        except NoRespondersError:
            await self._stream.ensure()
            return None
        except OutboundBufferLimitError as error:
            raise Unavailable("nats-server is away") from error
        except NatsError as error:
            raise Unavailable(f"{key}: {words(error)}") from error
        headers = found.headers or {}
        if (status := headers.get("Status")) is not None:
            if status == "404":
                return None
            raise Unavailable(f"{key}: status {status}")
        return Stored(key, found.data, int(headers["Nats-Sequence"]), headers.get(_TOKEN, ""))

    async def read_all(self, keys: str) -> list[Stored] | None:
        """What the keys of a pattern hold; None where they are more than a batch holds. Raises Unavailable."""
        self._stream.check_connected()
        batch = _Batch(self._prefix)
        client = self._stream.connection.client
        inbox = client.new_inbox()
        request = json.dumps({"multi_last": [self._prefix + keys], "batch": _BATCH_MAX}).encode()
        try:
            subscription = await client.subscribe(inbox, cb=batch.on_message)
            try:
                await client.publish(f"$JS.API.DIRECT.GET.{self._name}", request, inbox)
                async with asyncio.timeout(self._stream.timeout_s):
                    status = await batch.ended
            finally:
                await subscription.unsubscribe()
        except (NatsError, TimeoutError) as error:
            raise Unavailable(f"{keys}: {words(error)}") from error
        match status:
            case "204" | "404":
                return batch.found
            case "413":
                return None
            case "503":
                await self._stream.ensure()
                return []
        raise Unavailable(f"{keys}: status {status}")

    async def remove(self, s: int) -> bool:
        """Removes the message of this sequence; gives whether it was there. Raises InDoubt, Unavailable."""
        request = json.dumps({"seq": s, "no_erase": True}).encode()
        error = (await self._stream.ask(f"$JS.API.STREAM.MSG.DELETE.{self._name}", request)).get("error")
        if error is None:
            return True
        if error.get("err_code") == _NO_MESSAGE:
            return False
        raise Unavailable(f"{self._name}: {error.get('description')}")


class Counters:
    """Counters that are forgotten `age_s` after they last moved, or with the server: they stand in its memory."""

    def __init__(self, connection: Connection, *, age_s: int, replicas: int, timeout_s: float) -> None:
        self._prefix = f"coordination.count.{age_s}."
        config = StreamConfig(
            name=f"COORDINATION_COUNTS_{age_s}",
            subjects=[f"{self._prefix}>"],
            max_msgs_per_subject=1,
            max_age=float(age_s),
            duplicate_window=float(age_s),
            storage=StorageType.MEMORY,
            num_replicas=replicas,
            allow_msg_counter=True,
        )
        self._stream = Stream(connection, config, timeout_s=timeout_s)

    async def add(self, key: str, amount: int) -> int:
        """Adds to a counter; gives its value. Raises InDoubt, Unavailable."""
        answer = await self._stream.publish(self._prefix + key, b"", {"Nats-Incr": f"+{amount}"})
        return int(answer["val"])


class _Batch:
    """What a batch direct get brings. `ended` gives the status it ended with."""

    def __init__(self, prefix: str) -> None:
        self.found: list[Stored] = []
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._prefix = prefix

    async def on_message(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            key = headers["Nats-Subject"].removeprefix(self._prefix)
            self.found.append(Stored(key, message.data, int(headers["Nats-Sequence"]), headers.get(_TOKEN, "")))
        elif not self.ended.done():
            self.ended.set_result(status)


def words(error: Exception) -> str:
    """For people."""
    if isinstance(error, APIError):
        return str(error.description)
    return str(error) or type(error).__name__
