"""Corrections over a ground: what is said, who drafts and approves, and how a job is run to its end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from feeds.contract.results import MarketResult
from gateway.settlement.corrections.drafts import Job, Said
from gateway.settlement.corrections.policy import Policies, Policy
from gateway.settlement.corrections.service import Corrections
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.store.pool import Database

PLACED = datetime(2026, 11, 26, 12, tzinfo=UTC)

FULL = Policy("full", "full", "t", 1_000_000, automatic=10**12)


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def policies(*more: Policy) -> Policies:
    """Everything may be taken, but for what more particular ones say."""
    return Policies(PLACED.date(), (FULL, *more))


def corrections(database: Database, *, among: Policies | None = None, **settings: Any) -> Corrections:
    """A service that never pauses."""
    chosen = CorrectionSettings.model_validate({"batch_bets": 3, "pause_ms": 0, "approve_above": 0, **settings})
    return Corrections(database, settings=chosen, policies=among or policies(), now=utc_now)


def says(*results: MarketResult, type: str = "spread") -> list[Said]:  # noqa: A002 the field's own name
    """What a draft says."""
    return [Said(one, type) for one in results]


async def run(service: Corrections, *results: MarketResult, reason: str = "stat correction") -> Job:
    """Drafted by jo, computed, approved by sam, applied."""
    name = await service.draft(says(*results), reason=reason, by="jo")
    return await finish(service, name)


async def finish(service: Corrections, name: str) -> Job:
    """A draft, to its end."""
    await service.impact(name, by="jo")
    await service.approve(name, by="sam")
    return await service.apply(name, by="jo")


def proof_policies() -> Policies:
    """Ann's state gives only; everywhere else all is taken, what is not there is owed; one state waives it."""
    return policies(
        Policy("gives", "credit_only", "t", 72, jurisdiction="US-GI"),
        Policy("waives", "full", "t", 1_000_000, floor=500, cap=3_000, shortfall="waived", jurisdiction="US-WA"),
    )
