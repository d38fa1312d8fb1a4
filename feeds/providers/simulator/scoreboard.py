"""The scoreboard of one game: points, how far it has come, what its clock reads. Knows nothing of odds."""

from __future__ import annotations

from random import Random
from typing import ClassVar, NamedTuple

from feeds.contract.model import Score
from feeds.providers.simulator.spec import Clock, League

_WON_SETS = 2


class Points(NamedTuple):
    """What both sides scored: points, goals or runs; in tennis, games."""

    home: int
    away: int


NO_POINTS = Points(0, 0)


class Scoreboard:
    """A game played against time. `progress` runs from 0 to 1, or on where time does not end it; `points` so far."""

    __slots__ = ("_clock", "_worth", "_worth_mean", "_worth_weights", "points", "progress")

    progress_max_at_opening: ClassVar = 1.0
    """How far a game may have come that is live when the slate opens."""

    def __init__(self, league: League) -> None:
        worth = league.scoring.worth
        self._clock = league.clock
        self._worth = [points for points, _ in worth]
        self._worth_weights = [weight for _, weight in worth]
        self._worth_mean = sum(points * weight for points, weight in worth)
        self.points = NO_POINTS
        self.progress = 0.0

    @property
    def remaining(self) -> float:
        """Share of the game still to be played, 0 to 1."""
        return max(0.0, 1.0 - self.progress)

    @property
    def over(self) -> bool:
        """Whether the game has been played."""
        return self.progress >= 1.0

    @property
    def lead(self) -> float:
        """What the home side leads by, for the odds."""
        return self.points.home - self.points.away

    @property
    def winning(self) -> int:
        """Above 0 where the home side wins as it stands, below where the away side does."""
        return self.score.home - self.score.away

    @property
    def score(self) -> Score:
        """What the public sees."""
        return Score(self.points.home, self.points.away)

    def clock(self) -> str:
        """What the clock reads."""
        return _reading(self._clock, min(self.progress, 0.99999))

    def draw(self, expected: tuple[float, float], rng: Random) -> Points:
        """Points both sides score while `expected` (home, away) are to be expected. Does not count them."""
        return Points(self._draw(expected[0], rng), self._draw(expected[1], rng))

    def add(self, points: Points) -> None:
        """The points count."""
        self.points = Points(self.points.home + points.home, self.points.away + points.away)

    def break_tie(self, rng: Random) -> None:
        """Overtime, where there are no draws: a tied game is won by one score."""
        if self.lead == 0:
            self.add(Points(self._worth[0], 0) if rng.random() < 0.5 else Points(0, self._worth[0]))

    def _draw(self, expected: float, rng: Random) -> int:
        scores = int(expected / self._worth_mean + rng.random())
        return sum(rng.choices(self._worth, self._worth_weights, k=scores)) if scores else 0


class SetBoard(Scoreboard):
    """Tennis: points are games, the score is sets, and the match is over with the second set won."""

    __slots__ = ("_games", "_sets")

    progress_max_at_opening: ClassVar = 0.5

    def __init__(self, league: League) -> None:
        super().__init__(league)
        self._games = NO_POINTS
        self._sets = NO_POINTS

    @property
    def remaining(self) -> float:
        """By sets rather than by time: never nothing before the last one is won."""
        if self.over:
            return 0.0
        return max(0.1, 1.0 - sum(self._sets) * 0.4 - sum(self._games) * 0.04)

    @property
    def over(self) -> bool:
        """Whether a side has won its second set."""
        return max(self._sets) == _WON_SETS

    @property
    def score(self) -> Score:
        """Sets won."""
        return Score(self._sets.home, self._sets.away)

    def clock(self) -> str:
        """The set and its games."""
        return f"Set {sum(self._sets) + 1} {self._games.home}-{self._games.away}"

    def add(self, points: Points) -> None:
        """The games count, turn by turn."""
        for turn in range(max(points)):
            if turn < points.home:
                self._win(Points(1, 0))
            if turn < points.away:
                self._win(Points(0, 1))

    def break_tie(self, rng: Random) -> None:
        """A finished match has a winner."""

    def _win(self, game: Points) -> None:
        if self.over:
            return
        super().add(game)
        games = self._games = Points(self._games.home + game.home, self._games.away + game.away)
        if (max(games) >= 6 and abs(games.home - games.away) >= 2) or max(games) == 7:
            self._sets = Points(self._sets.home + game.home, self._sets.away + game.away)
            self._games = NO_POINTS


def scoreboard_of(league: League) -> Scoreboard:
    """The kind of scoreboard a league plays with."""
    return SetBoard(league) if league.clock.style == "sets" else Scoreboard(league)


def _reading(clock: Clock, progress: float) -> str:
    if clock.style == "up":
        return f"{int(progress * clock.periods * clock.minutes) + 1}'"
    if clock.style == "innings":
        half_inning = int(progress * clock.periods * 2)
        return f"{'Bot' if half_inning % 2 else 'Top'} {half_inning // 2 + 1}"
    period, played = divmod(progress * clock.periods, 1.0)
    minutes, seconds = divmod(int((1.0 - played) * clock.minutes * 60), 60)
    return f"{clock.label}{int(period) + 1} {minutes:02d}:{seconds:02d}"
