"""Waiting for a database that is not there yet: who starts beside it needs no order of starting."""

from __future__ import annotations

import asyncio
import random
import time

import asyncpg
import structlog

from gateway.store.errors import DatabaseUnavailable
from gateway.store.migrations import migrate
from gateway.store.pool import connect_options, told_apart
from gateway.store.settings import DatabaseSettings

log = structlog.get_logger(__name__)

RETRY_S = 0.2
COMPLAINT_INTERVAL_S = 3.0


async def until_migrated(settings: DatabaseSettings) -> None:
    """Waits, for ever, until the database answers and its schema is this version's. Raises MigrationRefused."""
    while True:
        await until_served(settings)
        try:
            await migrate(settings)
        except DatabaseUnavailable as error:
            log.warning("database_unavailable", error=str(error))
        else:
            return


async def until_served(settings: DatabaseSettings) -> None:
    """Waits, for ever, until the database answers; says every few seconds that it does not."""
    complained_s = time.monotonic()
    while True:
        try:
            with told_apart(settings.shown):
                connection = await asyncpg.connect(**connect_options(settings))
                connection.terminate()
                return
        except DatabaseUnavailable as error:
            if time.monotonic() - complained_s > COMPLAINT_INTERVAL_S:
                complained_s = time.monotonic()
                log.warning("database_unavailable", error=str(error))
        await asyncio.sleep(RETRY_S * random.uniform(0.5, 1.0))
