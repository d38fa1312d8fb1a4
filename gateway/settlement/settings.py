"""Settings of settlement."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettlementSettings(BaseSettings):
    """How results are read and bets are settled by them."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_SETTLER_", frozen=True)

    workers: Annotated[int, Field(ge=1, le=64, description="batches at once in one process; more processes add up")] = 1
    batch_bets: Annotated[int, Field(ge=1, le=2_000, description="most bets in one transaction")] = 50
    bets_per_s: Annotated[
        int, Field(ge=0, le=1_000_000, description="most bets a second that one worker settles; 0: as fast as it goes")
    ] = 0
    pace_metrics: Annotated[
        str, Field(description="address of a gateway's /metrics, whose p99 of placing bets sets the pace; empty: none")
    ] = ""
    place_p99_ms: Annotated[int, Field(ge=1, le=60_000, description="above it batches pause longer")] = 250
    pause_ms_max: Annotated[int, Field(ge=0, le=60_000, description="longest pause between batches")] = 2_000
    claim_markets: Annotated[int, Field(ge=1, le=1_000, description="markets that a worker takes at once")] = 50
    lease_s: Annotated[
        float, Field(ge=1, le=300, description="a worker that says nothing for so long has lost its markets, seconds")
    ] = 10.0
    look_s: Annotated[
        float, Field(gt=0, le=60, description="between two looks for work that another process recorded, seconds")
    ] = 0.1
    record_results: Annotated[int, Field(ge=1, le=1_000, description="most results recorded in one transaction")] = 200
    redeliver_s: Annotated[
        float,
        Field(ge=1, le=300, description="a result that was taken and not recorded comes again after this, seconds"),
    ] = 10.0
    keep_unbet_days: Annotated[
        int, Field(ge=1, le=3_650, description="days after which results of markets that nobody bet on are forgotten")
    ] = 90
    metrics_host: Annotated[str, Field(description="address of /live, /ready and /metrics")] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535, description="port of /live, /ready and /metrics; 0: none")] = 0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="debug, info, warning or error")
    ] = "info"
