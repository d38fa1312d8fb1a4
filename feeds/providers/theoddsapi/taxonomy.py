"""The Odds API's sports and market keys in our words. Tables and pure functions; no state.

A market key is a family (`spreads`), perhaps `alternate_` before it, perhaps a period behind it (`_h1`). Keys of
players' props are a stat. What no table names is `special` under its own key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from feeds.contract.ids import slug
from feeds.contract.model import Side
from feeds.vocabulary import BOTH_TEAMS_TO_SCORE, GAME, MATCH_RESULT, MONEYLINE, NAMED_SIDES, SEASON

SPORTS: Final[Mapping[str, str]] = {
    "americanfootball": "football",
    "aussierules": "australian_rules",
    "baseball": "baseball",
    "basketball": "basketball",
    "boxing": "boxing",
    "cricket": "cricket",
    "golf": "golf",
    "handball": "handball",
    "icehockey": "hockey",
    "lacrosse": "lacrosse",
    "mma": "mma",
    "politics": "politics",
    "rugbyleague": "rugby_league",
    "rugbyunion": "rugby_union",
    "soccer": "soccer",
    "tennis": "tennis",
}
"""Our sport by the first word of a sport key."""

LEAGUES: Final[Mapping[str, str]] = {
    "soccer_france_ligue_one": "ligue_1",
    "soccer_germany_bundesliga": "bundesliga",
    "soccer_italy_serie_a": "serie_a",
    "soccer_spain_la_liga": "laliga",
    "soccer_usa_mls": "mls",
    "soccer_uefa_champs_league": "champions_league",
}
"""Leagues that go by another name than the rest of their sport key."""

_SEASON_OUTRIGHTS = ("_super_bowl_winner", "_championship_winner", "_world_series_winner")

STATS: Final[Mapping[str, str]] = {
    "player_pass_yds": "passing_yards",
    "player_pass_tds": "passing_touchdowns",
    "player_pass_attempts": "pass_attempts",
    "player_pass_completions": "pass_completions",
    "player_pass_interceptions": "interceptions_thrown",
    "player_pass_longest_completion": "longest_completion",
    "player_rush_yds": "rushing_yards",
    "player_rush_attempts": "rush_attempts",
    "player_rush_longest": "longest_rush",
    "player_reception_yds": "receiving_yards",
    "player_receptions": "receptions",
    "player_reception_longest": "longest_reception",
    "player_anytime_td": "anytime_touchdown",
    "player_1st_td": "first_touchdown",
    "player_last_td": "last_touchdown",
    "player_points": "points",
    "player_rebounds": "rebounds",
    "player_assists": "assists",
    "player_threes": "threes_made",
    "player_blocks": "blocks",
    "player_steals": "steals",
    "player_turnovers": "turnovers",
    "player_points_rebounds_assists": "points_rebounds_assists",
    "player_double_double": "double_double",
    "player_triple_double": "triple_double",
    "player_shots_on_goal": "shots_on_goal",
    "player_shots_on_target": "shots_on_target",
    "player_total_saves": "goalie_saves",
    "player_goal_scorer_anytime": "anytime_goalscorer",
    "player_goal_scorer_first": "first_goalscorer",
    "player_goal_scorer_last": "last_goalscorer",
    "batter_hits": "hits",
    "batter_home_runs": "home_run",
    "batter_total_bases": "total_bases",
    "batter_rbis": "runs_batted_in",
    "pitcher_strikeouts": "strikeouts",
    "player_aces": "aces",
    "player_double_faults": "double_faults",
}
"""Our market type by the key of a player's prop."""

Family = Literal["winner", "spread", "total", "team_total", "prop", "outright", "special"]

_THREE_WAY = "h2h_3_way"
_FAMILIES: Final[Mapping[str, Family]] = {
    "h2h": "winner",
    _THREE_WAY: "winner",
    "spreads": "spread",
    "totals": "total",
    "team_totals": "team_total",
    "outrights": "outright",
}
_ALTERNATE = "alternate_"
_LADDER = "_alternate"
_LAY = "_lay"
_PROP = re.compile(r"(player|batter|pitcher)_.+\Z")
_PERIOD = re.compile(r"(.+)_(?:([hqps])([1-9])|1st_([1-9])_innings)\Z")
_SPECIALS: Final[Mapping[str, str]] = {"btts": BOTH_TEAMS_TO_SCORE}
_FEATURED = frozenset({"h2h", "h2h_lay", "spreads", "totals", "outrights", "outrights_lay"})


class KeyKind(NamedTuple):
    """What a market key is about. `lay`: its prices are to lay, of the market `family`, `type` and `period` name."""

    family: Family
    type: str
    period: str = GAME
    alternate: bool = False
    lay: bool = False


@lru_cache(maxsize=4096)
def kind_of(key: str) -> KeyKind:
    """What a market key is about. Type and period of a `winner` also depend on whether there is a draw."""
    lay = key.endswith(_LAY) and len(key) > len(_LAY)
    plain = key.removesuffix(_LAY) if lay else key
    if _PROP.match(plain):
        return _prop(plain)._replace(lay=lay)
    alternate = plain.startswith(_ALTERNATE)
    plain = plain.removeprefix(_ALTERNATE)
    period = GAME
    match = _PERIOD.match(plain)
    if match is not None and match[1] in _FAMILIES:
        plain = match[1]
        period = f"{match[4]}i" if match[4] else f"{match[3]}{match[2]}"
    family = _FAMILIES.get(plain)
    if family is None:
        own = key.removesuffix(_LAY) if lay else key
        return KeyKind("special", _SPECIALS.get(own) or slug(own), lay=lay)
    if family == "outright":
        period = SEASON
    market_type = MATCH_RESULT if plain == _THREE_WAY else MONEYLINE if family == "winner" else family
    return KeyKind(family, market_type, period, alternate, lay)


def owner_of(key: str) -> str:
    """The key whose lay prices a key holds; else the key itself."""
    return key.removesuffix(_LAY) if kind_of(key).lay else key


def is_featured(key: str) -> bool:
    """Whether lists of a sport's events hold it, rather than answers about one event."""
    return key in _FEATURED


def sport_word(sport_key: str) -> str:
    """The sport in a sport key: "americanfootball_nfl" -> "americanfootball"."""
    return sport_key.partition("_")[0]


def league_word(sport_key: str) -> str:
    """The league in a sport key: "americanfootball_nfl" and "americanfootball_nfl_super_bowl_winner" -> "nfl"."""
    known = LEAGUES.get(sport_key)
    if known is not None:
        return known
    rest = sport_key.partition("_")[2]
    for suffix in _SEASON_OUTRIGHTS:
        rest = rest.removesuffix(suffix)
    return rest


def is_outright(sport_key: str) -> bool:
    """Whether a sport key is that of a season or a tournament: it has outrights alone, and no scores."""
    return sport_key.endswith("_winner")


def has_draw(sport_key: str) -> bool:
    """Whether a sport's matches always may end in a draw, so that one missing outcome does not make another market."""
    return sport_word(sport_key) == "soccer"


def side_of(name: str, home: str | None, away: str | None) -> Side | None:
    """Which side an outcome is."""
    if name == home:
        return "home"
    if name == away:
        return "away"
    return NAMED_SIDES.get(name.lower())


def _prop(key: str) -> KeyKind:
    alternate = key.endswith(_LADDER)
    stat = key.removesuffix(_LADDER)
    return KeyKind("prop", STATS.get(stat) or slug(stat.partition("_")[2]), alternate=alternate)
