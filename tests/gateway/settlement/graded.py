"""Markets to be graded, and what a stake on each of their selections then pays."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from feeds.contract.model import Event, Market, MarketClass, Selection, Side, Subject
from feeds.contract.results import SelectionResult
from gateway.settlement.grading.entered import Entered, Player, Points
from gateway.settlement.grading.grade import grade
from gateway.settlement.grading.rules import house_rules

TS = 1_790_000_000_000
RULES = house_rules()


def game(sport: str) -> Event:
    """A game of Home and Away."""
    return Event("E1", f"{sport}.league.E1", "Home v Away", "2026-09-21T20:00:00Z", "ended", TS, "Home", "Away")


def market(market_type: str, *sides: Side, cls: MarketClass = "main", **changes: Any) -> Market:
    """A market whose selections are its sides: their ids, too."""
    selections = tuple(Selection(side, side, side=side) for side in sides)
    values: dict[str, Any] = {"topic": "t", "period": "game", "src": "s", "st": "closed", "ts": TS} | changes
    return Market(id="M1", event="E1", cls=cls, type=market_type, selections=selections, **values)


def parts(**scores: tuple[int, int]) -> dict[str, Points]:
    """Scores by part, home first."""
    return {part: Points(*score) for part, score in scores.items()}


def final(**scores: tuple[int, int]) -> Entered:
    """A game played to its end."""
    return Entered("final", parts(**scores))


def prop(market_type: str, *sides: Side, line: str | None = None) -> Market:
    """A market about the player P1."""
    return market(market_type, *sides, cls="prop", line=line, subject=Subject("player", "P1", "A. Player"))


def played(state: str = "final", *, took_part: bool = True, **stats: int) -> Entered:
    """What P1 did."""
    values: Any = {"state": state, "players": {"P1": Player(stats, took_part)}}
    return Entered(**values)


def became(sport: str, about: Market, entered: Entered) -> dict[str, SelectionResult]:
    """The result of a market, by selection."""
    result = grade(about, game(sport), entered, RULES, ts=TS)
    assert (result.kind, result.certainty, result.market, result.ts) == ("settled", 2, "M1", TS)
    return {one.id: one for one in result.selections}


def pays(one: SelectionResult, stake: int, price: str) -> Fraction:
    """stake x (v + w x price x dh)."""
    w, v, dh = (Fraction(part.num, part.den) for part in (one.w, one.v, one.dh))
    return stake * (v + w * Fraction(price) * dh)


def words(sport: str, about: Market, entered: Entered) -> dict[str, str]:
    """What became of each selection, in a word: what a stake of 2 at 3.0 pays says it."""
    named = {
        Fraction(0): "lost",
        Fraction(1): "half lost",
        Fraction(2): "void",
        Fraction(3): "dead heat",
        Fraction(4): "half won",
        Fraction(6): "won",
    }
    return {name: named[pays(one, 2, "3")] for name, one in became(sport, about, entered).items()}


NFL = {"q1": (7, 3), "q2": (0, 7), "q3": (10, 0), "q4": (3, 10)}  # 20:20
"""By quarters."""


def soccer(home: int, away: int) -> Entered:
    return final(**{"1h": (0, 0), "2h": (home, away)})
