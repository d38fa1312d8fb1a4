"""Names from listMarketCatalogue, which live streams lack. Pure: bytes in, names out; files are the client's."""

from __future__ import annotations

import msgspec

from feeds.contract.errors import Refused
from feeds.providers.betfair.spec import CatalogueMarket

_decoder = msgspec.json.Decoder(CatalogueMarket | list[CatalogueMarket])


class Catalogue:
    """Markets of a catalogue by id. An empty one is a recording without names."""

    def __init__(self, markets: list[CatalogueMarket] | None = None) -> None:
        self._markets = {market.market_id: market for market in markets or ()}

    @classmethod
    def parse(cls, data: bytes) -> Catalogue:
        """One market, or a list as the API answers. Raises Refused("catalogue_malformed")."""
        try:
            found = _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused("catalogue_malformed", str(error)) from error
        return cls(found if isinstance(found, list) else [found])

    def event_name(self, market_id: str) -> str | None:
        """Name of the market's event."""
        market = self._markets.get(market_id)
        return market.event.name if market and market.event else None

    def competition(self, market_id: str) -> str | None:
        """Name of the competition the market's event belongs to."""
        market = self._markets.get(market_id)
        return market.competition.name if market and market.competition else None

    def sport(self, market_id: str) -> str | None:
        """Betfair's name of the market's sport."""
        market = self._markets.get(market_id)
        return market.event_type.name if market and market.event_type else None

    def runner_name(self, market_id: str, runner_id: int) -> str | None:
        """Name of a runner."""
        market = self._markets.get(market_id)
        runners = market.runners if market else ()
        return next((runner.runner_name for runner in runners if runner.selection_id == runner_id), None)
