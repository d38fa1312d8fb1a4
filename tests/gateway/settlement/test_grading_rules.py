"""Own results graded: dead heats and futures against examples of house rules that were read, that what was not entered
is never guessed, and that rules are dated."""

from __future__ import annotations

import datetime
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from feeds.contract.model import Market, Selection
from feeds.providers.simulator.spec import ROTATION
from gateway.settlement.grading.entered import Entered
from gateway.settlement.grading.grade import grade
from gateway.settlement.grading.rules import HouseRules, Rule, Source, SportRules
from tests.gateway.settlement.graded import NFL, RULES, TS, became, final, game, market, pays, played, prop, soccer


def outright(*names: str) -> Market:
    selections = tuple(Selection(f"O{place}", name) for place, name in enumerate(names))
    return Market("M1", "E1", "t", "future", "outright_winner", "season", "s", TS, "closed", selections)


RUNNERS = ("Ann", "Bob", "Cem", "Dia", "Eve")


@pytest.mark.parametrize(
    ("places", "selection", "stake", "price", "paid"),
    [
        # BETDAQ: three dead heat for first, 60 at 6.0 is 120. DraftKings: two tie, 50 at 2.5 is 62.50.
        ((("Ann", "Bob", "Cem"),), "O0", 60, "6", Fraction(120)),
        ((("Ann", "Bob"),), "O1", 50, "2.5", Fraction("62.5")),
        # Betfair: 10 at 10/1, two winners 55; three 36.66.
        ((("Ann", "Bob"),), "O0", 10, "11", Fraction(55)),
        ((("Ann", "Bob", "Cem"),), "O2", 10, "11", Fraction(110, 3)),
        # Picklebet: 100 at 5.00, two tied 250.
        ((("Cem", "Dia"),), "O2", 100, "5", Fraction(250)),
        # One winner, by id; who comes second has lost.
        ((("O3",), ("Bob", "Cem")), "O3", 10, "4", Fraction(40)),
        ((("O3",), ("Bob", "Cem")), "O1", 10, "4", Fraction(0)),
    ],
)
def test_dead_heats(
    places: tuple[tuple[str, ...], ...], selection: str, stake: int, price: str, paid: Fraction
) -> None:
    said = became("football", outright(*RUNNERS), Entered("final", places=places))
    assert pays(said[selection], stake, price) == paid


def test_futures_are_all_in() -> None:
    """Bodog, tennis 5: all wagers have action, compete or not."""
    said = became("tennis", outright(*RUNNERS), Entered("final", places=(("Ann",),), withdrawn=("Eve",)))
    assert [pays(said[f"O{place}"], 1, "2") for place in (0, 4)] == [2, 0]


NOTHING: Entered = Entered("final")


@pytest.mark.parametrize(
    ("sport", "about", "entered", "code"),
    [
        ("football", market("moneyline", "home", "away"), NOTHING, "score_missing"),
        ("football", market("moneyline", "home", "away", period="q9"), final(**NFL), "score_missing"),
        ("football", market("moneyline", "home", "away"), final(**NFL, game=(1, 0)), "score_contradicts"),
        ("football", prop("receptions", "over", "under", line="3.5"), NOTHING, "player_missing"),
        ("football", prop("receptions", "over", "under", line="3.5"), played(targets=4), "stat_missing"),
        ("football", market("spread", "home", "away"), final(**NFL), "not_gradable"),
        ("football", market("spread", "home", "away", line="0.1"), final(**NFL), "bad_line"),
        ("football", market("total", "home", "away", line="3.5"), final(**NFL), "not_gradable"),
        ("football", market("moneyline", "yes", "no"), final(**NFL), "not_gradable"),
        ("football", market("team_total", "over", "under", line="3.5"), final(**NFL), "not_gradable"),
        ("football", market("correct_score", "home", cls="special"), final(**NFL), "no_rule"),
        ("chess", market("moneyline", "home", "away"), final(game=(1, 0)), "no_rule"),
        ("football", outright(*RUNNERS), NOTHING, "places_missing"),
        ("football", outright(*RUNNERS), Entered("final", places=(("Zoe",),)), "unknown_selection"),
    ],
)
def test_what_is_not_known_is_refused(sport: str, about: Market, entered: Entered, code: str) -> None:
    with pytest.raises(Refused) as refused:
        grade(about, game(sport), entered, RULES, ts=TS)
    assert refused.value.code == code


def test_every_market_of_the_simulator_has_a_rule() -> None:
    for sport in {league.sport.slug: league.sport for league in ROTATION}.values():
        names = [sport.winner, *(lines.type for lines in (*sport.lines, *sport.team_totals))]
        for name in names:
            assert RULES.rule(sport.slug, name, "main", on=_DAY).types
        for one in sport.props:
            yes_no = not one.high
            assert RULES.rule(sport.slug, one.type, "prop", on=_DAY).method == ("player_does" if yes_no else "player")
        assert RULES.rule(sport.slug, "outright_winner", "future", on=_DAY).method == "places"


_DAY = RULES.sports["football"].reviewed

_points = st.integers(0, 60)


@given(home=_points, away=_points, quarters=st.integers(-240, 240))
def test_both_sides_of_a_line_are_one_stake(home: int, away: int, quarters: int) -> None:
    """What one side loses the other wins, whatever the line: at evens both together are paid what both have staked."""
    line = str(quarters / 4)
    said = became("soccer", market("handicap", "home", "away", line=line), soccer(home, away))
    assert pays(said["home"], 4, "2") + pays(said["away"], 4, "2") == 8


@given(tied=st.integers(1, 30))
def test_a_dead_heat_pays_one_winner(tied: int) -> None:
    names = tuple(f"N{number}" for number in range(tied + 2))
    said = became("football", outright(*names), Entered("final", places=(names[:tied],)))
    assert sum(pays(one, 1, "1") for one in said.values()) == 1


def test_rules_are_dated() -> None:
    """A rule that changes leaves the old one standing for the days before."""
    old, new = ({"id": name, "types": ["total"], "method": "total", "sources": ["s"], "text": name} for name in "ab")
    rules = msgspec.convert([old | {"until": "2026-06-30"}, new | {"from": "2026-07-01"}], tuple[Rule, ...])
    source = Source("s", "a book", _DAY, "https://example.com")
    dated = HouseRules({"chess": SportRules("chess", _DAY, (source,), rules)}, version="1")
    found = [dated.rule("chess", "total", "main", on=datetime.date(2026, month, 1)).id for month in (6, 7)]
    assert found == ["a", "b"]
