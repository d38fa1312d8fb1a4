"""The port `Coordination`: what processes of one installation agree on. Backends stand in feeds/adapters/coordination.

It is never the only truth: a backend may forget what it acknowledged when nodes are lost. The log fences feeds,
PostgreSQL decides bets; whoever uses this port says what happens when it is slow, away, or has forgotten.

A call that cannot be answered ends within a few seconds by `Unavailable`: nothing was changed, unless it is `InDoubt`.
Times to live count on the backend's clock; what has ended may be seen for up to two seconds longer, never shorter.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from feeds.contract.errors import Refused

KEY_CHARS_MAX = 128
VALUE_BYTES_MAX = 65_536
TTL_S_MAX = 30 * 86_400
WINDOW_S_MAX = 86_400
AMOUNT_MAX = 1_000_000
"""What is added to a count or taken from a bucket at once, at most; also what a bucket holds, and gains a second."""

SCAN_RECORDS_MAX = 1_000
"""Records of a kind that `scan` gives; of a kind with more only `get` is to be used."""

ABSENT = 0
"""The version of a record that is not there."""

_KEY = re.compile(rf"[A-Za-z0-9_=/-]{{1,{KEY_CHARS_MAX}}}\Z")


class Unavailable(Exception):
    """The backend did not answer in time, or refused for a reason that is not in the question. Nothing was changed."""


class InDoubt(Unavailable):
    """The backend was asked and did not answer: the change may have been made, or may still be.

    Reading tells, later: `answer`, where the value names its claimant, and `get`. A lease is simply asked for again.
    """


class Conflict(Exception):
    """Another was first: the version is not the expected one, or the lease is another owner's. Nothing was changed."""


class Claim(NamedTuple):
    """How a claim ended. `value` is the winner's, whoever that is."""

    won: bool
    value: bytes


class Record(NamedTuple):
    """One record of a kind. `version` is positive, opaque, and never comes back for the same name."""

    name: str
    value: bytes
    version: int


class Coordination(Protocol):
    """Every call may raise Unavailable, and Refused("bad_key" | "bad_value" | "bad_ttl" | "bad_amount") for what breaks
    a limit.

    Keys, kinds and names: 1 to 128 of `A-Za-z0-9_=/-`. Values: up to 64 KiB. Times to live: whole seconds, up to 30
    days. Only calls that change something raise InDoubt; they have by then tried to resolve it.
    """

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """The first to claim a key wins it for `ttl_s`; everyone else gets the winner's value. Exact also where two
        claim with the same value. A stored answer is a claim of a key of its own: the first one stored stands."""

    async def answer(self, key: str) -> bytes | None:
        """The value of the claim that won, or None where nobody has claimed the key, or the claim has ended."""

    async def lease(self, name: str, owner: str, *, ttl_s: int) -> int:
        """Takes or renews a lease; gives its epoch. The owner renewing keeps the epoch; every later holder's is higher,
        also the same owner's after the lease had ended. Raises Conflict while it is another's."""

    async def release(self, name: str, owner: str) -> None:
        """Gives a lease up. Harmless where it is not this owner's."""

    async def count(self, key: str, *, window_s: int, amount: int = 1) -> int:
        """Adds 1 to 1,000,000 to the key's count in the present window; gives the count with it. Windows of up to a day
        follow each other from Unix time 0 by the caller's clock. InDoubt: it may have been counted."""

    async def take(self, key: str, tokens: int, *, per_s: int, burst: int) -> int:
        """Takes up to `tokens` from the key's bucket; gives how many it got, 0 where there are none. One is full at
        first, holds `burst` and fills by `per_s` a second: on Aerospike by the server's clock, else by the caller's,
        where one that is behind the others gets less. Buckets of one key that differ in either are different ones. In
        no stretch of `s` seconds are more than `burst + per_s * s` given, plus what callers' clocks differ by. InDoubt:
        they may have been taken. Unavailable also where too many take from the key at once."""

    async def put(
        self, kind: str, name: str, *, value: bytes, ttl_s: int | None = None, version: int | None = None
    ) -> int:
        """Writes a record, for `ttl_s` or until it is deleted; gives its version. With `version` only where that is
        the record's present one, ABSENT meaning that there is none; else raises Conflict."""

    async def get(self, kind: str, name: str) -> Record | None:
        """The record now."""

    async def scan(self, kind: str) -> list[Record]:
        """Every record of a kind, by name. Raises Refused("kind_too_large") beyond SCAN_RECORDS_MAX."""

    async def delete(self, kind: str, name: str, *, version: int | None = None) -> None:
        """Removes a record. One that is not there is harmless, unless a `version` was expected: Conflict."""


def check_key(*keys: str) -> None:
    """Raises Refused."""
    for key in keys:
        if not _KEY.match(key):
            raise Refused("bad_key", f"a key is 1 to {KEY_CHARS_MAX} of A-Z a-z 0-9 _ = / -, not {key[:200]!r}")


def check_value(value: bytes) -> None:
    """Raises Refused."""
    if len(value) > VALUE_BYTES_MAX:
        raise Refused("bad_value", f"a value has up to {VALUE_BYTES_MAX} bytes, not {len(value)}")


def check_ttl(ttl_s: int | None) -> None:
    """Raises Refused."""
    if ttl_s is not None and not 1 <= ttl_s <= TTL_S_MAX:
        raise Refused("bad_ttl", f"a time to live is 1 to {TTL_S_MAX} s, not {ttl_s}")


def check_window(window_s: int) -> None:
    """Raises Refused."""
    if not 1 <= window_s <= WINDOW_S_MAX:
        raise Refused("bad_ttl", f"a window is 1 to {WINDOW_S_MAX} s, not {window_s}")


def check_amount(amount: int) -> None:
    """Raises Refused."""
    if not 1 <= amount <= AMOUNT_MAX:
        raise Refused("bad_amount", f"1 to {AMOUNT_MAX} is added to a count, not {amount}")


def check_bucket(tokens: int, per_s: int, burst: int) -> None:
    """Raises Refused."""
    for number in (tokens, per_s, burst):
        if not 1 <= number <= AMOUNT_MAX:
            raise Refused("bad_amount", f"a bucket's numbers are 1 to {AMOUNT_MAX}, not {number}")


def check_scan(kind: str, records: int) -> None:
    """Raises Refused."""
    if records > SCAN_RECORDS_MAX:
        raise Refused(
            "kind_too_large", f"{kind} has more than {SCAN_RECORDS_MAX} records: they can only be got by name"
        )
