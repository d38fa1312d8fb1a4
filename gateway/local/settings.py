"""Settings of `oddswire up`: one list for its options, its environment variables, its limits and their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SHARDS_MAX = 64
INGESTORS_MAX = 8
API_WORKERS_MAX = 64


class UpSettings(BaseSettings):
    """What `oddswire up` starts. An option beats its environment variable, which beats the default."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_UP_", frozen=True, extra="forbid")

    feed: Annotated[str, Field(description="simulator, or betfair:FILE for a recording (.bz2 .gz .jsonl)")] = (
        "simulator"
    )
    events: Annotated[int, Field(ge=1, le=5_000, description="simulator: events of the slate")] = 60
    rate: Annotated[int, Field(ge=1, le=20_000, description="simulator: updates a second")] = 200
    speed: Annotated[
        float,
        Field(gt=0, le=1_000_000, allow_inf_nan=False, description="recording: how many times as fast as recorded"),
    ] = 1.0
    loop: Annotated[bool, Field(description="recording: begin again at its end")] = False
    ingestors: Annotated[
        int, Field(ge=1, le=INGESTORS_MAX, description="processes of the feed: one leads, the others stand by")
    ] = 1
    shards: Annotated[int, Field(ge=1, le=SHARDS_MAX, description="fan-out processes")] = 2
    api_workers: Annotated[
        int, Field(ge=1, le=API_WORKERS_MAX, description="gateway processes, which share its port")
    ] = 1
    host: Annotated[str, Field(min_length=1, description="address the shards and the gateway listen on")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=1, le=65_000, description="first port: gateway PORT, shards PORT+100, PORT+101, ...")
    ] = 8000
    data_dir: Annotated[Path, Field(description="the only directory written to: the log, logs of the parts")] = Path(
        ".oddswire"
    )
    nats: Annotated[str, Field(description="a nats-server that runs already, nats://HOST:PORT; empty: start one")] = ""
    database: Annotated[
        str, Field(description="a PostgreSQL that runs already, postgresql://USER@HOST:PORT/NAME; empty: start one")
    ] = ""
    coordination: Annotated[
        str,
        Field(
            description="where the parts agree: nats:, or aerospike://HOST:PORT,HOST:PORT/NAMESPACE that runs already"
        ),
    ] = "nats:"
    parts: Annotated[
        str, Field(description="what to start, of nats, feeds, fanout, postgres, archive, settler, gateway")
    ] = "nats,feeds,fanout,postgres,archive,settler,gateway"
