"""Coordination on NATS KV: no server beside the one that holds the log.

    $KV.claims.{key}                        a claim, with its time to live
    $KV.coordination.lease.{name}           {"owner":..., "epoch":...}; epoch 0: the sequence of the message itself
    $KV.coordination.record.{kind}.{name}   a record
    $KV.buckets.{per_s}.{burst}.{key}       when the bucket is full again (buckets.py), by the clocks of those who take
    coordination.count.{age_s}.{window_s}.{key}.{window}   a counter

A version is the sequence of its message, which the stream never gives twice. So is an epoch: that of the message that
took the lease. Leases and records are on disk before they are acknowledged; claims and buckets are so many that a lone
server acknowledges them first, and loses the last milliseconds of them if it is killed; counts begin anew with the
server. A bucket is written where it is as it was read, and read again by whoever was second.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import NamedTuple

from feeds.adapters.coordination.buckets import bucket_name, refilled_s, taken
from feeds.adapters.coordination.nats_streams import ATTEMPTS_MAX, Bucket, Counters, Stored
from feeds.adapters.nats.connection import Connection
from feeds.contract.coordination import (
    ABSENT,
    SCAN_RECORDS_MAX,
    WINDOW_S_MAX,
    Claim,
    Conflict,
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

REQUEST_TIMEOUT_S = 1.0

TAKES_MAX = 8
"""Attempts at a bucket from which others take at once. Beyond it: Unavailable, as nothing was taken."""

TAKE_WAIT_S = 0.004
"""Before the next attempt: at random up to this, twice as long after each."""

COUNTER_AGES_S = (60, 3_600, WINDOW_S_MAX)
"""A counter stands among those of the first age that its window fits in: were all kept for a day, a window of a
second would leave 86,400 of them behind for every key."""


class _Lease(NamedTuple):
    owner: str
    epoch: int


class NatsCoordination:
    """A Coordination (feeds/contract/coordination.py). `replicas`: of the streams, where this process makes them."""

    def __init__(self, connection: Connection, *, replicas: int = 1, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._claims = Bucket(connection, "claims", replicas=replicas, timeout_s=timeout_s, quick=True)
        self._bucket = Bucket(connection, "coordination", replicas=replicas, timeout_s=timeout_s)
        self._buckets = Bucket(connection, "buckets", replicas=replicas, timeout_s=timeout_s, quick=True)
        self._counters = [
            (age_s, Counters(connection, age_s=age_s, replicas=replicas, timeout_s=timeout_s))
            for age_s in COUNTER_AGES_S
        ]

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """See Coordination."""
        check_key(key)
        check_value(value)
        check_ttl(ttl_s)
        for _ in range(ATTEMPTS_MAX):
            written = await self._claims.write_expecting(key, value, ttl_s=ttl_s, expected=ABSENT)
            if written.stored is not None:  # else the one that was first ended before it was read
                return Claim(written.won, written.stored.data)
        raise Unavailable(f"claims of {key} end too soon")

    async def answer(self, key: str) -> bytes | None:
        """See Coordination."""
        check_key(key)
        stored = await self._claims.read_anywhere(key)
        return None if stored is None else stored.data

    async def lease(self, name: str, owner: str, *, ttl_s: int) -> int:
        """See Coordination."""
        check_key(name, owner)
        check_ttl(ttl_s)
        for _ in range(ATTEMPTS_MAX):
            stored = await self._bucket.read(f"lease.{name}")
            held = None if stored is None else _lease(stored)
            if held is not None and held.owner != owner:
                raise Conflict(f"lease {name} is held by {held.owner}")
            epoch = 0 if held is None else held.epoch
            try:
                s = await self._bucket.write(
                    f"lease.{name}",
                    json.dumps({"owner": owner, "epoch": epoch}).encode(),
                    ttl_s=ttl_s,
                    expected=ABSENT if stored is None else stored.s,
                )
            except Conflict:
                continue
            return epoch or s
        raise Conflict(f"lease {name} changes too often")

    async def release(self, name: str, owner: str) -> None:
        """See Coordination."""
        check_key(name, owner)
        stored = await self._bucket.read(f"lease.{name}")
        if stored is not None and _lease(stored).owner == owner:
            await self._bucket.remove(stored.s)

    async def count(self, key: str, *, window_s: int, amount: int = 1) -> int:
        """See Coordination."""
        check_key(key)
        check_window(window_s)
        check_amount(amount)
        counters = next(counters for age_s, counters in self._counters if window_s <= age_s)
        return await counters.add(f"{window_s}.{key}.{int(time.time() // window_s)}", amount)

    async def take(self, key: str, tokens: int, *, per_s: int, burst: int) -> int:
        """See Coordination."""
        check_key(key)
        check_bucket(tokens, per_s, burst)
        name, ttl_s = bucket_name(key, per_s, burst), refilled_s(per_s, burst)
        stored = await self._buckets.read(name)
        for attempt in range(TAKES_MAX):
            full, s = (0, ABSENT) if stored is None else (int(stored.data), stored.s)
            got, full = taken(full, int(time.time() * 1_000), tokens, per_s=per_s, burst=burst)
            if not got:
                return 0
            written = await self._buckets.write_expecting(name, b"%d" % full, ttl_s=ttl_s, expected=s)
            if written.won:
                return got
            if written.doubt is not None:  # it may have been written, and written over
                raise written.doubt
            await asyncio.sleep(random.uniform(0, TAKE_WAIT_S * 2**attempt))
            stored = await self._buckets.read(name)
        raise Unavailable(f"too many take from {key} at once")

    async def put(
        self, kind: str, name: str, *, value: bytes, ttl_s: int | None = None, version: int | None = None
    ) -> int:
        """See Coordination."""
        check_key(kind, name)
        check_value(value)
        check_ttl(ttl_s)
        key = f"record.{kind}.{name}"
        if version is None:
            return await self._bucket.write(key, value, ttl_s=ttl_s, expected=None)
        written = await self._bucket.write_expecting(key, value, ttl_s=ttl_s, expected=version)
        found = ABSENT if written.stored is None else written.stored.s
        if written.won:
            return found
        if written.doubt is not None:  # it may have been written, and written over
            raise written.doubt
        raise Conflict(f"{kind} {name} has version {found}, not {version}")

    async def get(self, kind: str, name: str) -> Record | None:
        """See Coordination."""
        check_key(kind, name)
        stored = await self._bucket.read(f"record.{kind}.{name}")
        return None if stored is None else _record(stored)

    async def scan(self, kind: str) -> list[Record]:
        """See Coordination."""
        check_key(kind)
        found = await self._bucket.read_all(f"record.{kind}.*")
        check_scan(kind, SCAN_RECORDS_MAX + 1 if found is None else len(found))
        return sorted(_record(stored) for stored in found or ())

    async def delete(self, kind: str, name: str, *, version: int | None = None) -> None:
        """See Coordination. Removing the message of one sequence removes that version or nothing."""
        check_key(kind, name)
        for _ in range(ATTEMPTS_MAX):
            stored = await self._bucket.read(f"record.{kind}.{name}")
            found = ABSENT if stored is None else stored.s
            if version is not None and found != version:
                raise Conflict(f"{kind} {name} has version {found}, not {version}")
            if stored is None or await self._bucket.remove(stored.s):
                return
        raise Conflict(f"{kind} {name} changes too often")


def _lease(stored: Stored) -> _Lease:
    lease = json.loads(stored.data)
    return _Lease(lease["owner"], lease["epoch"] or stored.s)


def _record(stored: Stored) -> Record:
    return Record(stored.key.rpartition(".")[2], stored.data, stored.s)
