"""Coordination within one process: for tests, and for a stack that has nothing to agree on with others.

Everything is forgotten with the process. `away` makes it as unavailable as a server that was killed, `slow_s` makes
each call take that long, and `forget` loses everything at once.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Callable
from typing import NamedTuple

from feeds.adapters.coordination.buckets import bucket_name, refilled_s, taken
from feeds.contract.coordination import (
    ABSENT,
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

_Key = tuple[str, str, str]
"""Space (claim, lease, record, count, bucket), kind, name."""


class _Held(NamedTuple):
    value: bytes
    version: int
    ends_s: float


class MemoryCoordination:
    """A Coordination (feeds/contract/coordination.py). `clock` gives seconds; windows and buckets follow it, too."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.away = False
        self.slow_s = 0.0
        self._clock = clock
        self._versions = itertools.count(ABSENT + 1)
        self._held: dict[_Key, _Held] = {}
        self._ends: list[tuple[float, _Key]] = []

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """See Coordination."""
        check_key(key)
        await self._takes_its_time()
        held = self._read("claim", "", key)
        if held is not None:
            return Claim(won=False, value=held.value)
        self._write(("claim", "", key), value, ttl_s)
        return Claim(won=True, value=value)

    async def answer(self, key: str) -> bytes | None:
        """See Coordination."""
        check_key(key)
        await self._takes_its_time()
        held = self._read("claim", "", key)
        return None if held is None else held.value

    async def lease(self, name: str, owner: str, *, ttl_s: int) -> int:
        """See Coordination."""
        check_key(name, owner)
        await self._takes_its_time()
        held = self._read("lease", "", name)
        if held is not None and held.value != owner.encode():
            raise Conflict(f"lease {name} is held by {held.value.decode()}")
        return self._write(("lease", "", name), owner.encode(), ttl_s, version=None if held is None else held.version)

    async def release(self, name: str, owner: str) -> None:
        """See Coordination."""
        check_key(name, owner)
        await self._takes_its_time()
        held = self._read("lease", "", name)
        if held is not None and held.value == owner.encode():
            del self._held["lease", "", name]

    async def count(self, key: str, *, window_s: int, amount: int = 1) -> int:
        """See Coordination."""
        check_key(key)
        await self._takes_its_time()
        check_window(window_s)
        check_amount(amount)
        name = f"{key}.{int(self._clock() // window_s)}"
        held = self._read("count", str(window_s), name)
        counted = amount if held is None else int(held.value) + amount
        self._write(("count", str(window_s), name), b"%d" % counted, window_s)
        return counted

    async def take(self, key: str, tokens: int, *, per_s: int, burst: int) -> int:
        """See Coordination."""
        check_key(key)
        check_bucket(tokens, per_s, burst)
        await self._takes_its_time()
        name = bucket_name(key, per_s, burst)
        held = self._read("bucket", "", name)
        now_ms = int(self._clock() * 1_000)
        got, full = taken(0 if held is None else int(held.value), now_ms, tokens, per_s=per_s, burst=burst)
        if got:
            self._write(("bucket", "", name), b"%d" % full, refilled_s(per_s, burst))
        return got

    async def put(
        self, kind: str, name: str, *, value: bytes, ttl_s: int | None = None, version: int | None = None
    ) -> int:
        """See Coordination."""
        check_key(kind, name)
        await self._takes_its_time()
        self._expect(kind, name, version)
        return self._write(("record", kind, name), value, ttl_s)

    async def get(self, kind: str, name: str) -> Record | None:
        """See Coordination."""
        check_key(kind, name)
        await self._takes_its_time()
        held = self._read("record", kind, name)
        return None if held is None else Record(name, held.value, held.version)

    async def scan(self, kind: str) -> list[Record]:
        """See Coordination."""
        check_key(kind)
        await self._takes_its_time()
        self._forget_ended()
        found = [
            Record(name, held.value, held.version)
            for (space, of, name), held in sorted(self._held.items())
            if (space, of) == ("record", kind)
        ]
        check_scan(kind, len(found))
        return found

    async def delete(self, kind: str, name: str, *, version: int | None = None) -> None:
        """See Coordination."""
        check_key(kind, name)
        await self._takes_its_time()
        self._expect(kind, name, version)
        self._held.pop(("record", kind, name), None)

    def forget(self) -> None:
        """As a server that lost everything."""
        self._held.clear()

    async def _takes_its_time(self) -> None:
        if self.slow_s:
            await asyncio.sleep(self.slow_s)

    def _expect(self, kind: str, name: str, version: int | None) -> None:
        held = self._read("record", kind, name)
        found = ABSENT if held is None else held.version
        if version is not None and found != version:
            raise Conflict(f"{kind} {name} has version {found}, not {version}")

    def _read(self, space: str, kind: str, name: str) -> _Held | None:
        self._forget_ended()
        return self._held.get((space, kind, name))

    def _write(self, key: _Key, value: bytes, ttl_s: int | None, *, version: int | None = None) -> int:
        check_value(value)
        check_ttl(ttl_s)
        ends_s = math.inf if ttl_s is None else self._clock() + ttl_s
        held = self._held[key] = _Held(value, next(self._versions) if version is None else version, ends_s)
        if ttl_s is not None:
            heapq.heappush(self._ends, (ends_s, key))
        return held.version

    def _forget_ended(self) -> None:
        if self.away:
            raise Unavailable("coordination in memory was told to be away")
        now_s = self._clock()
        while self._ends and self._ends[0][0] <= now_s:
            ends_s, key = heapq.heappop(self._ends)
            held = self._held.get(key)
            if held is not None and held.ends_s == ends_s:
                del self._held[key]
