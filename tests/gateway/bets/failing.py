"""Ports that fail on demand: every await of the placing path is a point, before the call and after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from feeds.contract.coordination import Claim, Coordination
from gateway.access.principal import Principal
from gateway.bets.development import DevelopmentLocations
from gateway.bets.ports import Decision, Use
from gateway.store.pool import Database


class Crash(Exception):
    """The process ends here. Nothing of ours catches it."""


class Points:
    """Counts the awaits of a path, and raises at the one that is chosen; -1: at none."""

    def __init__(self, fail_at: int, error: Callable[[], Exception]) -> None:
        self.passed = 0
        self.names: list[str] = []
        self._fail_at = fail_at
        self._error = error
        self._dead = False

    async def around(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """A call with its two points. Once dead a process calls nothing any more."""
        self._point(f"before {name}")
        answer = await call()
        self._point(f"after {name}")
        return answer

    def _point(self, name: str) -> None:
        here, self.passed = self.passed, self.passed + 1
        self.names.append(name)
        if here == self._fail_at:
            self._dead = True
        error = self._error()
        if (here == self._fail_at) or (self._dead and isinstance(error, Crash)):
            raise error


class FailingDatabase(Database):
    """A pool whose statements are points."""

    def __init__(self, inner: Database, points: Points) -> None:
        super().__init__(inner._pool, inner._where)
        self._points = points

    async def row(self, sql: str, *values: object) -> Any:
        """See Database."""
        name = sql.rpartition("FROM ")[2].partition("(")[0].strip()
        return await self._points.around(name, lambda: super(FailingDatabase, self).row(sql, *values))


class FailingCoordination:
    """The two calls of Coordination that placing makes, as points."""

    def __init__(self, inner: Coordination, points: Points) -> None:
        self._inner = inner
        self._points = points

    async def answer(self, key: str) -> bytes | None:
        """See Coordination."""
        found: bytes | None = await self._points.around("answer", lambda: self._inner.answer(key))
        return found

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """See Coordination."""
        made: Claim = await self._points.around("claim", lambda: self._inner.claim(key, value, ttl_s=ttl_s))
        return made


class FailingLocations(DevelopmentLocations):
    """Location as a point."""

    def __init__(self, points: Points) -> None:
        self._points = points

    async def check(
        self, receipt: str | None, principal: Principal, network: str, at: datetime, *, use: Use = "bet"
    ) -> Decision:
        """See Locations."""
        del use
        decide = super().check
        decision: Decision = await self._points.around("location", lambda: decide(receipt, principal, network, at))
        return decision
