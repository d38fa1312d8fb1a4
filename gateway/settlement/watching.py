"""What runs beside the settlers of a process: a look at what is still to be settled, and the forgetting of results of
markets that nobody bet on. What somebody bet on is kept for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from gateway.settlement.metrics import SettlementMetrics
from gateway.settlement.sql import statement
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

LOOK_S = 2.0
FORGET_S = 600.0
FORGET_BATCH = 500


async def watch(database: Database, metrics: SettlementMetrics, now: Callable[[], datetime]) -> None:
    """Tells the backlog as metrics, until cancelled."""
    while True:
        try:
            ((markets, since),) = await database.fetch(statement("backlog"))
        except DatabaseUnavailable as error:
            log.warning("backlog_unseen", error=str(error))
        else:
            metrics.backlog.set(markets)
            metrics.waiting_seconds.set(0 if since is None else max(0.0, (now() - since).total_seconds()))
        await asyncio.sleep(LOOK_S)


class _Place(NamedTuple):
    """Results up to here were looked at."""

    at: datetime = datetime.min.replace(tzinfo=UTC)
    market: str = ""


class Forgetting:
    """Lets go of results older than `kept`, a batch at a time."""

    def __init__(self, database: Database, kept: timedelta, now: Callable[[], datetime]) -> None:
        self._database = database
        self._kept = kept
        self._now = now
        self._place = _Place()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                more = await self.look()
            except DatabaseUnavailable as error:
                log.warning("results_stay", error=str(error))
                more = False
            await asyncio.sleep(LOOK_S if more else FORGET_S)

    async def look(self) -> bool:
        """One batch; whether there may be more. Raises DatabaseUnavailable."""
        before = self._now() - self._kept
        [(looked, at, market)] = await self._database.fetch(statement("forget"), *self._place, before, FORGET_BATCH)
        if looked:
            self._place = _Place(at, market)
        return bool(looked == FORGET_BATCH)
