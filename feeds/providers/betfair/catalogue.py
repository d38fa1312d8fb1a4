"""Names from listMarketCatalogue, which live streams lack. Pure: bytes in, names out; files are the client's."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from feeds.contract.errors import Refused
from feeds.providers.betfair.spec import CatalogueMarket, Named

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

    def __contains__(self, market_id: str) -> bool:
        return market_id in self._markets

    def add(self, catalogue: Catalogue) -> None:
        """What another one holds, which is the newer."""
        self._markets |= catalogue._markets

    def forget(self, market_ids: Iterable[str]) -> None:
        """These are not asked for any more."""
        for market_id in market_ids:
            self._markets.pop(market_id, None)

    def event_name(self, market_id: str) -> str | None:
        """Name of the market's event."""
        market = self._markets.get(market_id)
        return market.event.name if market and market.event else None

    def competition(self, market_id: str) -> Named | None:
        """The competition the market's event belongs to."""
        market = self._markets.get(market_id)
        return market.competition if market else None

    def sport(self, market_id: str) -> str | None:
        """Betfair's name of the market's sport."""
        market = self._markets.get(market_id)
        return market.event_type.name if market and market.event_type else None

    def runner_name(self, market_id: str, runner_id: int) -> str | None:
        """Name of a runner."""
        market = self._markets.get(market_id)
        runners = market.runners if market else ()
        return next((runner.runner_name for runner in runners if runner.selection_id == runner_id), None)
