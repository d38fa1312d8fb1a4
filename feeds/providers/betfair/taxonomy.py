"""Betfair's sports, market types and runner names in our words. Tables and pure functions; no state.

What Betfair calls an event type is a sport here, and its market types fall into our classes: the market everybody looks
at is `main`, other lines and places `alternate`, a season's winner `future`, all the rest `special`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from feeds.contract.ids import slug
from feeds.contract.model import MarketClass, Side
from feeds.contract.prices import line_text
from feeds.providers.betfair.spec import MarketDefinition
from feeds.vocabulary import FIRST_HALF, GAME, MONEYLINE, NAMED_SIDES, OUTRIGHT, SEASON, SPREAD, TOTAL, WIN, winner

SPORTS: Final[Mapping[str, str]] = {
    "1": "soccer",
    "2": "tennis",
    "3": "golf",
    "4": "cricket",
    "5": "rugby_union",
    "6": "boxing",
    "7": "horse_racing",
    "8": "motor_sport",
    "1477": "rugby_league",
    "3503": "darts",
    "4339": "greyhounds",
    "6422": "snooker",
    "6423": "football",
    "7511": "baseball",
    "7522": "basketball",
    "7524": "hockey",
    "61420": "australian_rules",
    "998917": "volleyball",
    "2378961": "politics",
    "26420387": "mma",
}
"""Our sport by Betfair's eventTypeId. Betfair's American football is our `football`, its ice hockey our `hockey`."""


class MarketKind(NamedTuple):
    """What a market is about. `line` only where Betfair's market type names one (totals)."""

    cls: MarketClass
    type: str
    period: str = GAME
    line: str | None = None


EACH_WAY: Final = "each_way"
PLACE: Final = "place"

_KINDS: Final[Mapping[str, MarketKind]] = {
    "MONEY_LINE": MarketKind("main", MONEYLINE),
    "MONEYLINE": MarketKind("main", MONEYLINE),
    "WIN": MarketKind("main", WIN),
    "PLACE": MarketKind("alternate", PLACE),
    "OTHER_PLACE": MarketKind("alternate", PLACE),
    "EACH_WAY": MarketKind("alternate", EACH_WAY),
    "TOURNAMENT_WINNER": MarketKind("future", OUTRIGHT, SEASON),
    "OUTRIGHT_WINNER": MarketKind("future", OUTRIGHT, SEASON),
    "WINNER": MarketKind("future", OUTRIGHT, SEASON),
}
_WINNERS: Final[Mapping[str, str]] = {"MATCH_ODDS": GAME, "HALF_TIME": FIRST_HALF}
"""Periods of the market types on who wins, with a draw or without."""

_LINED: Final[Mapping[str, str]] = {"ASIAN_HANDICAP": SPREAD, "HANDICAP": SPREAD, "COMBINED_TOTAL": TOTAL}
"""Types of the markets whose runners are pairs of handicaps. Soccer's ALT_TOTAL_GOALS is not among them: where it has a
line, OVER_UNDER has it too, and that is the total others tell of."""

_TOTAL = re.compile(r"(OVER_UNDER|FIRST_HALF_GOALS)_([0-9]{2,3})\Z")
_MAIN_TOTAL = "2.5"

_DRAW_ID = 58805
_UNDER_OVER_25: Final[Mapping[int, Side]] = {47972: "under", 47973: "over"}
_NAMED_SIDES: Final[Mapping[str, Side]] = {"the draw": "draw", **NAMED_SIDES}

_OPPONENTS = re.compile(r"(.+?) (v|vs|vs\.|@) (.+)\Z")

_LINE_BETTING = frozenset({"LINE", "RANGE"})


def kind_of(definition: MarketDefinition) -> MarketKind:
    """Class, type, period and line of a market. Asian handicaps have a line for each pair of runners: `lined`."""
    part = _WINNERS.get(definition.market_type)
    if part is not None:
        drawable = any(runner.key[0] == _DRAW_ID for runner in definition.runners)
        found = winner(SPORTS.get(definition.event_type_id, ""), drawable=drawable, period=part)
        return MarketKind("main", found.type, found.period)
    known = _KINDS.get(definition.market_type)
    if known is not None:
        return known
    total = _TOTAL.match(definition.market_type)
    if total is None:
        return MarketKind("special", slug(definition.market_type))
    tenths = int(total[2])
    line = line_text(f"{tenths // 10}.{tenths % 10}")
    if total[1] == "FIRST_HALF_GOALS":
        return MarketKind("alternate", TOTAL, period=FIRST_HALF, line=line)
    return MarketKind("main" if line == _MAIN_TOTAL else "alternate", TOTAL, line=line)


def lined(definition: MarketDefinition, line: str, *, main: bool) -> MarketKind:
    """What one line of an Asian handicap is about."""
    known = _LINED.get(definition.market_type)
    if known is None:
        return MarketKind("special", slug(definition.market_type), line=line)
    return MarketKind("main" if main else "alternate", known, line=line)


def is_asian_handicap(definition: MarketDefinition) -> bool:
    """Whether the runners are pairs of handicaps, each pair a market of its own."""
    return definition.betting_type.startswith("ASIAN_HANDICAP")


def has_odds(definition: MarketDefinition) -> bool:
    """Whether the ladders hold odds. In line betting they hold lines: line_betting.py."""
    return definition.betting_type not in _LINE_BETTING


def opponents(event_name: str) -> tuple[str | None, str | None]:
    """Home and away by an event's name: "Home v Away", and as Americans write it "Away @ Home"."""
    match = _OPPONENTS.match(event_name)
    if match is None:
        return None, None
    first, word, second = match.groups()
    return (second, first) if word == "@" else (first, second)


def side_of(runner_id: int, name: str | None, sides: tuple[str | None, str | None]) -> Side | None:
    """Which side a runner is, where its id or its name tells; `sides` are home and away."""
    if runner_id == _DRAW_ID:
        return "draw"
    if runner_id in _UNDER_OVER_25:
        return _UNDER_OVER_25[runner_id]
    if name is None:
        return None
    if name in sides:
        return "home" if name == sides[0] else "away"
    lower = name.lower()
    if lower.startswith(("over ", "under ")):
        return "over" if lower.startswith("over ") else "under"
    return _NAMED_SIDES.get(lower)
