"""What a game is expected to become: the one belief all its prices follow. Normal margin and total, given the score.

Source of the shape: Stern (1991), "On the probability of winning a football game": the final margin is near normal,
and with a share r of the game to play its spread shrinks with the root of r.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from feeds.providers.simulator.pricing import normal_cdf
from feeds.providers.simulator.scoreboard import Scoreboard
from feeds.providers.simulator.spec import On, Scoring

_REMAINING_MIN = 0.04
_OUTSIDER = 0.035
_DRIFT = 0.06
_PULL = 0.02


class Forecast:
    """Final margin and total, home and away points, as means and spreads. Call `follow` when the score moved."""

    __slots__ = (
        "_away", "_edge", "_edge_usual", "_home", "_margin", "_margin_sd", "_pace", "_pace_usual", "_scoring", "_total",
        "_total_sd", "chances",
    )  # fmt: skip

    def __init__(self, scoring: Scoring, board: Scoreboard, rng: Random) -> None:
        self._scoring = scoring
        self._edge = self._edge_usual = rng.gauss(0.15 * scoring.edge_sd, scoring.edge_sd)
        self._pace = self._pace_usual = scoring.total * rng.uniform(0.93, 1.07)
        self.chances: dict[On, Callable[[int], float]] = {
            "margin": self.covers,
            "total": self.over,
            "home": self._home_over,
            "away": self._away_over,
        }
        self.follow(board)

    def follow(self, board: Scoreboard) -> None:
        """Takes the score and the time left in."""
        remaining = board.remaining
        spread = max(remaining, _REMAINING_MIN) ** 0.5
        self._margin = board.lead + self._edge * remaining
        self._margin_sd = self._scoring.margin_sd * spread
        self._total = sum(board.points) + self._pace * remaining
        self._total_sd = self._scoring.total_sd * spread
        self._home = board.points.home + 0.5 * (self._pace + self._edge) * remaining
        self._away = board.points.away + 0.5 * (self._pace - self._edge) * remaining

    def drift(self, board: Scoreboard, rng: Random) -> None:
        """Opinion moves a little, and never far from where it began."""
        scoring = self._scoring
        self._edge += _DRIFT * scoring.edge_sd * (rng.random() - 0.5) + _PULL * (self._edge_usual - self._edge)
        self._pace += _DRIFT * scoring.total_sd * (rng.random() - 0.5) + _PULL * (self._pace_usual - self._pace)
        self.follow(board)

    def expected_points(self, share: float) -> tuple[float, float]:
        """What home and away score in a share of a game."""
        return 0.5 * (self._pace + self._edge) * share, 0.5 * (self._pace - self._edge) * share

    def even_line(self, on: On) -> float:
        """The line, in halves, at which both sides are as likely."""
        if on == "margin":
            return -2.0 * self._margin
        return 2.0 * {"total": self._total, "home": self._home, "away": self._away}[on]

    def covers(self, halves: int) -> float:
        """Chance that the home side wins with the line added to its points."""
        return normal_cdf((self._margin + 0.5 * halves) / self._margin_sd)

    def over(self, halves: int) -> float:
        """Chance that all points exceed the line."""
        return normal_cdf((self._total - 0.5 * halves) / self._total_sd)

    def home_wins(self) -> float:
        """Chance that the home side wins where there are no draws."""
        return normal_cdf(self._margin / self._margin_sd)

    def match_result(self) -> tuple[float, float, float]:
        """Chances of home, draw and away; none is ever quite nothing."""
        home = max(normal_cdf((self._margin - 0.5) / self._margin_sd), _OUTSIDER)
        away = max(normal_cdf((-self._margin - 0.5) / self._margin_sd), _OUTSIDER)
        draw = max(1.0 - home - away, _OUTSIDER)
        everything = home + draw + away
        return home / everything, draw / everything, away / everything

    def _home_over(self, halves: int) -> float:
        return normal_cdf((self._home - 0.5 * halves) / (0.7 * self._total_sd))

    def _away_over(self, halves: int) -> float:
        return normal_cdf((self._away - 0.5 * halves) / (0.7 * self._total_sd))
