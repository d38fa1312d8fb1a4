"""Reads results from the log, and has them recorded: acknowledged only after they were.

What comes again is recognised; what the log has lost or forgotten is said aloud, for nobody else would notice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import structlog

from feeds.contract.errors import LogUnavailable, Refused
from feeds.contract.records import decode_settlement
from feeds.contract.results import ResultTap, Said, Settlement
from gateway.settlement.metrics import SettlementMetrics
from gateway.settlement.recording import Recorded, Recorder
from gateway.settlement.sql import statement
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

RETRY_S = (0.1, 3.0)
"""Wait after a failure: from, doubling, up to; half of it at random."""

COMPLAINTS_FROM_ATTEMPT = 4
"""A settler may start before the first result makes the log; the first attempts are not worth a word."""

TAKE_WAIT_S = 1.0
_DOUBLINGS_MAX = 10


class ResultReader:
    """Reads for one process. `recorded` is called after an outcome changed."""

    def __init__(
        self,
        tap: ResultTap,
        recorder: Recorder,
        database: Database,
        *,
        most: int,
        metrics: SettlementMetrics,
        recorded: Callable[[], None],
    ) -> None:
        self._tap = tap
        self._recorder = recorder
        self._database = database
        self._most = most
        self._metrics = metrics
        self._recorded = recorded
        self._attempts = 0
        self._created = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._begin()
                while True:
                    said = await self._tap.take(self._most, TAKE_WAIT_S)
                    self._attempts = 0
                    if said:
                        await self._record(said)
                        await self._database.execute(statement("read_log"), self._created, said[-1].s)
                        await self._tap.done(said)
            except (LogUnavailable, DatabaseUnavailable) as error:
                await self._failed(error)

    async def _begin(self) -> None:
        place = await self._tap.begin()
        self._created = place.created
        [(lost, read)] = await self._database.fetch(statement("seen_log"), place.created)
        if lost:
            self._metrics.logs_lost.inc()
            log.error("result_log_lost", created=place.created, what="results that were not read are gone")
        missed = place.first_s - 1 - read
        if missed > 0:
            self._metrics.missed.inc(missed)
            log.error("results_missed", results=missed, what="the log forgot them before they were read")

    async def _record(self, said: Sequence[Said]) -> None:
        """Until they are recorded: while the database is away, what was taken is held, and nothing more is taken."""
        settlements = self._decoded(said)
        recorded: Recorded | None = None
        while recorded is None:
            try:
                recorded = await self._recorder.record(settlements)
            except DatabaseUnavailable as error:
                await self._failed(error)
        self._attempts = 0
        refused = recorded.refused + len(said) - len(settlements)
        self._metrics.results.labels("new").inc(recorded.new - recorded.held)
        self._metrics.results.labels("held").inc(recorded.held)
        self._metrics.results.labels("refused").inc(refused)
        self._metrics.results.labels("known").inc(len(said) - refused - recorded.new)
        if recorded.changed:
            self._metrics.changes.inc(recorded.changed)
            self._recorded()

    async def _failed(self, error: Exception) -> None:
        """Says so, and waits."""
        self._attempts += 1
        if self._attempts >= COMPLAINTS_FROM_ATTEMPT:
            self._metrics.failures.inc()
            log.warning("results_wait", error=str(error))
        wait_s = min(RETRY_S[0] * 2 ** min(self._attempts, _DOUBLINGS_MAX), RETRY_S[1])
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))

    @staticmethod
    def _decoded(said: Sequence[Said]) -> list[Settlement]:
        """One that nobody can read is refused: it will not be better the next time."""
        settlements = []
        for one in said:
            try:
                settlements.append(decode_settlement(one.subject, one.data))
            except Refused as refusal:
                log.warning("result_unreadable", subject=one.subject, s=one.s, why=str(refusal))
        return settlements
