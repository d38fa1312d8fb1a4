"""Settings of the archive."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class HistorySettings(BaseSettings):
    """How the archive is written and what is kept of it."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_HISTORY_", frozen=True)

    batch_records: Annotated[int, Field(ge=1, le=50_000, description="most records in one transaction")] = 5_000
    gather_s: Annotated[float, Field(gt=0, le=10, description="longest a record waits for others, seconds")] = 0.25
    keep_days: Annotated[int, Field(ge=1, le=3_650, description="days of which every change is kept")] = 30
    keep_minutes_days: Annotated[
        int, Field(ge=1, le=3_650, description="days of which open, high, low and close by minute are kept")
    ] = 365
    upkeep_s: Annotated[
        float, Field(gt=0, le=86_400, description="between two looks at what is to be compacted or dropped, seconds")
    ] = 600.0
    metrics_host: Annotated[str, Field(description="address of /live, /ready and /metrics")] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535, description="port of /live, /ready and /metrics; 0: none")] = 0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="debug, info, warning or error")
    ] = "info"
