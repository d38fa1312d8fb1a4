"""What we say to the Exchange Stream: one JSON object a line, ended by CRLF. Pure.

Source: Betfair ESASwaggerSchema, RequestMessage.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

_encoder = msgspec.json.Encoder()

MARKET_DEFINITION: Final = "EX_MARKET_DEF"
"""Without definitions there are no statuses, so it is always asked for."""


class Resume(NamedTuple):
    """Where a subscription was when its connection ended."""

    initial_clk: str | int
    clk: str | int


class MarketFilter(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which markets. An empty list takes all."""

    event_type_ids: list[str] = []
    market_types: list[str] = []
    country_codes: list[str] = []
    event_ids: list[str] = []


class DataFilter(msgspec.Struct, frozen=True, rename="camel"):
    """What is sent of each market."""

    fields: list[str]
    ladder_levels: int


class Subscription(msgspec.Struct, frozen=True, rename="camel"):
    """What is subscribed to. The tokens of a resume hold for the very same subscription only."""

    market_filter: MarketFilter
    market_data_filter: DataFilter
    conflate_ms: int
    heartbeat_ms: int
    segmentation_enabled: bool


def authentication(request_id: int, *, app_key: str, session: str) -> bytes:
    """The first request of a connection."""
    return _line({"op": "authentication", "id": request_id, "appKey": app_key, "session": session})


def market_subscription(request_id: int, subscription: Subscription, resume: Resume | None) -> bytes:
    """The second, which begins the stream, or goes on where another connection ended."""
    tokens = {"initialClk": resume.initial_clk, "clk": resume.clk} if resume else {}
    return _line({"op": "marketSubscription", "id": request_id, **msgspec.to_builtins(subscription), **tokens})


def _line(request: dict[str, object]) -> bytes:
    return _encoder.encode(request) + b"\r\n"
