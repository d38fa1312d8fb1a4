"""Prices in the format that was asked for. A MARKET says `a` and `d` as on the wire unless asked otherwise. Pure.

`american` leaves `a`, `decimal` leaves `d`, `fractional` gives `f` (feeds/contract/prices.py has its rule), `all` all
three. What an exchange says beside a price (`lay`, `size`, `ltp`) has one form only.
"""

from __future__ import annotations

from typing import Any, Literal

import orjson

from fanout.contract.codec import market_body, market_json
from feeds.contract.model import Market
from feeds.contract.prices import american_from_milli, fraction_text, milli_text

OddsFormat = Literal["american", "decimal", "fractional", "all"]

_SHOWN: dict[OddsFormat, tuple[str, ...]] = {
    "american": ("a",),
    "decimal": ("d",),
    "fractional": ("f",),
    "all": ("a", "d", "f"),
}


def market_bytes(market: Market, s: int, odds: OddsFormat | None) -> bytes:
    """A whole MARKET at position `s`; without a format, as the wire writes it."""
    if odds is None:
        return market_json(market, s)
    body = market_body(market, s)
    shown = _SHOWN[odds]
    body["x"] = [
        _priced(said, None if selection.price is None else selection.price.milli, shown)
        for said, selection in zip(body["x"], market.selections)
    ]
    return orjson.dumps(body)


def price_shown(milli: int, odds: OddsFormat | None) -> dict[str, Any]:
    """A price that was not said by a provider in this form: derived from decimal odds in thousandths."""
    prices = {"a": american_from_milli(milli), "d": milli_text(milli), "f": fraction_text(milli)}
    return {name: prices[name] for name in (("a", "d") if odds is None else _SHOWN[odds])}


def _priced(said: dict[str, Any], milli: int | None, shown: tuple[str, ...]) -> dict[str, Any]:
    """A selection as the wire says it, with its price as it is to be shown, in the same place."""
    made: dict[str, Any] = {}
    for key, value in said.items():
        if key == "a":
            prices = {"a": value, "d": said["d"], "f": None if milli is None else fraction_text(milli)}
            made |= {name: prices[name] for name in shown}
        elif key != "d":
            made[key] = value
    return made
