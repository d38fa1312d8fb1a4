"""Settings of an ingestor process (`python -m feeds run`). Its options override them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["debug", "info", "warning", "error"]


class FeedsSettings(BaseSettings):
    """One feed: which provider it comes from, and how that is played."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_FEED_", frozen=True)

    provider: Annotated[str, Field(description="simulator, or betfair:FILE")] = "simulator"
    name: Annotated[str, Field(description="name of the feed in subjects and sources; empty: the provider's")] = ""
    events: Annotated[int, Field(ge=1, le=5_000, description="simulator: events at any time")] = 60
    rate: Annotated[int, Field(ge=1, le=20_000, description="simulator: updates a second")] = 200
    seed: Annotated[int, Field(ge=0, description="simulator: the same seed, the same slate")] = 1
    speed: Annotated[float, Field(gt=0, le=1_000_000, description="recording: times its own pace")] = 1.0
    loop: Annotated[bool, Field(description="recording: begin again at its end")] = False
    record: Annotated[
        Path | None, Field(description="directory for the provider's raw messages, a packed file a day; empty: none")
    ] = None
    metrics_port: Annotated[int, Field(ge=0, le=65_535, description="loopback port of /metrics; 0: none")] = 0
    nats_monitor: Annotated[
        str, Field(description="http://HOST:PORT of nats-server's monitoring, to say whether the log is durable")
    ] = ""
    log_level: Annotated[LogLevel, Field(description="debug, info, warning or error")] = "info"
