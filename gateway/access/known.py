"""Credentials that were verified, by their hash: what a request of somebody known costs is one hash and one look-up.

Nothing unverified gets in, so nobody fills it with nonsense; beyond the limit the one that came first goes, and is
verified again. Neither a key nor a token is kept, only SHA-256 of it. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gateway.access.meter import Meter
from gateway.access.principal import Plan, Principal

KNOWN_MAX = 65_536


class Verified:
    """Who it is until `ends_s` (Unix s). `minted_s`: when a token was. `check`: of reads, where some are closed."""

    __slots__ = ("check", "ends_s", "meter", "minted_s", "principal")

    def __init__(self, principal: Principal, ends_s: float, *, minted_s: int = 0) -> None:
        self.principal = principal
        self.ends_s = ends_s
        self.minted_s = minted_s
        self.meter: Meter | None = None
        self.check: Callable[[Any], None] | None = None


ANYBODY = Verified(Principal(subject="", account=None, scopes=frozenset(), plan=Plan(name="")), math.inf)
"""Somebody without a credential, where odds are open to all."""


class Known:
    """Of one kind, keys or tokens. `by_hash` is looked up for each request."""

    def __init__(self, most: int = KNOWN_MAX) -> None:
        self.by_hash: dict[bytes, Verified] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self.by_hash)

    def put(self, digest: bytes, verified: Verified) -> None:
        """It is known from now on."""
        self.by_hash.pop(digest, None)
        self.by_hash[digest] = verified
        if len(self.by_hash) > self._most:
            del self.by_hash[next(iter(self.by_hash))]

    def forget(self, digest: bytes) -> None:
        """It is not known any more."""
        self.by_hash.pop(digest, None)

    def forget_where(self, ended: Callable[[Verified], bool]) -> int:
        """Everyone of whom that is so; gives how many."""
        gone = [digest for digest, verified in self.by_hash.items() if ended(verified)]
        for digest in gone:
            del self.by_hash[digest]
        return len(gone)
