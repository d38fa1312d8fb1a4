"""Prices, margins and stakes as a trader gives them: one way of reading them for commands and for the page. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

from feeds.contract.prices import Price, price_from_american, price_from_decimal

SECONDS_MAX = 30 * 86_400
MARGIN_MAX = 10_000
"""Hundredths of a percent."""
STAKE_MAX = 10**12
"""Minor units."""


def price_of(text: str) -> Price:
    """-110, 150, or decimal with a point: 1.909. Raises ValueError, Refused among them."""
    return price_from_decimal(text) if "." in text else price_from_american(int(text))


def hundredths_of(text: str, most: int) -> int:
    """At most two decimals. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,2})?", text) or (value := int(Decimal(text) * 100)) > most:
        raise ValueError(f"not 0 to {most // 100} with at most two decimals: {text!r}")
    return value
