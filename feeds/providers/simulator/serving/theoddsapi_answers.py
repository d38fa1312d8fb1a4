"""A slate in the words of The Odds API v4: whole snapshots of what is on offer at the moment. Pure.

Owns the newest state of everything simulated and how it reads there. What is suspended, closed or without a price is
missing from an answer, as it is from theirs. Answers nothing by itself (theoddsapi.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final, Literal

from feeds.contract.model import Event, Market, Selection
from feeds.ports import State
from feeds.providers.theoddsapi.taxonomy import SPORTS, STATS
from feeds.providers.times import utc_text_of_ms

BOOKMAKER: Final = "oddswire"
COMPLETED_MAX: Final = 1_000
"""Ended events that are still told of in scores; beyond it the oldest are forgotten."""

PriceFormat = Literal["decimal", "american"]
Json = dict[str, Any]

_WORDS: Final = {sport: word for word, sport in SPORTS.items()}
_STATS: Final = {stat: key for key, stat in STATS.items()}
_SPREADS: Final = frozenset({"spread", "run_line", "handicap", "puck_line", "game_spread"})
_TOTALS: Final = frozenset({"total", "total_runs", "total_goals", "total_games"})
_SEASON: Final = "_championship_winner"


class Answers:
    """What there is to answer."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}
        self._markets: dict[str, dict[str, Market]] = {}
        self._told_ms: dict[str, dict[str, int]] = {}
        self._completed: deque[Event] = deque(maxlen=COMPLETED_MAX)

    def put(self, states: Iterable[State]) -> None:
        """The newest states."""
        for state in states:
            if isinstance(state, Event):
                self._put_event(state)
            else:
                key, told = market_key(state), self._told_ms.setdefault(state.event, {})
                told[key] = max(state.ts, told.get(key, 0))
                markets = self._markets.setdefault(state.event, {})
                markets[state.id] = state
                if state.gone:
                    del markets[state.id]

    def sports(self) -> list[str]:
        """All sport keys."""
        return sorted({sport_key(event) for event in self._events.values()})

    def odds(self, sport: str, keys: Collection[str], price_format: PriceFormat) -> list[Json]:
        """Every event of a sport, with these markets."""
        return [self._with_odds(event, keys, price_format) for event in self._of(sport)]

    def event_odds(self, sport: str, event_id: str, keys: Collection[str], price_format: PriceFormat) -> Json | None:
        """One event with these markets; None where there is none."""
        found = next((event for event in self._of(sport) if raw_id(event) == event_id), None)
        return None if found is None else self._with_odds(found, keys, price_format)

    def scores(self, sport: str, *, completed: bool) -> list[Json]:
        """Scores of a sport's events; with `completed` also of those that ended."""
        ended = [event for event in self._completed if sport_key(event) == sport] if completed else []
        return [*map(_with_scores, self._of(sport)), *map(_with_scores, ended)]

    def _put_event(self, event: Event) -> None:
        if event.state != "ended":
            self._events[event.id] = event
            return
        self._events.pop(event.id, None)
        self._markets.pop(event.id, None)
        self._told_ms.pop(event.id, None)
        self._completed.append(event)

    def _of(self, sport: str) -> list[Event]:
        return [event for event in self._events.values() if sport_key(event) == sport]

    def _with_odds(self, event: Event, keys: Collection[str], price_format: PriceFormat) -> Json:
        told = self._told_ms.get(event.id, {})
        markets: list[Json] = []
        newest = 0
        for key in sorted(keys):
            offered = [market for market in self._markets.get(event.id, {}).values() if market_key(market) == key]
            outcomes = [outcome for market in offered for outcome in _outcomes(market, event, price_format)]
            if outcomes:
                newest = max(newest, told[key])
                markets.append({"key": key, "last_update": utc_text_of_ms(told[key]), "outcomes": outcomes})
        bookmaker = {
            "key": BOOKMAKER,
            "title": "Oddswire",
            "last_update": utc_text_of_ms(newest),
            "markets": markets,
        }
        return {**_head(event), "bookmakers": [bookmaker] if markets else []}


def sport_key(event: Event) -> str:
    """Their key of an event's sport and league; a season is a sport of its own."""
    word = _WORDS.get(event.sport, event.sport)
    return f"{word}_{event.league}{_SEASON if event.kind == 'outright' else ''}"


def raw_id(event: Event) -> str:
    """Their id of an event: 32 hexadecimal digits."""
    return blake2b(event.id.encode(), digest_size=16).hexdigest()


def market_key(market: Market) -> str:
    """Their key of a market."""
    alternate = "alternate_" if market.cls == "alternate" else ""
    if market.type in ("moneyline", "match_result"):
        return "h2h"
    if market.type in _SPREADS:
        return alternate + "spreads"
    if market.type in _TOTALS:
        return alternate + "totals"
    if market.type == "team_total":
        return alternate + "team_totals"
    if market.cls == "future":
        return "outrights"
    return _STATS.get(market.type, f"player_{market.type}")


def _outcomes(market: Market, event: Event, price_format: PriceFormat) -> Iterator[Json]:
    if market.st != "open":
        return
    for selection in market.selections:
        if selection.st != "open" or selection.price is None:
            continue
        price = selection.price
        outcome: Json = {"name": _outcome_name(selection, event)}
        if market.subject is not None:
            outcome["description"] = market.subject.name
        outcome["price"] = price.milli / 1000 if price_format == "decimal" else price.american
        line = selection.line or market.line
        if line is not None:
            outcome["point"] = float(line)
        yield outcome


def _outcome_name(selection: Selection, event: Event) -> str:
    if selection.side in ("home", "away"):
        return (event.home if selection.side == "home" else event.away) or selection.name
    return str(selection.side).capitalize() if selection.side else selection.name


def _with_scores(event: Event) -> Json:
    scores = None
    if event.score is not None:
        points = ((event.home, event.score.home), (event.away, event.score.away))
        scores = [{"name": name, "score": str(score)} for name, score in points]
    return {
        **_head(event),
        "completed": event.state == "ended",
        "scores": scores,
        "last_update": utc_text_of_ms(event.ts) if scores else None,
    }


def _head(event: Event) -> Json:
    return {
        "id": raw_id(event),
        "sport_key": sport_key(event),
        "sport_title": event.name if event.kind == "outright" else event.league.upper(),
        "commence_time": event.start,
        "home_team": event.home,
        "away_team": event.away,
    }
