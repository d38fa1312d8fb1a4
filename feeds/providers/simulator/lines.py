"""A main line and its alternates: one group, in which no two open markets have the same line.

A market's line is fixed for life. When the main line moves, the old main market and an alternate that stands where it
goes end, replaced by the new main market; alternates that fell out of reach end, missing ones begin.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache, partial
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from feeds.contract.model import Market, MarketClass, Subject
from feeds.contract.prices import line_text
from feeds.providers.simulator.forecast import Forecast
from feeds.providers.simulator.listing import Listing, Outcome
from feeds.providers.simulator.offer import Offer
from feeds.providers.simulator.pricing import TwoWay
from feeds.providers.simulator.scoreboard import Scoreboard
from feeds.providers.simulator.spec import LINE_HOLD_MS, OVERROUND, Lines, On

_EVEN = (0.4, 0.6)
"""A main line whose chance is within stays."""

_DECIDED = (0.1, 0.9)
"""A main line whose chance is without moves at once."""


class Sides(NamedTuple):
    """Who plays, and whom a line is about where it is not about both."""

    home: str
    away: str
    subject: Subject | None = None


class LineGroup:
    """The markets of one line. `main` and `alternates` are what is on offer, `closed` what was."""

    __slots__ = (
        "_board", "_cls", "_forecast", "_group", "_held_until_ms", "_listing", "_offers", "_sides", "_spec", "closed",
        "line",
    )  # fmt: skip

    def __init__(self, spec: Lines, listing: Listing, *, forecast: Forecast, board: Scoreboard, sides: Sides) -> None:
        self._spec = spec
        self._listing = listing
        self._board = board
        self._forecast = forecast
        self._sides = sides
        self._cls: MarketClass = "prop" if sides.subject else "main"
        self._group = listing.ids.next("G")
        self._held_until_ms = 0
        self.closed: list[Offer] = []
        self.line = self._best()
        self._offers = {self.line: self._offer(self.line, self._cls)}
        self._offers.update({line: self._offer(line, "alternate") for line in self._alternate_lines()})

    @property
    def main(self) -> Offer:
        """The main line's market."""
        return self._offers[self.line]

    @property
    def alternates(self) -> list[Offer]:
        """All others."""
        return [offer for line, offer in self._offers.items() if line != self.line]

    def follow(self, now_ms: int, rng: Random, *, live: bool) -> list[Market]:
        """Moves the main line where the forecast asks for it: what ended, then what began. Mostly nothing."""
        chance = self._forecast.chances[self._spec.on](self.line)
        if _EVEN[0] < chance < _EVEN[1]:
            return []
        best = self._best()
        if best == self.line or (now_ms < self._held_until_ms and _DECIDED[0] < chance < _DECIDED[1]):
            return []
        self._held_until_ms = now_ms + LINE_HOLD_MS
        return self._move(best, now_ms, rng, live=live)

    def _move(self, best: int, now_ms: int, rng: Random, *, live: bool) -> list[Market]:
        before, ended = self._offers, self.line
        main = self._offer(best, self._cls, replaces=before[ended].state.id)
        self.line = best
        alternates = self._alternate_lines()
        closed: list[Market] = []
        for line, offer in before.items():
            if line == ended or line not in alternates:
                closed.append(offer.close(now_ms, main.state.id if line in (ended, best) else None))
                self.closed.append(offer)
        begun = {best: main}
        begun.update(
            {line: self._offer(line, "alternate") for line in alternates if line == ended or line not in before}
        )
        self._offers = {line: begun.get(line) or before[line] for line in (best, *alternates)}
        return closed + [offer.open(now_ms, rng, live=live) for offer in begun.values()]

    def _best(self) -> int:
        even = self._forecast.even_line(self._spec.on)
        line = 2 * math.floor(even / 2) + 1
        floor = self._spec.floor
        if self._spec.on != "margin":
            return max(line, floor)
        if abs(line) >= floor:
            return line
        return floor if line > 0 else -floor

    def _alternate_lines(self) -> list[int]:
        spec = self._spec
        away_from_main = range(-spec.alternates * spec.step, spec.alternates * spec.step + 1, spec.step)
        lines = [self.line + by for by in away_from_main if by]
        return lines if spec.on == "margin" else [line for line in lines if line > 0]

    def _offer(self, line: int, cls: MarketClass, replaces: str | None = None) -> Offer:
        spec = self._spec
        outcomes = _spread(line, self._sides) if spec.on == "margin" else over_under(line)
        market = replace(
            self._listing.market(cls, spec.type, outcomes),
            group=self._group,
            line=halves_text(line),
            subject=self._sides.subject,
            replaces=replaces,
        )
        pricer = TwoWay(partial(self._forecast.chances[spec.on], line), OVERROUND[cls])
        return Offer(market, pricer, partial(_covered, self._board, spec.on, line))


@lru_cache(maxsize=4096)
def halves_text(halves: int) -> str:
    """A line in halves as the wire writes it: -7 is "-3.5"."""
    return line_text(Decimal(halves) / 2)


def over_under(line: int) -> tuple[Outcome, Outcome]:
    """The two sides of a total or a prop."""
    text = halves_text(line)
    return Outcome(f"Over {text}", "over", text), Outcome(f"Under {text}", "under", text)


def _spread(line: int, sides: Sides) -> tuple[Outcome, Outcome]:
    home, away = halves_text(line), halves_text(-line)
    return (
        Outcome(f"{sides.home} {_signed(home)}", "home", home),
        Outcome(f"{sides.away} {_signed(away)}", "away", away),
    )


def _covered(board: Scoreboard, on: On, line: int) -> int:
    """The winner by the final score: home or over is 0. Lines are odd, so nothing is ever a push."""
    home, away = board.points
    if on == "margin":
        return 0 if 2 * (home - away) + line > 0 else 1
    counted = {"total": home + away, "home": home, "away": away}[on]
    return 0 if 2 * counted > line else 1


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"
