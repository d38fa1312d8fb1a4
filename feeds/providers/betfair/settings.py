"""Settings of the live Betfair feed, all of them. Lists are words with commas between; an empty one takes all."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

FIELDS = "EX_ALL_OFFERS,EX_LTP,EX_MARKET_DEF"


class BetfairSettings(BaseSettings):
    """Who logs in where, what is subscribed to, and how long silence may last."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_BETFAIR_", frozen=True)

    host: Annotated[str, Field(description="host of the Exchange Stream")] = "stream-api.betfair.com"
    port: Annotated[int, Field(ge=1, le=65_535, description="its port, TLS")] = 443
    ca_file: Annotated[str, Field(description="PEM file of the authorities to trust; empty: the system's")] = ""

    app_key: Annotated[SecretStr, Field(description="application key")] = SecretStr("")
    session: Annotated[SecretStr, Field(description="session token of a login made elsewhere; else this logs in")] = (
        SecretStr("")
    )
    username: Annotated[str, Field(description="account to log in")] = ""
    password: Annotated[SecretStr, Field(description="its password")] = SecretStr("")
    cert_file: Annotated[str, Field(description="PEM client certificate; with it the login is by certificate")] = ""
    key_file: Annotated[str, Field(description="PEM key of the certificate, where it is in a file of its own")] = ""
    cert_login_url: Annotated[str, Field(description="host of /api/certlogin")] = "https://identitysso-cert.betfair.com"
    identity_url: Annotated[str, Field(description="host of /api/login and /api/keepAlive")] = (
        "https://identitysso.betfair.com"
    )
    keep_alive_s: Annotated[
        int, Field(ge=1, le=86_400, description="between two keepAlive of the session, seconds")
    ] = 3_600
    betting_url: Annotated[
        str,
        Field(description="Betting API, for names (listMarketCatalogue) and competitions (listEvents); empty: none"),
    ] = "https://api.betfair.com/exchange/betting/rest/v1.0"

    event_types: Annotated[str, Field(description="eventTypeIds (sports): 1 soccer, 2 tennis, 7 horses")] = ""
    market_types: Annotated[str, Field(description="market types: MATCH_ODDS,OVER_UNDER_25")] = ""
    countries: Annotated[str, Field(description="ISO country codes: GB,IE")] = ""
    competitions: Annotated[
        str, Field(description="competition ids; the stream knows events only, so theirs are looked up at each image")
    ] = ""
    fields: Annotated[str, Field(description="data fields of the stream; EX_MARKET_DEF is always asked for")] = FIELDS
    ladder_levels: Annotated[int, Field(ge=1, le=10, description="depth where EX_BEST_OFFERS is asked for")] = 3
    conflate_ms: Annotated[int, Field(ge=0, le=120_000, description="Betfair sends a market at most this often")] = 0
    heartbeat_ms: Annotated[int, Field(ge=500, le=5_000, description="Betfair speaks at least this often")] = 1_000
    segmentation: Annotated[bool, Field(description="large images come in segments")] = True

    silence_factor: Annotated[
        float, Field(ge=1.5, le=20, description="a line silent for this many heartbeats is cut and made anew")
    ] = 3.0
    connect_timeout_s: Annotated[
        float, Field(gt=0, le=60, description="for connecting, each step of the login, and each HTTP request, seconds")
    ] = 10.0
    holed_images_max: Annotated[
        int,
        Field(ge=0, le=1_000, description="images with unreadable lines refused in a row, before one is taken as is"),
    ] = 5
    down_after_s: Annotated[float, Field(gt=0, le=3_600, description="not live for this long is `down`")] = 20.0
    backoff_s: Annotated[float, Field(gt=0, le=60, description="ceiling of the first random wait to reconnect")] = 1.0
    backoff_max_s: Annotated[float, Field(gt=0, le=600, description="highest ceiling; it doubles up to here")] = 60.0


def words(setting: str) -> list[str]:
    """The words of a list."""
    return [word for part in setting.split(",") if (word := part.strip())]
