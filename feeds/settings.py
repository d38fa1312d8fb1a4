"""Settings of an ingestor process (`python -m feeds run`). Its options override them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["debug", "info", "warning", "error"]


class FeedsSettings(BaseSettings):
    """One feed: which provider it comes from, and how that is played."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_FEED_", frozen=True)

    provider: Annotated[
        str, Field(description="simulator, betfair[:FILE], theoddsapi[:FILE], sportradar:PRODUCER|PATH")
    ] = "simulator"
    name: Annotated[str, Field(description="name of the feed in subjects and sources; empty: the provider's")] = ""
    events: Annotated[int, Field(ge=1, le=5_000, description="simulator: events at any time")] = 60
    rate: Annotated[int, Field(ge=1, le=20_000, description="simulator: updates a second")] = 200
    game_s: Annotated[
        int, Field(ge=10, le=10_800, description="simulator: least a game lasts, seconds; more where the rate needs it")
    ] = 600
    seed: Annotated[int, Field(ge=0, description="simulator: the same seed, the same slate")] = 1
    corrections: Annotated[
        float, Field(ge=0, le=1, description="simulator: part of the markets whose result is corrected later")
    ] = 0.0
    speed: Annotated[float, Field(gt=0, le=1_000_000, description="recording: times its own pace")] = 1.0
    loop: Annotated[bool, Field(description="recording: begin again at its end")] = False
    priority: Annotated[
        str,
        Field(
            pattern=r"^([a-z0-9_-]{1,48}(,[a-z0-9_-]{1,48})*)?$",
            description="feeds of joined events, by comma; the first that is live writes; the same for every feed",
        ),
    ] = ""
    hysteresis_s: Annotated[
        float,
        Field(ge=0, le=3_600, description="how long a feed is live before it takes over from a later one, seconds"),
    ] = 10.0
    mapping: Annotated[
        str, Field(description="TOML file of the provider's ids and names in our words; empty: none")
    ] = ""
    lease_ttl_s: Annotated[
        int, Field(ge=1, le=60, description="a leader that does not renew its lease is replaced after this, seconds")
    ] = 1
    lease_interval_s: Annotated[
        float, Field(gt=0, le=30, description="the lease is renewed, and asked for by standbys, this often, seconds")
    ] = 0.25
    record: Annotated[
        Path | None, Field(description="directory for the provider's raw messages, a packed file a day; empty: none")
    ] = None
    metrics_host: Annotated[str, Field(description="address of /live, /ready and /metrics")] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535, description="port of /live, /ready and /metrics; 0: none")] = 0
    nats_monitor: Annotated[
        str, Field(description="http://HOST:PORT of nats-server's monitoring, to say whether the log is durable")
    ] = ""
    log_level: Annotated[LogLevel, Field(description="debug, info, warning or error")] = "info"

    @model_validator(mode="after")
    def _renewed_in_time(self) -> Self:
        if 2 * self.lease_interval_s > self.lease_ttl_s:
            raise ValueError("lease_interval_s is at most half of lease_ttl_s, so that a renewal may be late once")
        return self
