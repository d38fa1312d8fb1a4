"""Offers to cash out: what an open bet is worth, and the word for it that a client brings back. Pure.

An offer is sealed (gateway/sealing.py), not stored: any worker opens it without a look-up, and nobody else can make
one. It holds the legs with the prices that it was made at, so that the odds are asked again without the bet being read.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import msgspec

from gateway.money.refusals import MoneyRefused
from gateway.sealing import Kind, NotOurs, Seals, keys_from_text

OFFER_CHARS_MAX = 4_096
"""20 legs with the longest ids fit."""

BASIS_POINTS = 10_000


class OfferedLeg(msgspec.Struct, frozen=True, array_like=True):
    """A leg at `milli` (thousandths) on the state at `s`; it was struck at `struck`."""

    market: str
    selection: str
    struck: int
    milli: int
    s: int


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """`amount` for the whole of the open stake, in minor units; `turn`: of the hold that is bought back."""

    account: str
    bet: str
    turn: int
    open_stake: int
    amount: int
    currency: str
    until_ms: int
    legs: tuple[OfferedLeg, ...]

    @property
    def prices(self) -> list[int]:
        """What it was made at, in thousandths."""
        return [leg.milli for leg in self.legs]


_KIND = Kind(Offer, "an offer", "o1", b"oddswire cash-out offer 1\0", OFFER_CHARS_MAX)


def worth(open_stake: int, struck: list[int], milli: list[int], *, margin_bp: int) -> int:
    """What is given for a bet, in minor units: the stake that would win as much at the prices of now, less the margin,
    rounded down."""
    numerator = open_stake * prod(struck) * (BASIS_POINTS - margin_bp)
    return numerator // (prod(milli) * BASIS_POINTS)


def part_of(offer: Offer, stake: int) -> int:
    """What is given for so much of the stake; never more in parts than as a whole."""
    return offer.amount * stake // offer.open_stake


class OfferKeys:
    """What seals offers, and opens them."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """Raises Refused("bad_key")."""
        self._seals = Seals(_KIND, keys)

    def __bool__(self) -> bool:
        return bool(self._seals)

    def seal(self, offer: Offer) -> str:
        """The word for it."""
        return self._seals.seal(offer)

    def open(self, text: str) -> Offer:
        """What was sealed. Raises MoneyRefused("bad_offer") for anything that we did not seal."""
        try:
            return self._seals.open(text)
        except NotOurs as error:
            raise MoneyRefused("bad_offer") from error


def offer_keys(text: str) -> OfferKeys:
    """Those of `KID:SECRET,...`. Raises Refused("bad_key")."""
    return OfferKeys(keys_from_text(text))
