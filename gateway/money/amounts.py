"""Amounts: integer minor units inside, decimal strings outside. Pure; no float ever touches one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import prod

from feeds.contract.errors import Refused

DIGITS = {"USD": 2, "CAD": 2, "EUR": 2, "GBP": 2, "JPY": 0}
"""Currencies, with the digits of their minor unit. Source: ISO 4217."""

MINOR_MAX = 1_000_000_000_000
"""Largest amount of one deposit, withdrawal or stake, in minor units. A wallet holds up to a thousand times as much
(the migration says so), far below what 64 bits hold."""

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,3}))?\Z", re.ASCII)


def check_currency(currency: str) -> str:
    """The currency itself. Raises Refused("bad_currency")."""
    if currency not in DIGITS:
        raise Refused("bad_currency", f"choose among {', '.join(DIGITS)}")
    return currency


def amount_from_text(text: str, currency: str) -> int:
    """Minor units of "10.00", above 0. Raises Refused("bad_amount" | "bad_currency")."""
    digits = DIGITS[check_currency(currency)]
    match = _AMOUNT.match(text)
    if match is None:
        raise Refused("bad_amount", 'an amount is a string such as "10.00"')
    whole, fraction = match[1], match[2] or ""
    if len(fraction) > digits:
        raise Refused("bad_amount", f"{currency} has {digits} decimals")
    minor = int(whole + fraction.ljust(digits, "0"))
    if not 0 < minor <= MINOR_MAX:
        raise Refused("bad_amount", f"above 0 and up to {amount_text(MINOR_MAX, currency)}")
    return minor


def amount_text(minor: int, currency: str) -> str:
    """The decimal string of an amount, which may be negative: "-0.05"."""
    digits = DIGITS[currency]
    sign, minor = ("-", -minor) if minor < 0 else ("", minor)
    if digits == 0:
        return f"{sign}{minor}"
    return f"{sign}{minor // 10**digits}.{minor % 10**digits:0{digits}d}"


def payout_of(stake: int, milli: Iterable[int]) -> int:
    """What a stake pays if every leg wins, in minor units: stake x prices, rounded once, half even."""
    prices = tuple(milli)
    return half_even(stake * prod(prices), 1000 ** len(prices))


def half_even(numerator: int, denominator: int) -> int:
    """The quotient of non-negative integers, rounded half to even."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
