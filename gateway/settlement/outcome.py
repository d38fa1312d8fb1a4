"""The result of a market that is in force: what a leg on it comes to. Pure, exact; no float, no rounding.

An outcome is made of the settlement in force, perhaps none, and of the cancellations in force. As text it is canonical:
two outcomes mean the same if and only if their texts are equal.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.results import Reduction, SelectionResult, Share

LOWEST_PRICE: Final = Fraction(101, 100)
"""No reduction leaves a price below it. Source: Betfair Exchange Rules; 1.01 is the exchange's lowest price."""


_PRICES_HELD: Final = 8_192


class Span(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """Bets placed from `from_ms` on and before `to_ms`, Unix ms."""

    from_ms: int
    to_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether a bet placed then is one of them."""
        return self.from_ms <= at_ms < self.to_ms


EVER: Final = 1 << 62
"""Before it is always."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """`settled`: whether there is a settlement in force; selections it does not name are undecided. `cancelled`: spans
    of time; a bet placed in one of them is void on this market, whatever the settlement says."""

    settled: bool = False
    selections: tuple[SelectionResult, ...] = ()
    reductions: tuple[Reduction, ...] = ()
    cancelled: tuple[Span, ...] = ()

    def closes(self, now_ms: int) -> bool:
        """Whether no bet may be placed on it: settled, or such a bet would be void."""
        return self.settled or any(span.to_ms > now_ms for span in self.cancelled)


UNDECIDED: Final = Outcome()

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Outcome)


def outcome_text(outcome: Outcome) -> str:
    """The canonical text."""
    return _encoder.encode(outcome).decode()


def outcome_from_text(text: str) -> Outcome:
    """The outcome of a canonical text. Raises Refused("bad_outcome")."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Refused("bad_outcome", str(error)) from error


def takes_back(before: Outcome, after: Outcome) -> bool:
    """Whether a bet that `before` decides may come to something else by `after`; to decide more is not that."""
    if not set(before.cancelled) <= set(after.cancelled):
        return True
    if not before.settled:
        return False
    if not after.settled or before.reductions != after.reductions or before.cancelled != after.cancelled:
        return True
    return not set(before.selections) <= set(after.selections)


class LegResult(NamedTuple):
    """What a leg makes of a stake: it is multiplied by `factor`. `won`: something of it won; `void`: it was refunded
    whole."""

    factor: Fraction
    won: bool
    void: bool


REFUNDED: Final = LegResult(Fraction(1), won=False, void=True)


def leg_result(outcome: Outcome, selection: str, *, milli: int, placed_ms: int) -> LegResult | None:
    """What a leg struck at `milli` thousandths comes to; None: it is not decided."""
    if any(span.holds(placed_ms) for span in outcome.cancelled):
        return REFUNDED
    for result in outcome.selections:
        if result.id == selection:
            return _result(outcome, result, milli=milli, placed_ms=placed_ms)
    return None


def _result(outcome: Outcome, result: SelectionResult, *, milli: int, placed_ms: int) -> LegResult:
    price = Fraction(milli, 1000)
    if outcome.reductions:
        price = _reduced(price, outcome.reductions, result.id, placed_ms)
    return _at_price(result, price)


@lru_cache(maxsize=_PRICES_HELD)
def _at_price(result: SelectionResult, price: Fraction) -> LegResult:
    """Of a market's bets most are on few selections at few prices."""
    won, void = _fraction(result.w), _fraction(result.v)
    if void == 1 and not won:
        return REFUNDED
    return LegResult(void + won * price * _fraction(result.dh), won=won > 0, void=False)


def _reduced(price: Fraction, reductions: tuple[Reduction, ...], selection: str, placed_ms: int) -> Fraction:
    """A price after selections were withdrawn; see Reduction."""
    lowest = min(price, LOWEST_PRICE)
    for reduction in reductions:
        if placed_ms < reduction.to_ms and reduction.removed != selection:
            kept = 1 - _fraction(reduction.share)
            price = price * kept if reduction.of == "price" else 1 + (price - 1) * kept
            price = max(price, lowest)
    return price


def _fraction(share: Share) -> Fraction:
    return Fraction(share.num, share.den)
