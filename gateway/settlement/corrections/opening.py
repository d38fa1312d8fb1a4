"""Corrections over a database: a pool whose statements may take as long as an impact, and the service over it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from gateway.settlement.corrections.policy import policies_in
from gateway.settlement.corrections.service import Corrections
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.settlement.pacing import reading
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings

CONNECTIONS = 3
"""One applies, one computes or grades, one is for looking."""


@contextlib.asynccontextmanager
async def patient_database(database: DatabaseSettings, settings: CorrectionSettings) -> AsyncIterator[Database]:
    """The pool. Everything is found by an index, however small its table was when a statement was planned."""
    limits = {"connections": CONNECTIONS, "statement_timeout_s": settings.statement_s}
    async with open_database(database.model_copy(update=limits), {"enable_seqscan": "off"}) as pool:
        yield pool


def corrections_over(pool: Database, settings: CorrectionSettings, now: Callable[[], datetime]) -> Corrections:
    """The service. Raises Refused("bad_policies")."""
    policies, metrics = policies_in(settings.policies), reading(settings.pace_metrics)
    return Corrections(pool, settings=settings, policies=policies, now=now, metrics=metrics)
