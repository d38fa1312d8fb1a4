"""Settings of corrections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CorrectionSettings(BaseSettings):
    """How corrections are approved, applied and told."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_CORRECTION_", frozen=True)

    by: Annotated[str, Field(max_length=100, description="who drafts and approves, where no --by says so")] = ""
    policies: Annotated[
        Path | None, Field(description="TOML file of an operator's own policies; none: the one that ships")
    ] = None
    operator: Annotated[str, Field(min_length=1, max_length=100, description="whose policies count")] = "oddswire"
    approve_above: Annotated[
        int,
        Field(ge=0, description="minor units that a job may move without a second person: all credits and debits"),
    ] = 100_000
    gather_s: Annotated[
        float,
        Field(
            ge=0,
            le=3_600,
            description="what providers say against a settled market waits so long for more about its event, seconds",
        ),
    ] = 5.0
    batch_bets: Annotated[int, Field(ge=1, le=2_000, description="bets of one transaction; a user is never parted")] = (
        100
    )
    bets_per_s: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="most bets a second that a job corrects; it marks ten times as many; 0: no limit",
        ),
    ] = 0
    bets_max: Annotated[int, Field(ge=1, le=10_000_000, description="most bets of one job")] = 1_000_000
    statement_s: Annotated[float, Field(gt=0, le=3_600, description="for one statement of an impact")] = 300.0
    pace_metrics: Annotated[
        str, Field(description="address of a gateway's /metrics, whose p99 of placing bets sets the pace; empty: none")
    ] = ""
    place_p99_ms: Annotated[int, Field(ge=1, le=60_000, description="above it batches pause longer")] = 250
    pause_ms: Annotated[
        int, Field(ge=0, le=60_000, description="between batches while nothing is known of the pace")
    ] = 20
    pause_ms_max: Annotated[int, Field(ge=0, le=60_000, description="longest pause between batches")] = 5_000
    dispute: Annotated[
        str, Field(max_length=500, description="where a user disputes; {correction} and {bet} stand for the ids")
    ] = "/v1/bets/{bet}/history"
