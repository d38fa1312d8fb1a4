"""Settings of the Sportradar feed: where its broker and its API are, and how patient we are with both."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class SportradarSettings(BaseSettings):
    """One installation's access. The token is the broker's user name and the API's access token: never logged."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_SPORTRADAR_", frozen=True)

    token: Annotated[SecretStr, Field(description="access token; the broker's user name too")] = SecretStr("")
    bookmaker_id: Annotated[int, Field(ge=0, description="names the broker's virtual host, /unifiedfeed/ID")] = 0
    amqp_host: Annotated[str, Field(description="host of the broker")] = "mq.betradar.com"
    amqp_port: Annotated[int, Field(ge=1, le=65_535, description="port of the broker")] = 5671
    amqp_password: Annotated[SecretStr, Field(description="the broker's password, where it wants one")] = SecretStr("")
    amqp_tls: Annotated[bool, Field(description="encrypt the connection to the broker")] = True
    amqp_tls_verify: Annotated[bool, Field(description="refuse a broker whose certificate is not good")] = True
    amqp_ca_file: Annotated[str, Field(description="PEM file of who may sign it; empty: the system's")] = ""
    exchange: Annotated[str, Field(description="exchange the feed is published to")] = "unifiedfeed"
    routing_keys: Annotated[str, Field(description="patterns of routing keys wanted, separated by commas")] = "#"
    prefetch: Annotated[int, Field(ge=1, le=10_000, description="messages taken from the broker unread")] = 500
    api_url: Annotated[str, Field(description="address of the REST API")] = "https://api.betradar.com"
    api_timeout_s: Annotated[float, Field(gt=0, le=300, description="how long an answer may take")] = 30.0
    api_requests: Annotated[int, Field(ge=1, le=64, description="requests to the API at once")] = 8
    alive_timeout_s: Annotated[float, Field(gt=0, le=300, description="silence after which a producer is down")] = 20.0
    recovery_timeout_s: Annotated[
        float, Field(gt=0, le=86_400, description="after which an unfinished recovery is asked for anew")
    ] = 900.0
    retry_s: Annotated[float, Field(gt=0, le=300, description="first wait before what failed is tried again")] = 5.0
