"""The score of a period, out of the parts that were entered. Pure."""

from __future__ import annotations

from typing import NamedTuple

from feeds.contract.errors import Refused
from gateway.settlement.grading.entered import Entered, Points
from gateway.settlement.grading.rules import Shape


class Score(NamedTuple):
    """Points of both sides; `whole`: the period was played to its end. `home_parts`, `away_parts`: parts each won."""

    home: int
    away: int
    whole: bool
    home_parts: int = 0
    away_parts: int = 0

    @property
    def total(self) -> int:
        """Points of both."""
        return self.home + self.away

    @property
    def lead(self) -> int:
        """Of the home side."""
        return self.home - self.away


def score_of(entered: Entered, shape: Shape, period: str) -> Score:
    """Raises Refused("score_missing" | "score_contradicts")."""
    parts = shape.periods.get(period, (period,))
    made = _made_of(entered, shape, parts)
    told = entered.scores.get(period)
    if told is None or (period in parts and len(parts) == 1):
        if made is None:
            raise Refused("score_missing", f"the score of {period} is not among what was entered")
        return made
    if made is not None and (made.home, made.away) != (told.home, told.away):
        raise Refused(
            "score_contradicts", f"{period} is entered as {told.home}:{told.away}, its parts as {made.home}:{made.away}"
        )
    if made is not None:
        return made
    return Score(told.home, told.away, whole=entered.state == "final")


def _made_of(entered: Entered, shape: Shape, parts: tuple[str, ...]) -> Score | None:
    """None where not all of the parts were entered that a finished game has, or, broken off, none was."""
    given = [part for part in parts if part in entered.scores]
    needed = [part for part in parts if part not in shape.extra]
    whole = all(part in entered.scores for part in needed) and bool(given) and entered.unfinished not in given
    if not given or (not whole and entered.state == "final"):
        return None
    scores = [_counted(entered.scores[part], once=part in shape.once) for part in given]
    won = [(score.home > score.away) - (score.home < score.away) for score in scores]
    return Score(
        sum(score.home for score in scores),
        sum(score.away for score in scores),
        whole,
        home_parts=won.count(1),
        away_parts=won.count(-1),
    )


def _counted(points: Points, *, once: bool) -> Points:
    return Points(int(points.home > points.away), int(points.away > points.home)) if once else points
