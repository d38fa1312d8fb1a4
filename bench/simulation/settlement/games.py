"""Games, their markets, how they ended, and what that makes of each selection, counted in another way than the product.

The product grades by decimals and fractions (grading/grade.py); here a line is whole quarters of a point, and a stake
is two halves.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import NamedTuple

from feeds.contract.model import Event, Market, Selection, Side
from gateway.settlement.grading.entered import Entered, Points

PARTS = ("q1", "q2", "q3", "q4")
LINES_QUARTERS = (-14, -13, -12, -2, -1, 0, 2, 6, 10)
TOTALS_QUARTERS = (164, 165, 166, 170, 172)


class Ended(NamedTuple):
    """How a game ended: points by part, home first; `called_off`: it did not take place."""

    parts: tuple[tuple[int, int], ...]
    called_off: bool = False

    @property
    def entered(self) -> Entered:
        """As the desk enters it."""
        if self.called_off:
            return Entered("cancelled")
        return Entered("final", {part: Points(*points) for part, points in zip(PARTS, self.parts)})


class Share(NamedTuple):
    """What is won and what is refunded of a stake."""

    won: Fraction
    void: Fraction


def game(number: int) -> Event:
    """A game of football."""
    name = f"E{number}"
    return Event(name, f"football.nfl.{name}", name, "2026-09-21T20:00:00Z", "ended", 0, "Home", "Away")


def markets_of(event: Event, random: Random) -> list[Market]:
    """Who wins, by how much, and how many points."""
    spread, total = random.choice(LINES_QUARTERS), random.choice(TOTALS_QUARTERS)
    return [
        _market(event, "moneyline", ("home", "away"), None),
        _market(event, "spread", ("home", "away"), spread),
        _market(event, "total", ("over", "under"), total),
    ]


def ending(random: Random) -> Ended:
    """Some end."""
    parts = tuple((random.choice((0, 3, 7, 10)), random.choice((0, 3, 7, 10))) for _ in PARTS)
    return Ended(parts, called_off=random.random() < 0.08)


def share_of(market: Market, selection: str, ended: Ended) -> Share:
    """The model of grading."""
    if ended.called_off:
        return Share(Fraction(0), Fraction(1))
    home, away = (sum(points[side] for points in ended.parts) for side in (0, 1))
    quarters = 0 if market.line is None else round(float(market.line) * 4)
    match selection:
        case "home":
            beyond = 4 * (home - away) + quarters
        case "away":
            beyond = 4 * (away - home) - quarters
        case "over":
            beyond = 4 * (home + away) - quarters
        case _:
            beyond = quarters - 4 * (home + away)
    halves = (beyond, beyond) if beyond % 2 == 0 else (beyond - 1, beyond + 1)
    return Share(Fraction(sum(half > 0 for half in halves), 2), Fraction(halves.count(0), 2))


def _market(event: Event, kind: str, sides: tuple[Side, ...], quarters: int | None) -> Market:
    selections = tuple(Selection(side, side, side=side) for side in sides)
    line = None if quarters is None else f"{quarters / 4:g}"
    name = f"{event.id}-{kind}"
    return Market(name, event.id, event.topic, "main", kind, "game", "alpha-0", 0, "closed", selections, line=line)
