"""The Odds API's messages, field for field: events with a bookmaker's markets, events with scores, historical answers.

Owns their shape and its limits, so that decoding an answer is validating it. Never holds state and knows nothing of
ours. Prices and points are decimals, exactly as sent: whether a price is decimal or American is not told here.
Source: the-odds-api.com, guide to version 4.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

EVENTS_MAX = 5_000
BOOKMAKERS_MAX = 200
MARKETS_MAX = 500
OUTCOMES_MAX = 5_000

RawId = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
"""32 hexadecimal digits so far. It stands in addresses."""
SportKey = Annotated[str, Meta(pattern=r"\A[a-z0-9_]{1,64}\Z")]
MarketName = Annotated[str, Meta(pattern=r"\A[a-z0-9_]{1,64}\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=200)]


class Outcome(msgspec.Struct, frozen=True):
    """What can be bet on. `point` is the handicap of this outcome or the line; `description` the player or team."""

    name: Name
    price: Decimal
    point: Decimal | None = None
    description: Text | None = None


class OddsMarket(msgspec.Struct, frozen=True):
    """All outcomes of one market key, several lines among them. Old answers lack `last_update`."""

    key: MarketName
    outcomes: Annotated[list[Outcome], Meta(max_length=OUTCOMES_MAX)]
    last_update: datetime | None = None


class Bookmaker(msgspec.Struct, frozen=True):
    """What one bookmaker offers on an event. Answers for one event lack `last_update`."""

    key: Text
    markets: Annotated[list[OddsMarket], Meta(max_length=MARKETS_MAX)]
    title: Text = ""
    last_update: datetime | None = None


class TeamScore(msgspec.Struct, frozen=True):
    """Points of one side, a number as text."""

    name: Name
    score: Text


class SportEvent(msgspec.Struct, frozen=True):
    """An event: with `bookmakers` in answers about odds, with `completed` in answers about scores.

    Outrights have no teams. `commence_time` may move.
    """

    id: RawId
    sport_key: SportKey
    commence_time: datetime
    sport_title: Text = ""
    home_team: Name | None = None
    away_team: Name | None = None
    bookmakers: Annotated[list[Bookmaker], Meta(max_length=BOOKMAKERS_MAX)] | None = None
    completed: bool | None = None
    scores: Annotated[list[TeamScore], Meta(max_length=16)] | None = None
    last_update: datetime | None = None


Events = Annotated[list[SportEvent], Meta(max_length=EVENTS_MAX)]


class Historical(msgspec.Struct, frozen=True):
    """An answer about the past."""

    timestamp: datetime
    data: Events | SportEvent


class Problem(msgspec.Struct, frozen=True):
    """Why the API did not answer."""

    message: str = ""
    error_code: str = ""
