"""A market graded: what was entered and the house's rule to a result, in the form in which feeds tell theirs. Pure.

Never guesses: what was not entered, or has no rule, is refused, and the market stays without a result.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market, Selection
from feeds.contract.results import MarketResult
from gateway.settlement.grading.entered import Entered, Player
from gateway.settlement.grading.fractions import LOST, VOID, WON, Became, against_line, dead_heat
from gateway.settlement.grading.periods import Score, score_of
from gateway.settlement.grading.rules import HouseRules, Method, Rule, Shape


class Case(NamedTuple):
    """All that a market is graded by. `shape` None: of what has no score, an outright."""

    market: Market
    event: Event
    entered: Entered
    rule: Rule
    shape: Shape | None

    def score(self) -> Score:
        """Of the market's period. Raises Refused."""
        if self.shape is None:
            raise Refused("no_rule", f"no house rule says what {self.event.sport} is made of")
        return score_of(self.entered, self.shape, self.market.period)

    def counts(self, score: Score) -> bool:
        """Whether the score is one to grade by: played to the end, or for long enough."""
        played = None if self.entered.played is None else Decimal(self.entered.played)
        return score.whole or self.rule.is_official(played, home_leads=score.lead > 0)


def grade(market: Market, event: Event, entered: Entered, rules: HouseRules, *, ts: int) -> MarketResult:
    """The market's result, confirmed, said at `ts`. Raises Refused where it cannot be told."""
    if entered.state == "cancelled":
        became: Sequence[Became] = [VOID] * len(market.selections)
        reason = "cancelled"
    else:
        on = datetime.datetime.fromtimestamp(ts / 1000, datetime.UTC).date()
        rule = rules.rule(event.sport, market.type, market.cls, on=on)
        shape = None if rule.method in _SHAPELESS else rules.shape(event.sport)
        became = _METHODS[rule.method](Case(market, event, entered, rule, shape))
        reason = rule.id
    return MarketResult(
        market=market.id,
        event=market.event,
        topic=market.topic,
        kind="settled",
        ts=ts,
        selections=tuple(one.of(selection.id) for one, selection in zip(became, market.selections, strict=True)),
        reason=reason,
    )


def _winner(case: Case) -> Sequence[Became]:
    score = case.score()
    if not case.counts(score):
        return _all(case, VOID)
    return _by_lead(case, score.lead)


def _parts_won(case: Case) -> Sequence[Became]:
    score = case.score()
    if not case.counts(score):
        return _all(case, VOID)
    return _by_lead(case, score.home_parts - score.away_parts)


def _by_lead(case: Case, lead: int) -> Sequence[Became]:
    ahead = "home" if lead > 0 else "away" if lead < 0 else "draw"
    sides = [_side(selection) for selection in case.market.selections]
    if not set(sides) <= {"home", "away", "draw"}:
        raise Refused("not_gradable", f"{case.market.id}: its selections are not the sides of a game")
    if ahead == "draw" and "draw" not in sides:
        return _all(case, dead_heat(1, len(sides)) if case.rule.tie == "dead_heat" else VOID)
    return [WON if side == ahead else LOST for side in sides]


def _margin(case: Case) -> Sequence[Became]:
    score = case.score()
    if not case.counts(score):
        return _all(case, VOID)
    leads = {"home": score.lead, "away": -score.lead}
    found = []
    for selection in case.market.selections:
        lead = leads.get(_side(selection))
        if lead is None:
            raise Refused("not_gradable", f"{case.market.id}: {selection.name} is neither side of a line")
        found.append(against_line(lead + _handicap(case.market, selection)))
    return found


def _handicap(market: Market, selection: Selection) -> Decimal:
    """The selection's own line; that of its market is the home side's."""
    if selection.line is not None:
        return Decimal(selection.line)
    line = _line(market)
    return line if selection.side == "home" else -line


def _total(case: Case) -> Sequence[Became]:
    score = case.score()
    return _over_under(case, score.total, counts=case.counts(score))


def _team_total(case: Case) -> Sequence[Became]:
    score, subject = case.score(), case.market.subject
    points = {case.event.home: score.home, case.event.away: score.away}
    if subject is None or subject.name not in points:
        raise Refused("not_gradable", f"{case.market.id}: it is not about one of the teams")
    return _over_under(case, points[subject.name], counts=case.counts(score))


def _both_score(case: Case) -> Sequence[Became]:
    score = case.score()
    both = min(score.home, score.away) > 0
    if not both and not case.counts(score):
        return _all(case, VOID)
    return _yes_no(case, yes=both)


def _player(case: Case) -> Sequence[Became]:
    player = _subject(case)
    if not player.played:
        return _all(case, VOID)
    counts = case.entered.state == "final" or case.rule.is_official(_played(case), home_leads=False)
    return _over_under(case, _stat(case, player, case.rule.stat or case.market.type), counts=counts)


def _player_does(case: Case) -> Sequence[Became]:
    player = _subject(case)
    if not player.played:
        return _all(case, VOID)
    done = _stat(case, player, case.rule.stat or case.market.type) >= case.rule.at_least
    counts = case.entered.state == "final" or case.rule.is_official(_played(case), home_leads=False)
    return _yes_no(case, yes=True) if done else _all(case, VOID) if not counts else _yes_no(case, yes=False)


def _played(case: Case) -> Decimal | None:
    return None if case.entered.played is None else Decimal(case.entered.played)


def _subject(case: Case) -> Player:
    subject = case.market.subject
    player = None if subject is None else case.entered.players.get(subject.id)
    if subject is None or player is None:
        whom = case.market.id if subject is None else f"{subject.name} ({subject.id})"
        raise Refused("player_missing", f"nothing was entered of {whom}: say played = false of who did not play")
    return player


def _stat(case: Case, player: Player, name: str) -> int:
    if name not in player.stats:
        raise Refused("stat_missing", f"{name} is missing of the player that {case.market.id} is about")
    return player.stats[name]


def _over_under(case: Case, number: int, *, counts: bool) -> Sequence[Became]:
    """A number that only rises: broken off, what it has passed already is decided, the rest is refunded."""
    over = against_line(number - _line(case.market))
    if not counts and over != WON:
        return _all(case, VOID)
    by_side = {"over": over, "under": against_line(_line(case.market) - number)}
    sides = [_side(selection) for selection in case.market.selections]
    if not by_side.keys() >= set(sides):
        raise Refused("not_gradable", f"{case.market.id}: its selections are not over and under")
    return [by_side[side] for side in sides]


def _yes_no(case: Case, *, yes: bool) -> Sequence[Became]:
    won = "yes" if yes else "no"
    sides = [_side(selection) for selection in case.market.selections]
    if not set(sides) <= {"yes", "no"}:
        raise Refused("not_gradable", f"{case.market.id}: its selections are not yes and no")
    return [WON if side == won else LOST for side in sides]


def _places(case: Case) -> Sequence[Became]:
    """Who shares the last places that are paid shares what they pay. Named must be at least as many as are paid."""
    left, shared = case.rule.winners, {}
    for tied in case.entered.places:
        for one in tied:
            shared[one] = dead_heat(left, len(tied))
        left -= len(tied)
    if left > 0:
        raise Refused("places_missing", f"{case.rule.winners} places are paid, and {left} are not taken")
    withdrawn = VOID if case.rule.withdrawn == "void" else LOST
    never = dict.fromkeys(case.entered.withdrawn, withdrawn)
    named = shared | never
    known = {word for selection in case.market.selections for word in (selection.id, selection.name)}
    strangers = [one for one in named if one not in known]
    if strangers:
        raise Refused("unknown_selection", f"{case.market.id} has no {strangers[0]}")
    return [named.get(one.id) or named.get(one.name) or LOST for one in case.market.selections]


def _line(market: Market) -> Decimal:
    if market.line is None:
        raise Refused("not_gradable", f"{market.id} has no line")
    return Decimal(market.line)


def _side(selection: Selection) -> str:
    return selection.side or ""


def _all(case: Case, became: Became) -> Sequence[Became]:
    return [became] * len(case.market.selections)


_SHAPELESS: Final = frozenset(("places", "player", "player_does"))

_METHODS: Final[Mapping[Method, Callable[[Case], Sequence[Became]]]] = {
    "winner": _winner,
    "parts_won": _parts_won,
    "margin": _margin,
    "total": _total,
    "team_total": _team_total,
    "both_score": _both_score,
    "player": _player,
    "player_does": _player_does,
    "places": _places,
}
