"""Protection in PostgreSQL. Every call is one statement, and so one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from gateway.protection.limits import Activity, Exclusion, ExclusionKind, Limit, LimitKind, Period
from gateway.protection.sql import statement
from gateway.store.pool import Database, Row


class Wish(NamedTuple):
    """A limit as somebody wants it; `amount` None: none. `by`: `self`, or the name of an operator."""

    owner: str
    kind: LimitKind
    period: Period
    currency: str
    amount: int | None
    by: str


class ProtectionTables:
    """The tables of `protection`. Every call may raise DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_limit(self, wish: Wish, *, at: datetime, wait: timedelta) -> str:
        """Lower at once, higher after `wait`. Gives `done` or `wrong_currency`."""
        row = await self._database.row(statement("set_limit"), *wish, at, wait)
        assert row is not None
        outcome: str = row[0]
        return outcome

    async def exclude(
        self, owner: str, kind: ExclusionKind, *, until: datetime | None, by: str, at: datetime
    ) -> datetime | None:
        """Neither bets nor deposits until then, None: ever. Never for less than stood; gives when it ends."""
        row = await self._database.row(statement("exclude"), owner, kind, until, by, at)
        assert row is not None
        ends: datetime | None = row[0]
        return ends

    async def limits(self, owner: str, at: datetime) -> list[Limit]:
        """Those of an account, with what counts against them."""
        return [Limit(*row) for row in await self._database.fetch(statement("limits"), owner, at)]

    async def exclusions(self, owner: str, at: datetime) -> list[Exclusion]:
        """Those that stand."""
        return [Exclusion(*row) for row in await self._database.fetch(statement("exclusions"), owner, at)]

    async def excluded(self, owner: str) -> Mapping[str, object] | None:
        """What a refusal says of the exclusion that ends last; None: there is none."""
        row = await self._database.row(statement("excluded"), owner)
        said: str | None = None if row is None else row[0]
        if said is None:
            return None
        more: Mapping[str, object] = orjson.loads(said)
        return more

    async def activity(self, owner: str, since: datetime, until: datetime) -> Activity:
        """What an account did."""
        row = await self._database.row(statement("activity"), owner, since, until)
        assert row is not None
        return Activity(*row)

    async def trail(self, owner: str, *, limit: int) -> list[Row]:
        """`at`, `by`, `what` and `said` of the newest changes."""
        return await self._database.fetch(statement("trail"), owner, limit)

    async def to_revoke(self, *, limit: int) -> list[str]:
        """Accounts whose tickets are still to be taken back, the oldest first."""
        return [row[0] for row in await self._database.fetch(statement("to_revoke"), limit)]

    async def revoked(self, owner: str, at: datetime) -> None:
        """That was done."""
        await self._database.execute(statement("revoked"), owner, at)
