"""What `feeds check` asks of a Betfair recording: the markets as read, in Betfair's own ids and words.

Pure. Nothing of our model appears here, so that a report can be held against the provider's own screens.
"""

from __future__ import annotations

from feeds.inspection import MarketSeen, RawSelectionId, SelectionSeen
from feeds.providers.betfair.parse import BetfairMarket, StreamReader

_REMOVED = frozenset({"REMOVED", "REMOVED_VACANT"})


class BetfairInspector:
    """Reads lines and tells what is known. `feeds.inspection.Inspector` for Betfair."""

    def __init__(self) -> None:
        self._reader = StreamReader()

    def read(self, line: bytes) -> None:
        """Apply one line. Raises Refused and then has changed nothing."""
        self._reader.read(line)

    def markets(self) -> list[MarketSeen]:
        """All markets known, with all runners of their definitions. In BASIC files only `ltp` is known."""
        return [_seen(market) for market in self._reader.markets.values()]

    def winners(self) -> dict[str, list[RawSelectionId]]:
        """Ids of the runners that won, for every market known."""
        return self._runners_that_are(frozenset({"WINNER"}))

    def removed(self) -> dict[str, list[RawSelectionId]]:
        """Ids of the runners that were withdrawn, for every market known."""
        return self._runners_that_are(_REMOVED)

    def _runners_that_are(self, statuses: frozenset[str]) -> dict[str, list[RawSelectionId]]:
        return {
            market.id: [*sorted({runner.key[0] for runner in market.definition.runners if runner.status in statuses})]
            for market in self._reader.markets.values()
        }


def _seen(market: BetfairMarket) -> MarketSeen:
    selections: list[SelectionSeen] = []
    for runner in market.definition.runners:
        runner_id, hc = runner.key
        back, lay, ltp = market.quote(runner.key)
        selections.append(
            SelectionSeen(runner_id, hc, runner.status, back=back and back[0], lay=lay and lay[0], ltp=ltp)
        )
    definition = market.definition
    return MarketSeen(market.id, definition.status, definition.in_play, selections)
