"""Answers of The Odds API, built by hand for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from feeds.contract.model import Event, Market
from feeds.mapping import Names
from feeds.ports import State
from feeds.providers.theoddsapi.layout import PriceFormat
from feeds.providers.theoddsapi.mapping import PROVIDER, Translator
from feeds.providers.theoddsapi.parse import parse
from feeds.providers.theoddsapi.tracks import Scope

SPORT = "americanfootball_nfl"
EVENT = "a" * 32
HOME, AWAY = "Buffalo Bills", "Kansas City Chiefs"
BEFORE_MS = 1_790_000_000_000
START = "2026-09-21T17:00:00Z"
START_MS = 1_790_010_000_000
LIST = Scope(SPORT)

Json = dict[str, Any]


def at(seconds: int) -> str:
    """A time of an update."""
    return f"2026-09-21T14:{seconds // 60:02d}:{seconds % 60:02d}Z"


def outcome(name: str, price: float | str, point: float | None = None, description: str | None = None) -> Json:
    """An outcome without what it lacks."""
    return {
        "name": name,
        **({} if description is None else {"description": description}),
        "price": price,
        **({} if point is None else {"point": point}),
    }


def market(key: str, *outcomes: Json, updated: int | None = None) -> Json:
    """A market, told of at a second."""
    return {"key": key, **({} if updated is None else {"last_update": at(updated)}), "outcomes": list(outcomes)}


def h2h(home: float, away: float, *, updated: int | None = None) -> Json:
    """Who wins."""
    return market("h2h", outcome(HOME, home), outcome(AWAY, away), updated=updated)


def spread(point: float, *, key: str = "spreads", price: float = 1.91, updated: int | None = None) -> Json:
    """A spread, its point that of the home side."""
    return market(key, outcome(HOME, price, point), outcome(AWAY, price, -point), updated=updated)


def total(*points: float, key: str = "totals", price: float = 1.91, updated: int | None = None) -> Json:
    """Totals at some lines."""
    sides = [outcome(side, price, point) for point in points for side in ("Over", "Under")]
    return market(key, *sides, updated=updated)


def event(*markets: Json, event_id: str = EVENT, bookmaker: str = "acme", **changes: Any) -> Json:
    """An event with the markets of one bookmaker; none without markets."""
    return {
        "id": event_id,
        "sport_key": SPORT,
        "sport_title": "NFL",
        "commence_time": START,
        "home_team": HOME,
        "away_team": AWAY,
        "bookmakers": [{"key": bookmaker, "title": "Acme", "markets": list(markets)}] if markets else [],
        **changes,
    }


def score(home: int | str, away: int | str, *, completed: bool = False, event_id: str = EVENT) -> Json:
    """An event's score."""
    told = event(event_id=event_id)
    del told["bookmakers"]
    scores = [{"name": AWAY, "score": str(away)}, {"name": HOME, "score": str(home)}]
    return {**told, "completed": completed, "scores": scores, "last_update": at(0)}


class Told:
    """A translator and the last state of everything it gave."""

    def __init__(
        self, *, names: Names | None = None, price_format: PriceFormat = "decimal", bookmaker: str = "acme"
    ) -> None:
        self.translator = Translator(
            feed="odds", lanes=4, names=names or Names(PROVIDER), bookmaker=bookmaker, price_format=price_format
        )
        self.last: dict[str, State] = {}

    def listed(self, *events: Json, scope: Scope = LIST, now_ms: int = BEFORE_MS) -> list[State]:
        """A sport's list is answered."""
        return self._keep(self.translator.odds(parse(orjson.dumps(list(events))), scope, now_ms))

    def one(self, told: Json, *keys: str, now_ms: int = BEFORE_MS) -> list[State]:
        """One event is answered, asked about these keys."""
        scope = Scope(told["sport_key"], told["id"], frozenset(keys) if keys else None)
        return self._keep(self.translator.odds(parse(orjson.dumps(told)), scope, now_ms))

    def scores(self, *scores: Json, now_ms: int = BEFORE_MS) -> list[State]:
        """Scores are answered."""
        return self._keep(self.translator.scores(parse(orjson.dumps(list(scores))), now_ms))

    def passed(self, now_ms: int) -> list[State]:
        """Time passes."""
        return self._keep(self.translator.passed(now_ms))

    def markets(self, **fixed: object) -> list[Market]:
        """Markets that have not ended and are like this."""
        return [
            state
            for state in self.last.values()
            if isinstance(state, Market)
            and not state.gone
            and all(getattr(state, name) == value for name, value in fixed.items())
        ]

    def market(self, **fixed: object) -> Market:
        """The one market like this."""
        (found,) = self.markets(**fixed)
        return found

    def event(self) -> Event:
        """The one event."""
        (found,) = (state for state in self.last.values() if isinstance(state, Event))
        return found

    def _keep(self, states: Iterable[State]) -> list[State]:
        kept = list(states)
        self.last.update({state.id: state for state in kept})
        return kept
