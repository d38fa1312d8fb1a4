"""The rule matrix: what is allowed where, that unknown is refused, and that every rule names a text that was read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from feeds.contract.model import MARKET_CLASSES
from gateway.location.leagues import Leagues, read_leagues
from gateway.location.refusals import REFUSALS, GeoRefused
from gateway.location.rules import Matrix, Question, Rule, Source, StateRules, When, read_rules

ON = date(2026, 11, 26)
NFL = Question("football", "nfl", "professional", "main", live=False, parlay=False, stake=1_000, own_team=False, age=30)
NCAAF = NFL._replace(league="ncaaf", level="college")


RULES = read_rules()


def verdict(state: str, asked: Question) -> str:
    """The id of the rule that allows it, or the code of the refusal."""
    try:
        return RULES.permit(state, asked, on=ON).id
    except GeoRefused as refusal:
        return refusal.code


NO = "geo_market_not_allowed"


@pytest.mark.parametrize(
    ("state", "asked", "expected"),
    [
        ("US-PA", NFL, "pa-professional"),
        ("US-PA", NFL._replace(cls="prop", live=True, parlay=True), "pa-professional"),
        ("US-PA", NFL._replace(cls="future"), "pa-combinations"),
        ("US-PA", NCAAF._replace(own_team=True), "pa-college"),
        ("US-PA", NCAAF._replace(own_team=None), "pa-college"),
        ("US-PA", NCAAF._replace(cls="prop"), NO),
        ("US-NJ", NFL, "nj-professional"),
        ("US-NJ", NFL._replace(live=True), "nj-professional"),
        ("US-NJ", NFL._replace(cls="prop"), NO),
        ("US-NJ", NFL._replace(parlay=True), NO),
        ("US-NJ", NCAAF._replace(own_team=True), NO),
        ("US-NJ", NCAAF, NO),
        ("US-VA", NCAAF, "va-college"),
        ("US-VA", NCAAF._replace(own_team=True), NO),
        ("US-VA", NCAAF._replace(own_team=None), NO),
        ("US-VA", NCAAF._replace(cls="prop"), NO),
        ("US-VA", NFL._replace(cls="prop", live=True), "va-professional"),
        ("US-TN", NCAAF._replace(own_team=True, live=True), "tn-bets"),
        ("US-TN", NCAAF._replace(cls="prop"), NO),
        ("US-TN", NFL._replace(parlay=True), NO),
        ("US-TN", NFL._replace(cls="future"), "tn-bets"),
        ("US-IA", NCAAF._replace(own_team=True), "ia-authorized"),
        ("US-IA", NFL._replace(live=True), NO),
        ("US-IA", NFL._replace(level="minor"), NO),
        ("US-ME", NFL._replace(cls="prop"), "me-professional"),
        ("US-ME", NCAAF, NO),
        ("US-NY", NFL, "geo_state_not_offered"),
        ("US-CO", NFL, "geo_state_not_offered"),
        ("US-PA", NFL._replace(age=20), "geo_too_young"),
        ("US-PA", NFL._replace(age=None), "geo_too_young"),
        ("US-NJ", NFL._replace(age=20), "geo_too_young"),
        ("US-PA", NFL._replace(level="youth"), NO),
    ],
)
def test_what_is_allowed_where(state: str, asked: Question, expected: str) -> None:
    assert verdict(state, asked) == expected


questions = st.builds(
    Question,
    sport=st.sampled_from(["football", "basketball"]),
    league=st.sampled_from(["nfl", "ncaaf", "else"]),
    level=st.sampled_from(["professional", "college", "minor", "youth", None]),
    cls=st.sampled_from(MARKET_CLASSES),
    live=st.booleans(),
    parlay=st.booleans(),
    stake=st.integers(1, 10**6),
    own_team=st.sampled_from([True, False, None]),
    here=st.sampled_from([True, False, None]),
    age=st.sampled_from([21, None]),
)


@settings(deadline=None)
@given(questions)
def test_knowing_less_never_allows_more(asked: Question) -> None:
    """Whatever unknown fact is learned of what is allowed, it stays allowed; and a level that is unknown never is."""
    for state in RULES.states:
        if verdict(state, asked) in REFUSALS:
            continue
        assert asked.level is not None
        for name in ("own_team", "here"):
            if getattr(asked, name) is None:
                for learned in (True, False):
                    known: dict[str, Any] = {name: learned}
                    assert verdict(state, asked._replace(**known)) not in REFUSALS


def test_every_rule_has_a_source_that_was_read() -> None:
    matrix = RULES
    assert len([state for state in matrix.states if matrix.offers(state)]) >= 5
    for state in matrix.states.values():
        used = set(state.sourced())
        for source in state.source:
            assert source.read <= state.reviewed
            assert source.section
        assert used <= {source.id for source in state.source}


def made(*rules: Rule) -> Matrix:
    source = Source("s", "t", "1", "2026", ON, "https://law.example")
    return Matrix([StateRules("US-XX", "X", ON, (source,), rules)], version="made up")


def test_rules_hold_for_their_days_and_stakes() -> None:
    days = Rule("days", "allow", "s", "t", When(levels=("professional",)), date(2026, 1, 1), date(2026, 12, 31))
    small = Rule("small", "allow", "s", "t", When(levels=("college",), stake_max=500))
    matrix = made(days, small)
    for on, allowed in ((date(2025, 12, 31), False), (date(2026, 1, 1), True), (date(2026, 12, 31), True)):
        if allowed:
            assert matrix.permit("US-XX", NFL, on=on) is days
        else:
            with pytest.raises(GeoRefused):
                matrix.permit("US-XX", NFL, on=on)
    assert matrix.permit("US-XX", NCAAF._replace(stake=500), on=ON) is small
    with pytest.raises(GeoRefused):
        matrix.permit("US-XX", NCAAF._replace(stake=501), on=ON)


def test_leagues_and_teams_are_known_or_unknown() -> None:
    leagues = read_leagues()
    assert (leagues.level("football", "nfl"), leagues.level("football", "ncaaf")) == ("professional", "college")
    assert leagues.level("football", "afl") is None
    assert leagues.own_team("US-NJ", ("Rutgers Scarlet Knights", None)) is True
    assert leagues.own_team("US-NJ", ("Penn State Nittany Lions", "TEMPLE OWLS")) is False
    assert leagues.own_team("US-NJ", ("Penn State Nittany Lions", "Somebody")) is None
    assert leagues.own_team("US-NJ", ()) is None
    with pytest.raises(Refused):
        Leagues({}, {"US-NJ": ("A",), "US-PA": ("a",)})
