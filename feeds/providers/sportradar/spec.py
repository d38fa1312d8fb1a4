"""The Unified Odds Feed's messages and documents, attribute for attribute, as far as anything is done with them.

Owns their shape. Never holds state and knows nothing of ours. Odds and factors stay the text that was sent; `mapping`
and `settlements` turn them into integers and fractions, so that no float touches them. None: the attribute was absent.
Source: docs.sportradar.com/uof, the XSDs of the Unified Feed.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

ACTIVE: Final = 1
SUSPENDED: Final = -1
INACTIVE: Final = 0
HANDED_OVER: Final = -2
SETTLED: Final = -3
CANCELLED: Final = -4
MARKET_STATUSES: Final = frozenset({ACTIVE, SUSPENDED, INACTIVE, HANDED_OVER, SETTLED, CANCELLED})

UNDECIDED: Final = -1
"""A result that is not known yet."""


class Line(Struct, frozen=True, order=True, gc=False):
    """What a market of an event is: its id, and its specifiers as `key=value|key=value`, sorted by key."""

    market: str
    specifiers: str = ""


class OutcomeOdds(Struct, frozen=True, gc=False):
    """One outcome. `odds` decimal; `team` 1 home, 2 away, of a player."""

    id: str
    odds: str | None = None
    active: bool | None = None
    team: int | None = None
    probabilities: str | None = None


class OddsMarket(Struct, frozen=True, gc=False):
    """One market of an odds_change. No `status` is active; no outcomes is a change of status alone.

    `sent_specifiers` are as they came, for reports.
    """

    line: Line
    sent_specifiers: str | None = None
    status: int | None = None
    favourite: bool = False
    outcomes: tuple[OutcomeOdds, ...] = ()


class SettledOutcome(Struct, frozen=True, gc=False):
    """How an outcome ended. `result` 1 won, 0 lost, -1 undecided."""

    id: str
    result: int
    void_factor: str | None = None
    dead_heat_factor: str | None = None


class SettledMarket(Struct, frozen=True, gc=False):
    """How a market ended."""

    line: Line
    sent_specifiers: str | None = None
    void_reason: str | None = None
    outcomes: tuple[SettledOutcome, ...] = ()


class MarketRef(Struct, frozen=True, gc=False):
    """A market that is cancelled, or of which something is taken back."""

    line: Line
    sent_specifiers: str | None = None
    void_reason: str | None = None


class SportEventStatus(Struct, frozen=True, gc=False):
    """How a match stands. `status` 0 not started, 1 live, 2 suspended, 3 ended, 4 closed, 5 cancelled, 6 delayed,
    7 interrupted, 8 postponed, 9 abandoned. Scores are whole numbers, or None where they are not."""

    status: int
    match_status: int | None = None
    home_score: int | None = None
    away_score: int | None = None
    match_time: str | None = None


class EventMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What all messages about an event carry. `timestamp`: when it was made, Unix ms. Some have no `product`."""

    event_id: str
    timestamp: int
    product: int | None = None
    request_id: int | None = None


class OddsChange(EventMessage, frozen=True, kw_only=True, gc=False):
    """New odds. Markets that are not listed did not change; those listed are listed with all their outcomes."""

    status: SportEventStatus | None = None
    markets: tuple[OddsMarket, ...] = ()


class BetStop(EventMessage, frozen=True, kw_only=True, gc=False):
    """Active markets of these groups become `market_status`."""

    groups: tuple[str, ...]
    market_status: int = SUSPENDED


class BetSettlement(EventMessage, frozen=True, kw_only=True, gc=False):
    """Results. `certainty` 1: from a scout, 2: confirmed."""

    certainty: int
    markets: tuple[SettledMarket, ...] = ()


class RollbackBetSettlement(EventMessage, frozen=True, kw_only=True, gc=False):
    """Takes settlements back."""

    markets: tuple[MarketRef, ...] = ()


class BetCancel(EventMessage, frozen=True, kw_only=True, gc=False):
    """Bets placed between the times (Unix ms, None: open ended) are void."""

    markets: tuple[MarketRef, ...] = ()
    start_time: int | None = None
    end_time: int | None = None


class RollbackBetCancel(EventMessage, frozen=True, kw_only=True, gc=False):
    """Takes a cancellation of the same times back."""

    markets: tuple[MarketRef, ...] = ()
    start_time: int | None = None
    end_time: int | None = None


class FixtureChange(EventMessage, frozen=True, kw_only=True, gc=False):
    """The fixture is to be read again."""

    change_type: int | None = None


class Cashout(EventMessage, frozen=True, kw_only=True, gc=False):
    """Probabilities without odds. Not read further."""


class SystemMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What messages about a producer carry."""

    product: int
    timestamp: int


class Alive(SystemMessage, frozen=True, kw_only=True, gc=False):
    """Every 10 s. Not `subscribed`: the producer was down, and what it sent meanwhile is to be recovered."""

    subscribed: bool


class SnapshotComplete(SystemMessage, frozen=True, kw_only=True, gc=False):
    """All of a recovery was sent."""

    request_id: int


class ProductDown(SystemMessage, frozen=True, kw_only=True, gc=False):
    """The producer is down (an older form of alive)."""


AnyEventMessage = (
    OddsChange
    | BetStop
    | BetSettlement
    | RollbackBetSettlement
    | BetCancel
    | RollbackBetCancel
    | FixtureChange
    | Cashout
)
AnySystemMessage = Alive | SnapshotComplete | ProductDown
Message = AnyEventMessage | AnySystemMessage


class Description(Struct, frozen=True, gc=False):
    """A market as the descriptions tell of it, or a variant of one. Names are templates. `outcomes`: id to name."""

    id: str
    name: str
    groups: frozenset[str] = frozenset()
    variant: str | None = None
    outcomes: dict[str, str] = {}


class Competitor(Struct, frozen=True, gc=False):
    """Who takes part. `qualifier`: home or away."""

    id: str
    name: str
    qualifier: str | None = None


class Fixture(Struct, frozen=True, gc=False):
    """An event: what is fixed of it, and its start as RFC 3339. Parts that are unknown are empty."""

    id: str
    name: str = ""
    start: str = ""
    sport_id: str = ""
    sport_name: str = ""
    tournament_id: str = ""
    tournament_name: str = ""
    competitors: tuple[Competitor, ...] = ()


class Player(Struct, frozen=True, gc=False):
    """A player's name."""

    id: str
    name: str


class Producer(Struct, frozen=True, gc=False):
    """A producer. `path`: the part of the API's addresses that is its own."""

    id: int
    path: str
    scope: str = ""
    window_min: int | None = None


Document = tuple[Description, ...] | tuple[Producer, ...] | Fixture | Player
