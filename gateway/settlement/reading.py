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
from gateway.settlement.recording import Recorder
from gateway.settlement.sql import statement
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

RETRY_S = (0.1, 3.0)
"""Wait after a failure: from, doubling, up to; half of it at random."""

COMPLAINTS_FROM_ATTEMPT = 4
"""A settler may start before the first result makes the log; the first attempts are not worth a word."""

TAKE_WAIT_S = 1.0


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

    async def run(self) -> None:
        """Until cancelled."""
        wait_s, wait_s_max = RETRY_S
        while True:
            try:
                await self._begin()
                while True:
                    await self._take()
                    wait_s, self._attempts = RETRY_S[0], 0
            except (LogUnavailable, DatabaseUnavailable) as error:
                self._attempts += 1
                if self._attempts >= COMPLAINTS_FROM_ATTEMPT:
                    self._metrics.failures.inc()
                    log.warning("results_unavailable", error=str(error))
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(2 * wait_s, wait_s_max)

    async def _begin(self) -> None:
        place = await self._tap.begin()
        rows = await self._database.fetch(statement("seen_log"), place.created)
        if rows[0][0]:
            self._metrics.logs_lost.inc()
            log.error("result_log_lost", created=place.created, what="results that were not read are gone")
        if place.missed:
            self._metrics.missed.inc(place.missed)
            log.error("results_missed", results=place.missed, what="the log forgot them before they were read")

    async def _take(self) -> None:
        said = await self._tap.take(self._most, TAKE_WAIT_S)
        if not said:
            return
        settlements = self._decoded(said)
        recorded = await self._recorder.record(settlements)
        await self._tap.done(said)
        refused = recorded.refused + len(said) - len(settlements)
        self._metrics.results.labels("new").inc(recorded.new)
        self._metrics.results.labels("refused").inc(refused)
        self._metrics.results.labels("known").inc(len(said) - refused - recorded.new)
        if recorded.changed:
            self._metrics.changes.inc(recorded.changed)
            self._recorded()

    @staticmethod
    def _decoded(said: Sequence[Said]) -> list[Settlement]:
        """One that nobody can read is refused: it will not be better the next time."""
        settlements = []
        for one in said:
            try:
                settlements.append(decode_settlement(one.subject, one.data))
            except Refused as refusal:
                log.error("result_unreadable", subject=one.subject, s=one.s, why=str(refusal))
        return settlements
