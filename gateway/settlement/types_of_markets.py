"""Types of markets, which policies go by, from the archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.history.rows import decoded_form, market_key
from gateway.settlement.sql import statement

UNKNOWN = "unknown"
"""Of a market that the archive does not know: only policies that name no types are about it."""


async def types_of(connection: Any, markets: Sequence[str]) -> dict[str, str]:
    """The type of each of these markets. Fixed for life, so any of its forms tells it."""
    keys = {market_key(market): market for market in markets}
    rows = await connection.fetch(statement("forms"), list(keys))
    found = {keys[key]: decoded_form(body).type for key, body in rows}
    return {market: found.get(market, UNKNOWN) for market in markets}
