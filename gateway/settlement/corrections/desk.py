"""Corrections in a gateway's worker, once there is a database for them: `at` is None until then.

A job that REST lets apply runs here, in the worker that was asked; whoever asks again, or the command line, goes on
with one whose worker died.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from feeds.contract.errors import Refused
from gateway.settlement.corrections.opening import corrections_over, patient_database
from gateway.settlement.corrections.reading import BetHistory
from gateway.settlement.corrections.service import Corrections
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.settlement.entering import Entering
from gateway.settlement.grading.rules import house_rules
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from gateway.store.waiting import until_migrated

log = structlog.get_logger(__name__)

WAITING_MAX = 16
"""Jobs that wait to be applied here."""


class Working(NamedTuple):
    """What answers while there is a database."""

    corrections: Corrections
    entering: Entering
    history: BetHistory
    apply: Callable[[str, str], None]


class CorrectionsDesk:
    """Of one worker."""

    def __init__(self, settings: CorrectionSettings) -> None:
        self._settings = settings
        self._jobs: asyncio.Queue[tuple[str, str]] = asyncio.Queue(WAITING_MAX)
        self.at: Working | None = None

    async def run(self, database: DatabaseSettings) -> None:
        """Serves until cancelled. Raises MigrationRefused."""
        await until_migrated(database)
        async with patient_database(database, self._settings) as pool:
            self.at = self.over(pool)
            while True:
                await self._apply(*await self._jobs.get())

    def over(self, pool: Database) -> Working:
        """What answers, over this pool."""
        service = corrections_over(pool, self._settings, _now)
        return Working(service, Entering(pool, house_rules(), _now), BetHistory(pool), self._put)

    def _put(self, correction: str, by: str) -> None:
        """Raises Refused("overloaded")."""
        try:
            self._jobs.put_nowait((correction, by))
        except asyncio.QueueFull as error:
            raise Refused("overloaded", f"{WAITING_MAX} corrections wait to be applied here") from error

    async def _apply(self, correction: str, by: str) -> None:
        """To the end, or until it is refused or the database fails: the job says where it is, and goes on if asked."""
        assert self.at is not None
        try:
            job = await self.at.corrections.apply(correction, by=by)
        except (Refused, DatabaseUnavailable) as error:
            log.warning("correction_stopped", correction=correction, error=str(error))
        else:
            log.info("correction_ended", correction=correction, state=job.state, fault=job.fault)


def _now() -> datetime:
    return datetime.now(UTC)
