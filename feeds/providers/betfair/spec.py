"""Betfair's messages, field for field (camelCase on the wire): stream changes, market definitions, market catalogue.

Owns their shape and its limits, so that decoding a line is validating it. Never holds state and knows nothing of ours.
Numbers of theirs stay floats here: they are compared and kept, never computed with; `mapping` turns the few that are
published into integers by their shortest decimal text, which is the text Betfair sent.
Source: Betfair Exchange Stream API, ESASwaggerSchema; listMarketCatalogue of the Betting API.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

Amount = Annotated[float, Meta(ge=0, le=1e12)]
"""A price, a size or a volume. JSON numbers only; the strings "NaN" and "Infinity" are allowed where named below."""

Handicap = Annotated[float, Meta(ge=-1e6, le=1e6)]
Projection = Amount | str
"""A starting price projection: a number, or the strings "NaN" and "Infinity"."""

RunnerId = Annotated[int, Meta(ge=0, le=2**53)] | Annotated[str, Meta(pattern=r"\A[0-9]{1,15}\Z")]
MarketId = Annotated[str, Meta(min_length=1, max_length=64)]
RawId = Annotated[str, Meta(min_length=1, max_length=64)]

PriceSize = tuple[Amount, Amount]
LevelPriceSize = tuple[Annotated[int, Meta(ge=0, le=1000)], Amount, Amount]

RunnerKey = tuple[int, float]
"""A runner is (id, hc): in Asian handicap markets one id has a runner for each handicap."""


class RunnerChange(msgspec.Struct, frozen=True, rename="camel"):
    """A delta of one runner. Fields that are absent did not change."""

    id: RunnerId
    hc: Handicap | None = None
    ltp: Amount | None = None
    tv: Amount | None = None
    spn: Projection | None = None
    spf: Projection | None = None
    atb: list[PriceSize] | None = None
    atl: list[PriceSize] | None = None
    trd: list[PriceSize] | None = None
    spb: list[PriceSize] | None = None
    spl: list[PriceSize] | None = None
    batb: list[LevelPriceSize] | None = None
    batl: list[LevelPriceSize] | None = None
    bdatb: list[LevelPriceSize] | None = None
    bdatl: list[LevelPriceSize] | None = None

    @property
    def key(self) -> RunnerKey:
        """Which runner; no `hc` is handicap 0."""
        return int(self.id), self.hc or 0.0


class RunnerDefinition(msgspec.Struct, frozen=True, rename="camel"):
    """A runner as its market defines it. `name` only in official historic files."""

    id: RunnerId
    status: str
    hc: Handicap | None = None
    sort_priority: int | None = None
    name: str | None = None
    bsp: Projection | None = None
    adjustment_factor: Amount | None = None
    removal_date: datetime | None = None

    @property
    def key(self) -> RunnerKey:
        """Which runner; no `hc` is handicap 0."""
        return int(self.id), self.hc or 0.0


class KeyLine(msgspec.Struct, frozen=True, rename="camel"):
    """One side of the main line of an Asian handicap market."""

    id: RunnerId
    hc: Handicap | None = None

    @property
    def key(self) -> RunnerKey:
        """Which runner."""
        return int(self.id), self.hc or 0.0


class KeyLineDefinition(msgspec.Struct, frozen=True, rename="camel"):
    """The main line of an Asian handicap market: its two runners."""

    kl: list[KeyLine] = []


class MarketDefinition(msgspec.Struct, frozen=True, rename="camel"):
    """All that is fixed or seldom changes of a market. Always complete: it replaces the one before."""

    status: str
    event_id: RawId
    event_type_id: RawId
    market_type: str
    market_time: datetime
    runners: list[RunnerDefinition]
    in_play: bool = False
    betting_type: str = "ODDS"
    open_date: datetime | None = None
    settled_time: datetime | None = None
    version: int | None = None
    bet_delay: int | None = None
    bsp_reconciled: bool = False
    complete: bool = True
    number_of_winners: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    each_way_divisor: Annotated[float, Meta(ge=1, le=1000)] | None = None
    number_of_active_runners: int | None = None
    key_line_definition: KeyLineDefinition | None = None
    name: str | None = None
    event_name: str | None = None
    venue: str | None = None
    country_code: str | None = None


class MarketChange(msgspec.Struct, frozen=True, rename="camel"):
    """A change of one market. `img`: drop everything held and rebuild from this alone. `con`: conflated."""

    id: MarketId
    img: bool | None = None
    con: bool | None = None
    tv: Amount | None = None
    market_definition: MarketDefinition | None = None
    rc: list[RunnerChange] | None = None


class Message(msgspec.Struct, frozen=True, rename="camel"):
    """One line of the stream, whatever its `op`; the contents of `ocm`, `rcm` and `ccm` are not read.

    `id` is that of the request it answers, or of the subscription. `pt` is the publish time, Unix ms. `status` 503: the
    publisher is degraded. `status_code`, `error_*` and `connection*` belong to op `status`.
    """

    op: str
    id: int | None = None
    pt: Annotated[int, Meta(ge=0, le=2**42)] | None = None
    ct: str | None = None
    segment_type: str | None = None
    clk: str | int | None = None
    initial_clk: str | int | None = None
    conflate_ms: int | None = None
    heartbeat_ms: int | None = None
    status: int | None = None
    mc: list[MarketChange] | None = None
    status_code: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    connection_closed: bool | None = None
    connections_available: int | None = None


class Named(msgspec.Struct, frozen=True, rename="camel"):
    """An event, a competition or a sport of the catalogue."""

    id: str
    name: str


class CatalogueRunner(msgspec.Struct, frozen=True, rename="camel"):
    """A runner of the catalogue."""

    selection_id: int
    runner_name: str


class CatalogueMarket(msgspec.Struct, frozen=True, rename="camel"):
    """What listMarketCatalogue tells of one market: the names that live streams lack."""

    market_id: MarketId
    runners: list[CatalogueRunner] = []
    event: Named | None = None
    competition: Named | None = None
    event_type: Named | None = None
    market_name: str | None = None
