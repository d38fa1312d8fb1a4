"""Odds as integers: decimal odds in thousandths, American odds as whole numbers, and the published rule between them.

The provider's own format is authoritative; the other is derived once, here:
`a > 0: 1 + a/100`, `a < 0: 1 + 100/|a|`, rounded half up. No float touches a price.

Fractional odds are only ever shown. Their rule: of all fractions n/d for which 1 + n/d, rounded half up to thousandths,
is the decimal price, the one with the smallest d (and of those the smallest n). So a fraction always leads back to the
same decimal price, and bookmakers' own fractions come out: 1.909 is 10/11, 1.870 is 20/23, 2.375 is 11/8, evens 1/1.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

import msgspec

from feeds.contract.errors import Refused

MILLI_MIN = 1_001
"""Smallest decimal odds accepted (1.001), in thousandths."""

MILLI_MAX = 1_001_000
"""Largest decimal odds accepted (1001), in thousandths."""


class Price(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One price in both formats. `milli`: decimal odds x 1000. `american`: signed American odds."""

    milli: int
    american: int


def price_from_decimal(odds: Decimal | str | int) -> Price:
    """Price from decimal odds such as "1.909". Raises Refused("price_out_of_range" | "price_malformed")."""
    try:
        value = Decimal(odds)
        milli = int((value * 1000).to_integral_value(ROUND_HALF_UP))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise Refused("price_malformed", f"not decimal odds: {odds!r}") from error
    return price_from_milli(milli)


def price_from_milli(milli: int) -> Price:
    """Price from decimal odds in thousandths. Raises Refused("price_out_of_range")."""
    _check(milli)
    return Price(milli, american_from_milli(milli))


def price_from_american(american: int) -> Price:
    """Price from American odds. Raises Refused: between -100 and +100 there are none."""
    if -100 < american < 100:
        raise Refused("price_malformed", f"not American odds: {american}")
    milli = milli_from_american(american)
    _check(milli)
    return Price(milli, american)


def milli_from_american(american: int) -> int:
    """Decimal odds in thousandths from American odds, half up."""
    if american > 0:
        return 1000 + american * 10
    return 1000 + _half_up(100_000, -american)


def american_from_milli(milli: int) -> int:
    """American odds nearest to decimal odds in thousandths, half up in magnitude; evens are +100."""
    if milli >= 2000:
        return _half_up(milli - 1000, 10)
    return -_half_up(100_000, milli - 1000)


def milli_text(milli: int) -> str:
    """Decimal odds as the wire writes them: always three decimals, "1.870"."""
    return f"{milli // 1000}.{milli % 1000:03d}"


_FRACTIONS_KEPT = 16_384


@lru_cache(maxsize=_FRACTIONS_KEPT)
def fraction_text(milli: int) -> str:
    """Fractional odds from decimal odds in thousandths, by the rule above: "10/11". At most 1,000 tries, then kept."""
    low, high = 2 * (milli - 1000) - 1, 2 * (milli - 1000) + 1  # in units of 1/2000; `high` itself rounds up
    denominator = 1
    while (numerator := max(-(-low * denominator // 2000), 1)) * 2000 >= high * denominator:
        denominator += 1
    return f"{numerator}/{denominator}"


def cents_text(cents: int) -> str:
    """An exchange size in minor units as the wire writes it: two decimals, "45.20"."""
    return f"{cents // 100}.{cents % 100:02d}"


def line_text(line: Decimal | str | float) -> str:
    """A line in its one canonical spelling: "-3.5", "0", "210.5"; never "-0", "+3.5" or "3.50"."""
    try:
        value = Decimal(str(line))
    except InvalidOperation as error:
        raise Refused("line_malformed", f"not a line: {line!r}") from error
    if not value.is_finite():
        raise Refused("line_malformed", f"not a line: {line!r}")
    if value == 0:
        return "0"
    return format(value.normalize(), "f")


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _check(milli: int) -> None:
    if not MILLI_MIN <= milli <= MILLI_MAX:
        raise Refused("price_out_of_range", f"decimal odds {milli / 1000} are outside 1.001 to 1001")
