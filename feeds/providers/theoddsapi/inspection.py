"""What `feeds check` asks of a recording of The Odds API: the markets as read, in the API's own ids and words.

Pure. Nothing of our model appears here. A market is one key of one bookmaker on one event, `event/bookmaker/key`; an
outcome is its name, after its description where it has one. Prices stand as they were sent, decimal or American.
"""

from __future__ import annotations

from feeds.inspection import MarketSeen, RawSelectionId, SelectionSeen
from feeds.providers.theoddsapi.parse import Snapshot, parse
from feeds.providers.theoddsapi.spec import OddsMarket, Outcome, SportEvent
from feeds.providers.theoddsapi.taxonomy import kind_of
from feeds.providers.theoddsapi.tracks import Scope

OFFERED = "offered"
NOT_OFFERED = "not offered"

_OutcomeKey = tuple[str, float]


class TheOddsApiInspector:
    """Reads answers and tells what is known. `feeds.inspection.Inspector` for The Odds API."""

    def __init__(self) -> None:
        self._markets: dict[tuple[str, str, str], dict[_OutcomeKey, SelectionSeen]] = {}
        self._sports: dict[str, str] = {}
        self._live: dict[str, bool] = {}

    def read(self, line: bytes) -> None:
        """Take one answer. Raises Refused and then has changed nothing."""
        snapshot = parse(line)
        for event in snapshot.events:
            self._sports[event.id] = event.sport_key
            if event.completed is not None:
                self._live[event.id] = not event.completed and event.scores is not None
        self._withdraw(snapshot)
        for event in snapshot.events:
            self._offer(event)

    def markets(self) -> list[MarketSeen]:
        """All markets known. `live`: scores are told of the event and it is not completed."""
        return [
            MarketSeen(
                "/".join(market),
                OFFERED if any(seen.st == OFFERED for seen in outcomes.values()) else NOT_OFFERED,
                self._live.get(market[0], False),
                list(outcomes.values()),
            )
            for market, outcomes in self._markets.items()
        ]

    def winners(self) -> dict[str, list[RawSelectionId]]:
        """None: no answer of this API tells how a market ended."""
        return {"/".join(market): [] for market in self._markets}

    def removed(self) -> dict[str, list[RawSelectionId]]:
        """Outcomes that were offered once and are not now."""
        return {
            "/".join(market): [seen.id for seen in outcomes.values() if seen.st == NOT_OFFERED]
            for market, outcomes in self._markets.items()
        }

    def _withdraw(self, snapshot: Snapshot) -> None:
        """What the answer should have and has not is not offered; what it has is offered right after."""
        listed = {event.id for event in snapshot.events if event.bookmakers is not None}
        sports = {event.sport_key for event in snapshot.events if event.id in listed}
        for (event_id, _, key), outcomes in self._markets.items():
            sport = self._sports[event_id]
            vanished = snapshot.listed and sport in sports and event_id not in listed
            scope = Scope(sport, None if snapshot.listed else event_id)
            if vanished or (event_id in listed and scope.covers(key)):
                for each, seen in outcomes.items():
                    outcomes[each] = SelectionSeen(seen.id, seen.hc, NOT_OFFERED, None, None, None)

    def _offer(self, event: SportEvent) -> None:
        for bookmaker in event.bookmakers or ():
            for market in bookmaker.markets:
                held = self._markets.setdefault((event.id, bookmaker.key, market.key), {})
                for each in list(held):
                    held[each] = SelectionSeen(held[each].id, held[each].hc, NOT_OFFERED, None, None, None)
                held.update({_key(outcome): _seen(market, outcome) for outcome in market.outcomes})


def _key(outcome: Outcome) -> _OutcomeKey:
    name = f"{outcome.description} {outcome.name}" if outcome.description else outcome.name
    return name, float(outcome.point or 0)


def _seen(market: OddsMarket, outcome: Outcome) -> SelectionSeen:
    name, point = _key(outcome)
    price = float(outcome.price)
    lay = kind_of(market.key).lay
    return SelectionSeen(name, point, OFFERED, back=None if lay else price, lay=price if lay else None, ltp=None)
