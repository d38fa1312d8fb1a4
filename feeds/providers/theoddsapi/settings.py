"""Settings of The Odds API: all there are, listed by `oddswire settings`. Recordings need two of them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from feeds.contract.errors import Refused
from feeds.providers.theoddsapi.layout import PriceFormat

KEYS_MAX = 128


class TheOddsApiSettings(BaseSettings):
    """What is asked for, how often, and when silence counts as an outage."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_THEODDSAPI_", frozen=True)

    api_key: Annotated[
        SecretStr, Field(description="key of the API; goes into its query strings, never into a log")
    ] = SecretStr("")
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+$", description="the API's address, without a path")] = (
        "https://api.the-odds-api.com"
    )
    sports: Annotated[str, Field(description="sport keys, comma separated: americanfootball_nfl,soccer_epl")] = ""
    bookmaker: Annotated[str, Field(description="key of the one bookmaker whose odds these are")] = ""
    odds_format: Annotated[PriceFormat, Field(description="decimal or american; a recording's too")] = "decimal"
    markets: Annotated[str, Field(description="market keys asked for of every event of a sport")] = "h2h,spreads,totals"
    event_markets: Annotated[
        str, Field(description="market keys asked for event by event (props, alternates); empty: none")
    ] = ""
    interval_s: Annotated[float, Field(gt=0, le=3_600, description="between two answers about a sport")] = 30.0
    live_interval_s: Annotated[float, Field(gt=0, le=3_600, description="the same while an event of it is live")] = 5.0
    event_interval_s: Annotated[float, Field(gt=0, le=3_600, description="between two answers about an event")] = 60.0
    event_live_interval_s: Annotated[float, Field(gt=0, le=3_600, description="the same while it is live")] = 15.0
    scores_interval_s: Annotated[float, Field(gt=0, le=3_600, description="between two answers about scores")] = 30.0
    event_horizon_s: Annotated[
        int, Field(ge=0, le=2_592_000, description="events beginning later than this are not asked for one by one")
    ] = 172_800
    concurrency: Annotated[int, Field(ge=1, le=64, description="most requests at once")] = 4
    timeout_s: Annotated[float, Field(gt=0, le=60, description="a request without an answer by then has failed")] = 10.0
    body_bytes_max: Annotated[int, Field(ge=1_024, le=16_777_216, description="a larger answer is refused")] = 8_388_608
    failures_max: Annotated[
        int, Field(ge=1, le=100, description="failures in a row of one sport that make the feed recovering")
    ] = 3
    stale_s: Annotated[
        float, Field(gt=0, le=86_400, description="without a good answer of a sport for so long: recovering")
    ] = 120.0
    down_s: Annotated[float, Field(gt=0, le=86_400, description="the same: down")] = 300.0
    quota_reserve: Annotated[
        int, Field(ge=0, description="requests of the month's quota that are never planned with")
    ] = 0

    @field_validator("sports", "markets", "event_markets")
    @classmethod
    def _keys(cls, value: str) -> str:
        found = keys(value)
        if len(found) > KEYS_MAX or not all(key.replace("_", "").isalnum() and key.isascii() for key in found):
            raise ValueError(f"keys are of a-z, 0-9 and _, comma separated, at most {KEYS_MAX}")
        if "upcoming" in found:
            raise ValueError("`upcoming` is a moving window and no sport: what it lacks may still be on offer")
        return value

    @model_validator(mode="after")
    def _silence_before_outage(self) -> Self:
        slowest = max(self.interval_s, self.live_interval_s, self.event_interval_s, self.event_live_interval_s)
        if slowest >= self.stale_s or self.stale_s >= self.down_s:
            raise ValueError("every interval must be below stale_s, and stale_s below down_s")
        return self


def keys(text: str) -> tuple[str, ...]:
    """The keys of a comma separated list, each once."""
    return tuple(dict.fromkeys(word for part in text.split(",") if (word := part.strip())))


def check_bookmaker(settings: TheOddsApiSettings) -> str:
    """The bookmaker. Raises Refused("no_bookmaker") where none is named."""
    if not settings.bookmaker:
        raise Refused("no_bookmaker", "whose odds? ODDSWIRE_THEODDSAPI_BOOKMAKER")
    return settings.bookmaker


def check_sports(settings: TheOddsApiSettings) -> tuple[str, ...]:
    """The sports. Raises Refused("no_sport") where none is named."""
    found = keys(settings.sports)
    if not found:
        raise Refused("no_sport", "no sport to ask for: ODDSWIRE_THEODDSAPI_SPORTS")
    return found


def check_key(settings: TheOddsApiSettings) -> str:
    """The API's key. Raises Refused("no_key") where there is none."""
    key = settings.api_key.get_secret_value()
    if not key:
        raise Refused("no_key", "The Odds API needs a key: ODDSWIRE_THEODDSAPI_API_KEY")
    return key
