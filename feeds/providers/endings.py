"""How a market of any provider stops being offered: for now, or for good. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from feeds.contract.model import Market


def not_offered(market: Market, now_ms: int) -> Market:
    """A market that nobody offers at the moment: suspended, `not_offered`. One that is gone stays as it is."""
    if market.gone:
        return market
    return replace(market, st="suspended", reason="not_offered", ts=now_ms)


def closed(market: Market, now_ms: int, *, replaced_by: str | None = None) -> Market:
    """A market that has ended without a result, or goes on under another id."""
    return replace(market, st="closed", reason=None, gone=True, replaced_by=replaced_by, ts=now_ms)
