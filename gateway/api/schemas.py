"""The JSON that reads give, as types: what OpenAPI and AsyncAPI say, and what tests hold real bodies against.

Bodies are written by fanout/contract/codec.py and gateway/read/views.py; these types never write any.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from feeds.contract.freshness import SourceState
from feeds.contract.model import EventState, MarketClass, Side, Status

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Decimal = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+\.[0-9]{3}$", examples=["1.909"])]
Size = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+\.[0-9]{2}$", examples=["45.20"])]
American = Annotated[int, msgspec.Meta(description="American odds", examples=[-110])]
Fraction = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+/[0-9]+$", examples=["10/11"])]
LineText = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["-3.5"])]
Position = Annotated[int, msgspec.Meta(ge=0, description="position of this state in its lane of the log")]
Moment = Annotated[str, msgspec.Meta(description="RFC 3339, UTC", extra_json_schema={"format": "date-time"})]
Milliseconds = Annotated[int, msgspec.Meta(description="Unix time, ms")]


class Score(msgspec.Struct):
    """Points, goals, runs or sets so far."""

    home: int
    away: int


class Event(msgspec.Struct):
    """The whole state of an event; the latest by `s` wins."""

    id: Id
    topic: Annotated[str, msgspec.Meta(description="sport.league.event: what to subscribe to")]
    name: str
    start: Annotated[str, msgspec.Meta(description="RFC 3339, UTC", examples=["2026-09-21T20:00:00Z"])]
    state: EventState
    s: Position
    home: str | UnsetType = UNSET
    away: str | UnsetType = UNSET
    kind: Literal["outright"] | UnsetType = UNSET
    score: Score | UnsetType = UNSET
    clock: str | UnsetType = UNSET


class Subject(msgspec.Struct):
    """Whom a prop is about."""

    type: Literal["player", "team"]
    id: str
    name: str


class Selection(msgspec.Struct):
    """One outcome. Of `a`, `d`, `f` stand those that odds_format asks for, `a` and `d` by default; null: withdrawn."""

    id: Id
    name: str
    st: Status
    side: Side | UnsetType = UNSET
    line: LineText | UnsetType = UNSET
    a: American | None | UnsetType = UNSET
    d: Decimal | None | UnsetType = UNSET
    f: Fraction | None | UnsetType = UNSET
    lay: Decimal | UnsetType = UNSET
    size: Size | UnsetType = UNSET
    ltp: Decimal | UnsetType = UNSET


class Market(msgspec.Struct):
    """The whole state of a market. Where its source (`src`) is not live it counts as suspended: see Odds-Source."""

    id: Id
    event: Id
    topic: str
    cls: MarketClass = msgspec.field(name="class")
    type: str
    period: str
    src: str
    p: Annotated[int, msgspec.Meta(ge=0, le=0, description="always 0: it stands for itself")]
    s: Position
    ts: Milliseconds
    st: Status
    live: bool
    x: list[Selection]
    group: str | UnsetType = UNSET
    line: LineText | UnsetType = UNSET
    subject: Subject | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    gone: bool | UnsetType = UNSET
    replaced_by: Id | UnsetType = UNSET
    replaces: Id | UnsetType = UNSET


class Board(msgspec.Struct):
    """An event with its markets, and the sources that are not live: `stale`: its live markets count as suspended;
    `down`: all of its markets do."""

    event: Event
    items: list[Market]
    src: dict[str, SourceState]


class Sport(msgspec.Struct):
    """A sport."""

    id: str


class League(msgspec.Struct):
    """A league. `topic` is what to subscribe to."""

    id: str
    sport: str
    topic: str


ItemT = TypeVar("ItemT")


class Page(msgspec.Struct, Generic[ItemT]):
    """A page of a list; `next_page_token` asks for the next, null: there is none."""

    items: list[ItemT]
    next_page_token: str | None


class Sports(Page[Sport]):
    """A page of sports."""


class Leagues(Page[League]):
    """A page of leagues."""


class Events(Page[Event]):
    """A page of events."""


class Futures(Page[Board]):
    """A page of boards."""


class PastState(msgspec.Struct):
    """A market as it stood from `at` on."""

    at: Moment
    market: Market


class OddsPrice(msgspec.Struct):
    """A price as odds_format asks for it, `a` and `d` by default; derived from decimal odds."""

    a: American | UnsetType = UNSET
    d: Decimal | UnsetType = UNSET
    f: Fraction | UnsetType = UNSET


class Bar(msgspec.Struct):
    """What a selection was offered at within an interval; `changes`: how often it changed."""

    selection: Id
    start: Moment
    open: OddsPrice
    high: OddsPrice
    low: OddsPrice
    close: OddsPrice
    changes: Annotated[int, msgspec.Meta(ge=1)]


ITEMS_OF_HISTORY = (PastState, Bar)
_STATE_OR_BAR = [{"$ref": f"#/components/schemas/{one.__name__}"} for one in ITEMS_OF_HISTORY]


class PastPrices(msgspec.Struct):
    """A page of past states, or of bars by interval: oldest first."""

    items: Annotated[list[Any], msgspec.Meta(extra_json_schema={"items": {"anyOf": _STATE_OR_BAR}})]
    next_page_token: str | None


class Line(msgspec.Struct):
    """How a market opened and closed; null: it never was on offer."""

    market: Id
    whole: bool
    opening: PastState | None
    closing: PastState | None


class Lines(Page[Line]):
    """A page of the markets of one line."""


class StreamTicket(msgspec.Struct):
    """A ticket: `?ticket=` of the stream, once. `topics` and `conflate_ms` are what was granted."""

    ticket: str
    expires_at: Moment
    session_expires_at: Moment
    topics: list[str]
    conflate_ms: int


class Shard(msgspec.Struct):
    """A shard, and where its stream is."""

    shard: str
    url: str


class StreamEndpoint(Shard):
    """The shard to connect to, and at most two to try where it refuses, in order."""

    alternates: Annotated[list[Shard], msgspec.Meta(max_length=2)]


class ProblemDetails(msgspec.Struct):
    """RFC 9457. `code` is stable."""

    type: str
    title: str
    status: int
    code: str
    request_id: str
    detail: str | UnsetType = UNSET
