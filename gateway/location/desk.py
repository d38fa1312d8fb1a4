"""The verifier of one worker, once there is a database for its record: `service` is None until then."""

from __future__ import annotations

import time

import structlog

from feeds.contract.coordination import Coordination
from gateway.location.record import Recorder
from gateway.location.service import Known, LocationService
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings
from gateway.store.waiting import until_migrated

log = structlog.get_logger(__name__)

CONNECTIONS = 1
"""One statement after another."""

STATEMENT_S = 5.0


class LocationDesk:
    """Of what it is made with, and where ids are claimed."""

    def __init__(self, known: Known, coordination: Coordination) -> None:
        self.known = known
        self._coordination = coordination
        self.service: LocationService | None = None

    async def run(self, database: DatabaseSettings) -> None:
        """Serves until cancelled. Raises MigrationRefused."""
        await until_migrated(database)
        limited = database.model_copy(update={"connections": CONNECTIONS, "statement_timeout_s": STATEMENT_S})
        async with open_database(limited, stateless=True) as opened:
            recorder = Recorder(opened)
            self.service = LocationService(self.known, self._coordination, recorder, clock=time.time)
            log.info("locations_verified", vendors=len(self.known.keys), boundaries=self.known.atlas.version)
            await recorder.run()
