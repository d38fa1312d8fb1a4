"""Coordination on NATS KV: no server beside the one that holds the log.

    $KV.coordination.claim.{key}            a claim, with its time to live
    $KV.coordination.lease.{name}           {"owner":..., "epoch":...}; epoch 0: the sequence of the message itself
    $KV.coordination.record.{kind}.{name}   a record
    coordination.count.{age}.{window_s}.{key}.{window}   a counter

A version is the sequence of the message, which the stream never gives twice. So is an epoch: that of the message that
took the lease.
"""

from __future__ import annotations

import json
import time
from typing import NamedTuple

from nats.nuid import NUID

from feeds.adapters.coordination.nats_bucket import Bucket, Stored
from feeds.adapters.nats.connection import Connection
from feeds.contract.coordination import (
    ABSENT,
    SCAN_RECORDS_MAX,
    Claim,
    Conflict,
    InDoubt,
    Record,
    Unavailable,
    check_key,
    check_scan,
    check_ttl,
    check_value,
    check_window,
)

REQUEST_TIMEOUT_S = 1.0
ATTEMPTS_MAX = 3
"""Requests of one kind within a call; so a call ends within about twice as many seconds."""


class _Lease(NamedTuple):
    owner: str
    epoch: int


class _Written(NamedTuple):
    """How a write that expected a version ended. `stored` is what is there now; `doubt`: an attempt got no answer."""

    won: bool
    stored: Stored | None
    doubt: InDoubt | None


class NatsCoordination:
    """A Coordination (feeds/contract/coordination.py). `replicas`: of the streams, where this process makes them."""

    def __init__(self, connection: Connection, *, replicas: int = 1, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._bucket = Bucket(connection, replicas=replicas, timeout_s=timeout_s)
        self._tokens = NUID()

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """See Coordination."""
        check_key(key)
        while True:  # ends: a claim that ended between writing and reading makes room for this one
            written = await self._write_expecting(f"claim.{key}", value, ttl_s=ttl_s, expected=ABSENT)
            if written.stored is not None:
                return Claim(written.won, written.stored.data)

    async def answer(self, key: str) -> bytes | None:
        """See Coordination."""
        check_key(key)
        stored = await self._bucket.read(f"claim.{key}")
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
                    token=self._token(),
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

    async def count(self, key: str, *, window_s: int) -> int:
        """See Coordination."""
        check_key(key)
        check_window(window_s)
        return await self._bucket.add(f"{window_s}.{key}.{int(time.time() // window_s)}", window_s=window_s)

    async def put(
        self, kind: str, name: str, *, value: bytes, ttl_s: int | None = None, version: int | None = None
    ) -> int:
        """See Coordination."""
        check_key(kind, name)
        check_value(value)
        check_ttl(ttl_s)
        key = f"record.{kind}.{name}"
        if version is None:
            return await self._bucket.write(key, value, token=self._token(), ttl_s=ttl_s, expected=None)
        written = await self._write_expecting(key, value, ttl_s=ttl_s, expected=version)
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

    async def _write_expecting(self, key: str, data: bytes, *, ttl_s: int | None, expected: int) -> _Written:
        """Writes where the version is the expected one. An attempt without an answer is made again with the same token:
        at most one of them is stored, and the token tells. Raises Unavailable, InDoubt."""
        check_value(data)
        check_ttl(ttl_s)
        token = self._token()
        doubt: InDoubt | None = None
        for _ in range(ATTEMPTS_MAX):
            try:
                s = await self._bucket.write(key, data, token=token, ttl_s=ttl_s, expected=expected)
                return _Written(won=True, stored=Stored(key, data, s, token), doubt=doubt)
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
            stored = await self._bucket.read(key)
        except Unavailable as error:
            raise doubt or error from error
        return _Written(won=stored is not None and stored.token == token, stored=stored, doubt=doubt)

    def _token(self) -> str:
        return self._tokens.next().decode()


def _lease(stored: Stored) -> _Lease:
    lease = json.loads(stored.data)
    return _Lease(lease["owner"], lease["epoch"] or stored.s)


def _record(stored: Stored) -> Record:
    return Record(stored.subject.rpartition(".")[2], stored.data, stored.s)
