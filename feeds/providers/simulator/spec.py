"""What is simulated, as tables: sports, leagues, how each scores, its clock, the markets it offers. Data only.

Lines are in halves (7 is 3.5), so that they are exact integers; every line offered is odd, so nothing is ever a push.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from feeds.contract.model import MarketClass
from feeds.providers.simulator import names

GAME_MS = 600_000
"""Wall time of a game: about ten minutes, so that games begin and end while one watches."""

GAME_MS_MAX = 10_800_000
"""Wall time of a game where the rate is too low for the turnover of a faster one: three hours, as in life."""

PLAYS_PER_GAME = 150
"""How often something happens in a game, whatever its length."""

DANGER_MS = (2_000, 6_000)
"""How long a game's markets stay suspended on a possible score: shortest, longest."""

LINE_HOLD_MS = 5_000
"""How long a main line stays at least, unless it is all but decided."""

EVENTS_MAX = 5_000
RATE_MAX = 20_000

LIVE_SHARE = 1 / 3
"""Share of the games that is live at every moment."""

OVERROUND: dict[MarketClass, float] = {"main": 1.05, "alternate": 1.055, "prop": 1.065, "future": 1.06}
"""Sum of the implied probabilities of a market's prices, by its class; what is published lies within 0.02 of it."""

On = Literal["margin", "total", "home", "away"]
"""What a line is about: the home side's lead, all points, one side's points."""


class Lines(NamedTuple):
    """A main line and its alternates. `floor` is the smallest |line| of the main line; `alternates` go both ways."""

    type: str
    on: On
    step: int
    alternates: int
    floor: int = 1


class Prop(NamedTuple):
    """A market about players: over/under a line between `low` and `high` (halves), or yes/no where both are 0."""

    type: str
    low: int
    high: int
    players: int
    fair: float = 0.5


class Scoring(NamedTuple):
    """How points come. Both `total` and the spreads are of a whole game, in points; `worth` is what one score brings
    and how often. `suspends`: a score stops betting. `alarm`: chance a play that it only looked like one."""

    total: float
    total_sd: float
    margin_sd: float
    edge_sd: float
    worth: tuple[tuple[int, float], ...]
    suspends: bool
    alarm: float


class Clock(NamedTuple):
    """How a game's time is told. `down`: "Q2 04:31"; `up`: "63'"; `innings`: "Top 5"; `sets`: "Set 2 4-3"."""

    style: Literal["down", "up", "innings", "sets"]
    periods: int
    minutes: int
    label: str = ""


class Sport(NamedTuple):
    """A sport. `winner` is the type of the market on who wins, three-way where `draws`. `solo`: teams are players."""

    slug: str
    winner: str
    draws: bool
    away_first: bool
    lines: tuple[Lines, ...]
    team_totals: tuple[Lines, ...]
    props: tuple[Prop, ...]
    solo: bool = False


class League(NamedTuple):
    """A league: its teams (in tennis, players), scoring, clock, and the name of its futures event."""

    sport: Sport
    slug: str
    outright: str
    teams: tuple[str, ...]
    scoring: Scoring
    clock: Clock


_TEAM_TOTALS = (Lines("team_total", "home", 2, 0), Lines("team_total", "away", 2, 0))

FOOTBALL = Sport(
    "football",
    "moneyline",
    draws=False,
    away_first=True,
    lines=(Lines("spread", "margin", 2, 2), Lines("total", "total", 4, 2)),
    team_totals=_TEAM_TOTALS,
    props=(
        Prop("passing_yards", 421, 561, 1),
        Prop("rushing_yards", 81, 161, 1),
        Prop("receiving_yards", 81, 161, 1),
        Prop("anytime_touchdown", 0, 0, 1, 0.38),
    ),
)

BASKETBALL = Sport(
    "basketball",
    "moneyline",
    draws=False,
    away_first=True,
    lines=(Lines("spread", "margin", 2, 2), Lines("total", "total", 4, 2)),
    team_totals=_TEAM_TOTALS,
    props=(
        Prop("points", 31, 57, 2),
        Prop("rebounds", 11, 21, 1),
        Prop("assists", 9, 19, 1),
        Prop("threes_made", 3, 7, 1),
    ),
)

BASEBALL = Sport(
    "baseball",
    "moneyline",
    draws=False,
    away_first=True,
    lines=(Lines("run_line", "margin", 2, 1, floor=3), Lines("total_runs", "total", 2, 2)),
    team_totals=_TEAM_TOTALS,
    props=(
        Prop("strikeouts", 9, 15, 1),
        Prop("total_bases", 3, 3, 1),
        Prop("hits", 1, 3, 1),
        Prop("home_run", 0, 0, 1, 0.2),
    ),
)

SOCCER = Sport(
    "soccer",
    "match_result",
    draws=True,
    away_first=False,
    lines=(Lines("handicap", "margin", 2, 1), Lines("total_goals", "total", 2, 2)),
    team_totals=_TEAM_TOTALS,
    props=(
        Prop("shots_on_target", 1, 5, 2),
        Prop("anytime_goalscorer", 0, 0, 2, 0.3),
    ),
)

HOCKEY = Sport(
    "hockey",
    "moneyline",
    draws=False,
    away_first=True,
    lines=(Lines("puck_line", "margin", 2, 1, floor=3), Lines("total_goals", "total", 2, 2)),
    team_totals=_TEAM_TOTALS,
    props=(
        Prop("shots_on_goal", 5, 9, 2),
        Prop("goalie_saves", 49, 63, 1),
        Prop("anytime_goalscorer", 0, 0, 1, 0.28),
    ),
)

TENNIS = Sport(
    "tennis",
    "moneyline",
    draws=False,
    away_first=False,
    lines=(Lines("game_spread", "margin", 2, 1), Lines("total_games", "total", 2, 2)),
    team_totals=(),
    props=(
        Prop("aces", 7, 21, 1),
        Prop("double_faults", 3, 9, 1),
        Prop("win_a_set", 0, 0, 1, 0.62),
    ),
    solo=True,
)

_TOUCHDOWNS = ((7, 0.6), (3, 0.4))
_BASKETS = ((2, 0.6), (3, 0.28), (1, 0.12))
_RUNS = ((1, 0.7), (2, 0.2), (3, 0.07), (4, 0.03))
_ONE = ((1, 1.0),)

_PRO_FOOTBALL = Scoring(45, 13.0, 13.0, 5.0, _TOUCHDOWNS, suspends=True, alarm=0.04)
_SOCCER_GOALS = Scoring(2.7, 1.6, 1.6, 0.6, _ONE, suspends=True, alarm=0.05)
_TENNIS_GAMES = Scoring(22, 4.5, 5.0, 2.0, _ONE, suspends=False, alarm=0.03)
_SETS = Clock("sets", 3, 0)
_HALVES_OF_45 = Clock("up", 2, 45)

NFL = League(FOOTBALL, "nfl", "Championship Winner", names.NFL, _PRO_FOOTBALL, Clock("down", 4, 15, "Q"))
NCAAF = League(
    FOOTBALL,
    "ncaaf",
    "National Championship Winner",
    names.NCAAF,
    Scoring(53, 15.0, 16.0, 9.0, _TOUCHDOWNS, suspends=True, alarm=0.04),
    Clock("down", 4, 15, "Q"),
)
NBA = League(
    BASKETBALL,
    "nba",
    "Championship Winner",
    names.NBA,
    Scoring(226, 17.0, 12.0, 5.0, _BASKETS, suspends=False, alarm=0.05),
    Clock("down", 4, 12, "Q"),
)
WNBA = League(
    BASKETBALL,
    "wnba",
    "Championship Winner",
    names.WNBA,
    Scoring(164, 14.0, 11.0, 5.0, _BASKETS, suspends=False, alarm=0.05),
    Clock("down", 4, 10, "Q"),
)
NCAAB = League(
    BASKETBALL,
    "ncaab",
    "National Championship Winner",
    names.NCAAB,
    Scoring(146, 15.0, 11.0, 6.0, _BASKETS, suspends=False, alarm=0.05),
    Clock("down", 2, 20, "H"),
)
MLB = League(
    BASEBALL,
    "mlb",
    "Championship Winner",
    names.MLB,
    Scoring(8.6, 4.3, 4.2, 0.8, _RUNS, suspends=True, alarm=0.04),
    Clock("innings", 9, 0),
)
EPL = League(SOCCER, "epl", "League Winner", names.EPL, _SOCCER_GOALS, _HALVES_OF_45)
MLS = League(SOCCER, "mls", "Cup Winner", names.MLS, _SOCCER_GOALS, _HALVES_OF_45)
LALIGA = League(SOCCER, "laliga", "League Winner", names.LALIGA, _SOCCER_GOALS, _HALVES_OF_45)
NHL = League(
    HOCKEY,
    "nhl",
    "Cup Winner",
    names.NHL,
    Scoring(6.1, 2.4, 2.4, 0.5, _ONE, suspends=True, alarm=0.05),
    Clock("down", 3, 20, "P"),
)
ATP = League(TENNIS, "atp", "Tour Finals Winner", names.ATP, _TENNIS_GAMES, _SETS)
WTA = League(TENNIS, "wta", "Tour Finals Winner", names.WTA, _TENNIS_GAMES, _SETS)

ROTATION: tuple[League, ...] = (
    *(NFL, NBA, MLB, EPL, NHL, ATP),
    *(NCAAF, WNBA, MLB, MLS, NHL, WTA),
    *(NFL, NBA, MLB, LALIGA, NHL, ATP),
    *(NCAAF, NCAAB, MLB, EPL, NHL, WTA),
)
"""The leagues of a slate's games, in turn: every six games hold every sport."""
