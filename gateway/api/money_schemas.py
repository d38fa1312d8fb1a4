"""The JSON of bets and money, as types: what OpenAPI says, and what tests hold real bodies against. They write none."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from gateway.api.schemas import Decimal, Id, Milliseconds, Position
from gateway.bets.asked import Currency
from gateway.bets.bet import BetState
from gateway.read.paging import TOKEN_CHARS_MAX

Key = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{16,64}$", description="the Idempotency-Key")]
Money = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]+(\.[0-9]{2})?$", examples=["10.00"])]
Time = Annotated[str, msgspec.Meta(description="RFC 3339, UTC", examples=["2026-09-21T20:00:00.000Z"])]


Jurisdiction = Annotated[str, msgspec.Meta(pattern=r"^US-[A-Z]{2}$", examples=["US-NJ"])]

BODY_CHARS_MAX = 8_192
"""Of a packet in a body; its own limit (gateway/location/claims.py) is lower, and refused as other bad ones are."""


SEQ_MAX = 2**53 - 1
"""Numbers that every JSON reader can hold."""

EVENTS_MAX = 100
"""News of a page."""

PageToken = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+$", max_length=TOKEN_CHARS_MAX)]


class Listed(msgspec.Struct, frozen=True):
    """Which page of a list."""

    page_token: PageToken | None = None


class EventsAsked(msgspec.Struct, frozen=True):
    """Which of an account's news: those after number `after`, or the page of a token."""

    after: Annotated[int, msgspec.Meta(ge=0, le=SEQ_MAX)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=EVENTS_MAX)] = EVENTS_MAX
    page_token: PageToken | None = None


class BetLeg(msgspec.Struct):
    """A leg, struck at `price` on the state at `s`; `asked` is what was asked for."""

    event: Id
    market: Id
    selection: Id
    price: Decimal
    s: Position
    policy: Annotated[str, msgspec.Meta(examples=["exact", "better", "any", "within 0.050"])]
    asked: Decimal


class Location(msgspec.Struct):
    """Who decided that the place was fine, and in which state it is."""

    verifier: str
    jurisdiction: Jurisdiction | UnsetType = UNSET


class PacketIn(msgspec.Struct, frozen=True):
    """A location packet: a JWS in compact form, as a vendor gave it to the device."""

    packet: Annotated[str, msgspec.Meta(max_length=BODY_CHARS_MAX)]


class GeoReceipt(msgspec.Struct):
    """What every transaction has to carry, until `expires_at`."""

    receipt: str
    expires_at: Time
    jurisdiction: Jurisdiction


class Since(msgspec.Struct, frozen=True):
    """From when on; by default the last 24 hours."""

    since: Annotated[str, msgspec.Meta(max_length=40, examples=["2026-09-21T20:00:00Z"])] | None = None


class Bet(msgspec.Struct):
    """A bet. `payout` is null until it is settled; `reason` is the code for which it was refused. `cashed_out` was paid
    for `cashed_stake` of the stake: `potential_payout` and `payout` are of the rest."""

    id: Id
    key: Key
    state: BetState
    type: Literal["single", "parlay"]
    stake: Money
    currency: Currency
    potential_payout: Money
    payout: Money | None
    legs: list[BetLeg]
    placed_at: Time
    revision: int
    location: Location
    cashed_stake: Money | UnsetType = UNSET
    cashed_out: Money | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Bets(msgspec.Struct):
    """A page of bets."""

    items: list[Bet]
    next_page_token: str | None


class OfferLeg(msgspec.Struct):
    """A leg at its price of now, on the state at `s`."""

    market: Id
    selection: Id
    price: Decimal
    s: Position


class CashOutOffer(msgspec.Struct):
    """`amount` for all of the open stake; for a part its share of that, rounded down. `offer` is to be sent back."""

    bet: Id
    stake: Money
    amount: Money
    currency: Currency
    min_stake: Money
    expires_at: Time
    legs: list[OfferLeg]
    offer: str


class CashedOut(msgspec.Struct):
    """`amount` was given for `stake`; `open_stake` is what is left."""

    id: Id
    key: Key
    bet: Id
    stake: Money
    amount: Money
    open_stake: Money
    currency: Currency
    at: Time


class PendingLimit(msgspec.Struct):
    """What a limit is to be, from `at` on; null: none."""

    amount: Money | None
    at: Time


class Limit(msgspec.Struct):
    """`amount` null: there is no limit. `used` counts against it, `left` is what does not pass it now."""

    limit: Literal["deposit", "stake", "loss"]
    period: Literal["bet", "day", "week", "month"]
    amount: Money | None
    currency: Currency
    used: Money
    left: Money | None
    pending: PendingLimit | None


class Exclusion(msgspec.Struct):
    """Neither bets nor deposits; withdrawals all the time. `until` null: for ever."""

    kind: Literal["time_out", "self_exclusion", "closed"]
    since: Time
    until: Time | None


class Limits(msgspec.Struct):
    """Limits that were ever set, and exclusions that stand."""

    items: list[Limit]
    exclusions: list[Exclusion]


class Activity(msgspec.Struct):
    """Of bets placed since: `paid` is what they paid back, `net` what was won over what was staked, of those that are
    decided; below zero: lost."""

    since: Time
    until: Time
    currency: Currency | None
    bets: int
    deposited: Money
    withdrawn: Money
    staked: Money
    paid: Money
    open_stakes: Money
    net: Money


class Outcome(msgspec.Struct):
    """What became of a key: a bet, or what a cash-out, deposit or withdrawal says, or that it was given up unused."""

    key: Key
    state: BetState | Literal["tombstoned"] | UnsetType = UNSET


class Waiting(msgspec.Struct):
    """It is not known yet what becomes of a key; `url` tells."""

    key: Key
    state: Literal["unknown"]
    url: str


class Wallet(msgspec.Struct):
    """What an account has. `receivable` is what it owes; `version` rises with every change."""

    currency: Currency | None
    cash: Money
    open_stakes: Money
    receivable: Money
    version: int


class Entry(msgspec.Struct):
    """An entry of the cash."""

    id: str
    journal: str
    kind: str
    amount: Money
    balance: Money
    bet: str | None
    at: Time


class Entries(msgspec.Struct):
    """A page of entries."""

    items: list[Entry]
    next_page_token: str | None


class AccountEvent(msgspec.Struct):
    """A piece of news, as the stream's `account` topic tells it. What `data` holds depends on `kind`; amounts are
    decimal strings, `wallet` is what the account had then."""

    seq: int
    ts: Milliseconds
    kind: Annotated[str, msgspec.Meta(examples=["balance", "bet_placed", "bet_settled"])]
    data: dict[str, Any]


class AccountEvents(msgspec.Struct):
    """A page of news, the oldest first. `seq` is the number of the account's newest."""

    items: list[AccountEvent]
    seq: int
    next_page_token: str | None


class Moved(msgspec.Struct):
    """A deposit or withdrawal."""

    id: Id
    key: Key
    kind: Literal["deposit", "withdrawal"]
    amount: Money | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    at: Time | UnsetType = UNSET
