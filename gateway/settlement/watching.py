"""Looks at what is still to be settled, and tells it as metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from gateway.settlement.metrics import SettlementMetrics
from gateway.settlement.sql import statement
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

LOOK_S = 2.0


async def watch(database: Database, metrics: SettlementMetrics, now: Callable[[], datetime]) -> None:
    """Until cancelled."""
    while True:
        try:
            ((markets, since),) = await database.fetch(statement("backlog"))
        except DatabaseUnavailable as error:
            log.warning("backlog_unseen", error=str(error))
        else:
            metrics.backlog.set(markets)
            metrics.waiting_seconds.set(0 if since is None else max(0.0, (now() - since).total_seconds()))
        await asyncio.sleep(LOOK_S)
