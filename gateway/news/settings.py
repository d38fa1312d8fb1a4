"""How account news are told: how often the outbox is looked at, and how much is answered at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class NewsSettings(BaseSettings):
    """Settings of `news`; variables are ODDSWIRE_NEWS_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_NEWS_", frozen=True)

    poll_ms: Annotated[int, Field(ge=5, le=10_000, description="the outbox is looked at this often, ms")] = 50
    page: Annotated[
        int, Field(ge=1, le=5_000, description="news of one look; where there are more the next follows at once")
    ] = 500
    connections: Annotated[
        int, Field(ge=2, le=100, description="most connections to the database, one of them the outbox's")
    ] = 6
    answers_waiting: Annotated[
        int, Field(ge=1, le=10_000, description="questions of shards that wait for a connection; more: ask again later")
    ] = 64
    statement_timeout_s: Annotated[float, Field(gt=0, le=60, description="server-side, for one statement")] = 5.0
    revocations_ms: Annotated[
        int, Field(ge=50, le=60_000, description="revoked keys and accounts are looked for this often, ms")
    ] = 250
    metrics_host: Annotated[str, Field(description="address of /live, /ready and /metrics")] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535, description="port of /live, /ready and /metrics; 0: none")] = 0
    log_level: Annotated[
        str, Field(pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
    ] = "info"
