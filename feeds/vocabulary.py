"""The words for markets that several providers have: types, their classes, the period they are of. Tables, and pure.

Owns one spelling of each type. A provider's taxonomy turns its own names into these words, and ids of joined events
(mapping.py) follow from them: a word spelled in two ways would be two markets, and no feed could go on with another's.
Never knows how a provider says a thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from feeds.contract.model import MarketClass, Side

MONEYLINE: Final = "moneyline"
MATCH_RESULT: Final = "match_result"
SPREAD: Final = "spread"
TOTAL: Final = "total"
TEAM_TOTAL: Final = "team_total"
OUTRIGHT: Final = "outright"
WIN: Final = "win"
DRAW_NO_BET: Final = "draw_no_bet"
BOTH_TEAMS_TO_SCORE: Final = "both_teams_to_score"

CLASSES: Final[Mapping[str, MarketClass]] = {
    MONEYLINE: "main",
    MATCH_RESULT: "main",
    SPREAD: "main",
    TOTAL: "main",
    WIN: "main",
    TEAM_TOTAL: "prop",
    OUTRIGHT: "future",
    DRAW_NO_BET: "special",
    BOTH_TEAMS_TO_SCORE: "special",
}
"""Every type of which an event has one market a period, subject and line, whoever tells of it; and its class, which of
all lines but the main one is `alternate`. Types whose outcomes providers name in words of their own (correct scores,
double chances) are not among them: their selections would have other ids."""

GAME: Final = "game"
REGULATION: Final = "regulation"
FIRST_HALF: Final = "1h"
SEASON: Final = "season"
"""The period of what an outright is about."""

OVERTIME_SPORTS: Final = frozenset({"baseball", "basketball", "football", "hockey"})
"""Our sports whose games go on until somebody has won. `game` is then overtime included, `regulation` without."""

OVER_UNDER: Final[Mapping[str, Side]] = {"over": "over", "under": "under"}
NAMED_SIDES: Final[Mapping[str, Side]] = {"draw": "draw", **OVER_UNDER, "yes": "yes", "no": "no"}
"""Sides that go by the same English word everywhere, in lower case."""


def shared(cls: MarketClass, market_type: str) -> bool:
    """Whether every provider has this very market. A word of the table under another class is a provider's own."""
    known = CLASSES.get(market_type)
    return known is not None and cls in (known, "alternate")


class Winner(NamedTuple):
    """Type and period of a market on who wins."""

    type: str
    period: str


def winner(sport: str, *, drawable: bool, period: str = GAME) -> Winner:
    """The market on who wins a game of our `sport`, or a part of it. Who may bet on a draw where there is overtime bets
    on the time before it."""
    if not drawable:
        return Winner(MONEYLINE, period)
    return Winner(MATCH_RESULT, REGULATION if period == GAME and sport in OVERTIME_SPORTS else period)
