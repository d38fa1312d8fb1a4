"""Coordination on Aerospike: for many processes and many operations, on 3 nodes or 20 alike.

    set claim    key                    value, token; ends with the record's time to live
    set lease    name                   see aerospike_leases.py
    set record   kind.name              value, token, kind, name; a secondary index on the kind serves `scan`
    set count    window_s.key.window    count
    set bucket   per_s.burst.key        see aerospike_buckets.py

A version is the token of the write that made it, 62 bits at random: a write that got no answer is found by it. Every
key stands for itself and is placed by its hash, so that nodes may come and go; before it stands the installation's name
and a dot, where it has one. A cluster that loses two nodes at once
forgets what it acknowledged, and one that is split in two may let both sides win; a deleted record can come back with
a node that was away. Users of the port bear that (feeds/contract/coordination.py).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

import aerospike
from aerospike import exception

from feeds.adapters.coordination import aerospike_leases as leases
from feeds.adapters.coordination.aerospike_batches import (
    Addition,
    Bins,
    Counts,
    Reads,
    Wish,
    Writes,
    token_is,
    token_of,
    value_of,
)
from feeds.adapters.coordination.aerospike_buckets import Taking, Takings
from feeds.adapters.coordination.aerospike_client import AerospikeClient, IndexAbsent, KeyBusy, unavailable_of
from feeds.adapters.coordination.aerospike_scan import RECORDS, make_index, scan_kind
from feeds.adapters.coordination.buckets import bucket_name
from feeds.adapters.coordination.coalescer import DEFAULT_LIMITS, Coalescer, Key, Limits
from feeds.contract.coordination import (
    ABSENT,
    Claim,
    Conflict,
    InDoubt,
    Record,
    Unavailable,
    check_amount,
    check_bucket,
    check_key,
    check_scan,
    check_ttl,
    check_value,
    check_window,
)
from feeds.contract.coordination_address import CoordinationAddress

ATTEMPTS_MAX = 3
"""Of one call, at a write without an answer, or at a key that is busy."""

BUSY_WAIT_S = (0.001, 0.01)
"""Before a key that was busy is asked for again: at random from this range."""

COUNT_KEPT_S = 60
"""A count is kept for so long after its window, as clocks differ."""

KINDS = 4
"""Of operations that are coalesced: writes, reads, counts, takings."""

_TOKEN_BITS = 62

T = TypeVar("T")


class _Written(NamedTuple):
    """How a write ended. `found` is what is there now; `doubt`: an attempt got no answer."""

    won: bool
    found: Bins | None
    doubt: InDoubt | None


_WRITTEN = _Written(won=True, found=None, doubt=None)


class AerospikeCoordination:
    """A Coordination (feeds/contract/coordination.py). `async with AerospikeCoordination(address) as coordination`
    does not wait for the cluster: until one of its nodes was reached, calls are Unavailable."""

    def __init__(self, address: CoordinationAddress, limits: Limits = DEFAULT_LIMITS) -> None:
        self._prefix = f"{address.installation}." if address.installation else ""
        self.cluster = AerospikeClient(address, lambda client: make_index(client, address.namespace))
        self._pool = ThreadPoolExecutor(KINDS * limits.in_flight, thread_name_prefix="aerospike-batch")
        self._writes = Coalescer(Writes(self.cluster), self._pool, limits)
        self._reads = Coalescer(Reads(self.cluster), self._pool, limits)
        self._counts = Coalescer(Counts(self.cluster), self._pool, limits)
        self._takings = Coalescer(Takings(self.cluster), self._pool, limits)

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """See Coordination."""
        check_key(key)
        check_value(value)
        check_ttl(ttl_s)
        where, wish = self._key("claim", key), Wish(value, _new_token(), ttl_s, ABSENT)
        for _ in range(ATTEMPTS_MAX):
            written = await self._write(where, wish)
            if written.won:
                return Claim(won=True, value=value)
            if written.found is not None:  # else the one that was first ended before it was read
                return Claim(won=False, value=value_of(written.found))
        raise Unavailable(f"claims of {key} end too soon")

    async def answer(self, key: str) -> bytes | None:
        """See Coordination."""
        check_key(key)
        found = await self._reads.ask(self._key("claim", key), None)
        return None if found is None else value_of(found)

    async def lease(self, name: str, owner: str, *, ttl_s: int) -> int:
        """See Coordination."""
        check_key(name, owner)
        check_ttl(ttl_s)
        where = self._key("lease", name)
        return await self._alone(lambda client: leases.take(client, where, owner, ttl_s))

    async def release(self, name: str, owner: str) -> None:
        """See Coordination."""
        check_key(name, owner)
        where = self._key("lease", name)
        await self._alone(lambda client: leases.give_up(client, where, owner))

    async def count(self, key: str, *, window_s: int, amount: int = 1) -> int:
        """See Coordination."""
        check_key(key)
        check_window(window_s)
        check_amount(amount)
        where = self._key("count", f"{window_s}.{key}.{int(time.time() // window_s)}")
        addition = Addition(amount, window_s + COUNT_KEPT_S)
        try:
            return await self._counts.ask(where, addition)
        except KeyBusy:
            return await _unless_busy(lambda: self._counts.ask(where, addition))

    async def take(self, key: str, tokens: int, *, per_s: int, burst: int) -> int:
        """See Coordination."""
        check_key(key)
        check_bucket(tokens, per_s, burst)
        where, taking = self._key("bucket", bucket_name(key, per_s, burst)), Taking(tokens, per_s, burst)
        return await _unless_busy(lambda: self._takings.ask(where, taking))

    async def put(
        self, kind: str, name: str, *, value: bytes, ttl_s: int | None = None, version: int | None = None
    ) -> int:
        """See Coordination."""
        check_key(kind, name)
        check_value(value)
        check_ttl(ttl_s)
        wish = Wish(value, _new_token(), ttl_s, version, (self._prefix + kind, name))
        written = await self._write(self._record(kind, name), wish)
        if written.won:
            return wish.token
        if written.doubt is not None:  # it may have been written, and written over
            raise written.doubt
        found = ABSENT if written.found is None else token_of(written.found)
        raise Conflict(f"{kind} {name} has version {found}, not {version}")

    async def get(self, kind: str, name: str) -> Record | None:
        """See Coordination."""
        check_key(kind, name)
        found = await self._reads.ask(self._record(kind, name), None)
        return None if found is None else Record(name, value_of(found), token_of(found))

    async def scan(self, kind: str) -> list[Record]:
        """See Coordination."""
        check_key(kind)
        namespace, of = self.cluster.namespace, self._prefix + kind
        try:
            found = await self._alone(lambda client: scan_kind(client, namespace, of), changes=False)
        except IndexAbsent:
            self.cluster.prepare_again()
            raise
        check_scan(kind, len(found))
        return found

    async def delete(self, kind: str, name: str, *, version: int | None = None) -> None:
        """See Coordination. One that may have been removed without an answer is looked for."""
        check_key(kind, name)
        where = self._record(kind, name)
        try:
            removed = version != ABSENT and await self._alone(lambda client: _remove(client, where, version))
        except InDoubt as doubt:
            if await self._read_after(doubt, where) is None:
                return
            raise
        if removed or version is None:
            return
        found = await self._reads.ask(where, None)
        if found is not None or version != ABSENT:
            raise Conflict(f"{kind} {name} has version {ABSENT if found is None else token_of(found)}, not {version}")

    async def _write(self, where: Key, wish: Wish) -> _Written:
        """Writes where what is there is what was expected. Raises InDoubt, Unavailable."""
        doubt: InDoubt | None = None
        try:  # most writes end here
            written = await self._writes.ask(where, wish)
        except (InDoubt, KeyBusy) as error:
            doubt = error if isinstance(error, InDoubt) else None
            written, doubt = await self._write_again(where, wish, doubt)
        if written:
            return _WRITTEN
        found = await (self._reads.ask(where, None) if doubt is None else self._read_after(doubt, where))
        return _Written(won=found is not None and token_of(found) == wish.token, found=found, doubt=doubt)

    async def _write_again(self, where: Key, wish: Wish, doubt: InDoubt | None) -> tuple[bool, InDoubt | None]:
        """After an attempt without an answer or at a busy key; with the same token, so at most one is stored. Gives
        whether this one was seen to be stored, and the last doubt. Raises InDoubt, Unavailable."""
        for _ in range(ATTEMPTS_MAX - 1):
            if doubt is not None and wish.expected is None:
                return False, doubt  # it could come after, and over, a later one of another
            await asyncio.sleep(random.uniform(*BUSY_WAIT_S))
            try:
                return await self._writes.ask(where, wish), doubt
            except InDoubt as error:
                doubt = error
            except KeyBusy:
                continue
            except Unavailable as error:
                raise doubt or error from error
        raise doubt or KeyBusy(f"{where[-1]} is busy")

    async def _read_after(self, doubt: InDoubt, where: Key) -> Bins | None:
        """Raises the doubt where nothing can be read."""
        try:
            return await self._reads.ask(where, None)
        except Unavailable as error:
            raise doubt from error

    async def _alone(self, function: Callable[[aerospike.Client], T], *, changes: bool = True) -> T:
        async def once() -> T:
            try:
                return await self.cluster.ask(function, changes=changes)
            except exception.AerospikeError as error:
                raise unavailable_of(error) from error

        return await _unless_busy(once)

    def _key(self, of: str, name: str) -> Key:
        return (self.cluster.namespace, of, self._prefix + name)

    def _record(self, kind: str, name: str) -> Key:
        return self._key(RECORDS, f"{kind}.{name}")

    async def __aenter__(self) -> Self:
        self.cluster.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for coalescer in (self._writes, self._reads, self._counts, self._takings):
            coalescer.close()
        await asyncio.to_thread(self._pool.shutdown)  # a client must not be closed under a call
        await self.cluster.close()


async def _unless_busy(ask: Callable[[], Awaitable[T]]) -> T:
    """Asks again where too many others asked for the same key: a server that refuses so has changed nothing."""
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return await ask()
        except KeyBusy:
            await asyncio.sleep(random.uniform(*BUSY_WAIT_S))
    return await ask()


def _remove(client: aerospike.Client, where: Key, version: int | None) -> bool:
    """Whether it was there and is gone. Raises AerospikeError."""
    policy = {} if version is None else {"expressions": token_is(version)}
    try:
        client.remove(where, policy=policy)
    except (exception.RecordNotFound, exception.FilteredOut):
        return False
    return True


def _new_token() -> int:
    return random.getrandbits(_TOKEN_BITS) + 1
