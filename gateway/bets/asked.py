"""What a client asks for: the body of POST /v1/bets, as a value that has a meaning. Pure.

Everything about the shape is decided here; whether it may be placed is not (checks.py).
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.prices import milli_text, price_from_decimal
from gateway.money.amounts import amount_from_text
from gateway.money.keys import fingerprint_of
from gateway.money.refusals import MoneyRefused

LEGS_MAX = 20
RECEIPT_CHARS_MAX = 4_096
CURSOR_CHARS_MAX = 2_048
_S_MAX = 2**53 - 1

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Amount = Annotated[
    str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,3})?$", examples=["10.00"], max_length=17)
]
Odds = Annotated[
    str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,3}(\.[0-9]{1,3})?$", examples=["1.909"], description="decimal odds")
]
Slip = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3})?$", examples=["0.05"], description="in decimal odds")
]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", examples=["USD"])]


class Within(msgspec.Struct, frozen=True):
    """A price that is lower than the asked one by at most this."""

    within: Slip


Policy = Literal["exact", "better", "any"] | Within


class LegIn(msgspec.Struct, frozen=True):
    """One selection at a price, as the client saw it: `s` is the position of the market's state there."""

    market: Id
    selection: Id
    price: Odds
    s: Annotated[int, msgspec.Meta(ge=0, le=_S_MAX)]
    policy: Policy = "exact"


class BetIn(msgspec.Struct, frozen=True):
    """The body."""

    type: Literal["single", "parlay"]
    stake: Amount
    currency: Currency
    legs: Annotated[tuple[LegIn, ...], msgspec.Meta(min_length=1, max_length=LEGS_MAX)]
    cursor: Annotated[str, msgspec.Meta(max_length=CURSOR_CHARS_MAX)] | None = None
    geo: Annotated[str, msgspec.Meta(max_length=RECEIPT_CHARS_MAX)] | None = None
    confirm_duplicate: bool = False


class Leg(msgspec.Struct, frozen=True):
    """A leg as asked for. Prices are decimal odds in thousandths; `slip`: how much lower a price may be, None: any
    price, also a lower one."""

    market: str
    selection: str
    asked: int
    s: int
    policy: str
    exact: bool
    slip: int | None


class Asked(msgspec.Struct, frozen=True):
    """A bet as asked for. `stake` is in minor units. `deadline`: not to be executed from then on."""

    owner: str
    key: str
    type: Literal["single", "parlay"]
    stake: int
    currency: str
    legs: tuple[Leg, ...]
    cursor: str | None = None
    geo: str | None = None
    confirmed: bool = False
    deadline: datetime | None = None

    @property
    def fingerprint(self) -> bytes:
        """Of what is meant: not of where, when, or what was seen."""
        legs = [(leg.market, leg.selection, leg.asked, leg.policy) for leg in self.legs]
        return fingerprint_of(("bet", self.type, self.stake, self.currency, legs))

    @property
    def click(self) -> bytes:
        """The same for a second tap: selections and stake, of this account."""
        legs = sorted((leg.market, leg.selection) for leg in self.legs)
        said = msgspec.json.encode((self.owner, self.stake, self.currency, legs))
        return hashlib.blake2b(said, digest_size=16).digest()


def asked_of(body: BetIn, *, owner: str, key: str, deadline: datetime | None) -> Asked:
    """The meaning of a body. Raises MoneyRefused("bad_body")."""
    if (body.type == "single") != (len(body.legs) == 1):
        raise MoneyRefused("bad_body", "legs: a single has one leg, a parlay at least two")
    try:
        stake = amount_from_text(body.stake, body.currency)
        legs = tuple(map(_leg, body.legs))
    except Refused as refusal:
        raise MoneyRefused("bad_body", str(refusal)) from refusal
    return Asked(
        owner=owner,
        key=key,
        type=body.type,
        stake=stake,
        currency=body.currency,
        legs=legs,
        cursor=body.cursor,
        geo=body.geo,
        confirmed=body.confirm_duplicate,
        deadline=deadline,
    )


def _leg(leg: LegIn) -> Leg:
    asked = price_from_decimal(leg.price).milli
    match leg.policy:
        case Within(within):
            slip = _milli(within)
            return Leg(leg.market, leg.selection, asked, leg.s, f"within {milli_text(slip)}", exact=False, slip=slip)
        case "any":
            return Leg(leg.market, leg.selection, asked, leg.s, "any", exact=False, slip=None)
        case policy:
            return Leg(leg.market, leg.selection, asked, leg.s, policy, exact=policy == "exact", slip=0)


def _milli(text: str) -> int:
    """Thousandths of a decimal string of the shape of Slip."""
    whole, _, fraction = text.partition(".")
    return int(whole) * 1000 + int(fraction.ljust(3, "0"))
