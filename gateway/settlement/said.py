"""A result as it is kept: the JSON of a MarketResult, as on the bus. Pure."""

from __future__ import annotations

import msgspec

from feeds.contract.results import MarketResult

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(MarketResult)


def result_text(result: MarketResult) -> str:
    """What is kept of a result."""
    return _encoder.encode(result).decode()


def result_from_text(text: str) -> MarketResult:
    """The result that was kept."""
    return _decoder.decode(text)
