"""Tells shards what was revoked in the database: keys, and accounts as a whole. Their streams end at once.

A key that was revoked may have bought a ticket a moment ago from a worker that had not heard of it, so what it bought
until a while later is worth nothing, either.
"""

from __future__ import annotations

import asyncio
import time

import asyncpg
import structlog

from fanout.contract.revocation import KEPT_S, KEY, REVOKED, Revocation, encode_revocation
from feeds.contract.coordination import Coordination, Unavailable
from feeds.contract.subjects import REVOKED_SUBJECT
from gateway.news.metrics import NewsMetrics
from gateway.news.ports import Away, Bus
from gateway.news.sql import statement
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

KEY_MARGIN_S = 60
"""Workers refuse a revoked key within 5 s."""


class Revoking:
    """Of one process."""

    def __init__(
        self, database: Database, coordination: Coordination, bus: Bus, metrics: NewsMetrics, *, every_s: float
    ) -> None:
        self._database = database
        self._coordination = coordination
        self._bus = bus
        self._metrics = metrics
        self._every_s = every_s
        self._told: dict[str, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        failing = False
        while True:
            try:
                await self.look()
                failing = False
            except (DatabaseUnavailable, Unavailable, Away, asyncpg.UndefinedTableError) as error:
                if not failing:
                    log.warning("revocations_wait", error=str(error) or type(error).__name__)
                failing = True
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Tells what is new. What shards may read for a while yet is written down, too. Raises DatabaseUnavailable,
        Unavailable, Away."""
        rows = await self._database.fetch(statement("revoked"))
        found = {row["name"]: row["at"] for row in rows}
        now_s = int(time.time())
        for name, at_s in found.items():
            if self._told.get(name) == at_s:
                continue
            revocation = Revocation(name, at_s + (KEY_MARGIN_S if name.startswith(KEY) else 0))
            data = encode_revocation(revocation)
            if at_s > now_s - KEPT_S:
                await self._coordination.put(REVOKED, name, value=data, ttl_s=KEPT_S)
            await self._bus.publish(REVOKED_SUBJECT, data)
            self._told[name] = at_s
            self._metrics.revoked.inc()
        self._told = {name: at_s for name, at_s in self._told.items() if name in found}
