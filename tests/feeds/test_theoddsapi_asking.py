"""What is asked when, how the quota stretches it, how the feed is: the pure parts of polling."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feeds.providers.theoddsapi.agenda import JITTER, PAUSE_S_MAX, RETRY_S_MAX, Agenda, Question
from feeds.providers.theoddsapi.budget import (
    INTERVAL_S_MAX,
    Quota,
    Wish,
    read_quota,
    spend_per_s,
    stretch,
    stretched,
    until_reset_s,
)
from feeds.providers.theoddsapi.health import Health
from feeds.providers.theoddsapi.mapping import Listed
from feeds.providers.theoddsapi.plan import Plan
from feeds.providers.theoddsapi.settings import TheOddsApiSettings
from feeds.providers.theoddsapi.tracks import Scope

_NFL = Question("odds", "americanfootball_nfl")
_EPL = Question("odds", "soccer_epl")
_DAY_S = 86_400.0


def _settings(**changes: Any) -> TheOddsApiSettings:
    given_values = {"api_key": "secret-key", "sports": "americanfootball_nfl, soccer_epl", "bookmaker": "acme"}
    return TheOddsApiSettings.model_validate({**given_values, **changes})


def test_a_quota_that_lasts_stretches_nothing() -> None:
    spend = spend_per_s([Wish(3, 30), Wish(2, 60)])
    assert spend == pytest.approx(0.1 + 1 / 30)
    assert stretch(spend, remaining=100_000, reserve=0, until_reset_s=_DAY_S) == 1
    assert stretch(spend, remaining=None, reserve=0, until_reset_s=_DAY_S) == 1


def test_a_quota_that_does_not_last_stretches_everything_alike() -> None:
    factor = stretch(0.1, remaining=5_320, reserve=1_000, until_reset_s=_DAY_S)
    assert factor == pytest.approx(2.0)
    assert (stretched(30, factor), stretched(5, factor)) == (60, 10)


def test_nothing_left_is_the_longest_interval() -> None:
    factor = stretch(0.1, remaining=10, reserve=10, until_reset_s=_DAY_S)
    assert stretched(30, factor) == INTERVAL_S_MAX
    assert stretched(2 * INTERVAL_S_MAX, 1.0) == 2 * INTERVAL_S_MAX


@given(
    st.lists(st.tuples(st.floats(0.5, 30), st.floats(1, 600)), min_size=1, max_size=20),
    st.integers(1, 1_000_000),
    st.floats(3_600, 31 * _DAY_S),
)
def test_what_remains_is_never_overspent(wishes: list[tuple[float, float]], remaining: int, until_s: float) -> None:
    spend = spend_per_s(Wish(*wish) for wish in wishes)
    factor = stretch(spend, remaining=remaining, reserve=0, until_reset_s=until_s)
    assert factor >= 1
    spent = sum(cost / (interval_s * factor) for cost, interval_s in wishes) * until_s
    assert spent <= remaining * 1.000_001 or factor == 1
    assert spent <= remaining * 1.000_001


def test_the_quota_begins_anew_on_the_first_of_a_month() -> None:
    assert until_reset_s(1_798_761_600 - 10) == 10  # 2026-12-31T23:59:50Z
    assert until_reset_s(1_798_761_600) == 31 * _DAY_S


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        ({"x-requests-remaining": "480", "x-requests-used": "20", "x-requests-last": "3"}, Quota(480, 20, 3)),
        ({"x-requests-remaining": "480.0"}, Quota(480)),
        ({"x-requests-remaining": "-1", "x-requests-last": "many"}, Quota()),
        ({"x-requests-remaining": "9" * 5_000}, Quota()),
        ({}, Quota()),
    ],
)
def test_quota_headers(headers: dict[str, str], quota: Quota) -> None:
    assert read_quota(headers) == quota


def _agenda(*questions: Question) -> Agenda:
    agenda = Agenda(Random(1))
    agenda.ask(questions, 0.0)
    return agenda


def test_a_question_is_asked_again_an_interval_after_its_answer() -> None:
    agenda = _agenda(_NFL)
    assert agenda.take(0.0, 4) == [_NFL]
    assert agenda.take(100.0, 4) == []
    agenda.answered(_NFL, 1.0, 10.0)
    due_s = agenda.next_s(4)
    assert 1 + 10 * (1 - JITTER) <= due_s <= 1 + 10 * (1 + JITTER)
    assert agenda.take(due_s - 0.01, 4) == []
    assert agenda.take(due_s, 4) == [_NFL]


def test_at_most_so_many_are_asked_at_once() -> None:
    agenda = _agenda(_NFL, _EPL)
    (first,) = agenda.take(0.0, 1)
    assert agenda.take(0.0, 1) == []
    assert agenda.next_s(1) == float("inf")
    agenda.answered(first, 0.0, 10.0)
    assert len(agenda.take(0.0, 1)) == 1


def test_failures_pause_longer_and_longer_but_not_beyond_the_interval() -> None:
    agenda = _agenda(_NFL)
    now_s = 0.0
    pauses = []
    for _ in range(12):
        agenda.take(now_s, 1)
        agenda.failed(_NFL, now_s, 500.0)
        pauses.append(agenda.next_s(1) - now_s)
        now_s = agenda.next_s(1)
    assert pauses[0] < 2
    assert pauses[3] > pauses[0]
    assert max(pauses) <= RETRY_S_MAX * (1 + JITTER)
    agenda.take(now_s, 1)
    agenda.failed(_NFL, now_s, 3.0)
    assert agenda.next_s(1) - now_s <= 3 * (1 + JITTER)


def test_a_pause_holds_everything() -> None:
    agenda = _agenda(_NFL, _EPL)
    agenda.pause(0.0, 30.0)
    assert agenda.take(29.9, 4) == []
    assert agenda.next_s(4) == 30.0
    assert len(agenda.take(30.0, 4)) == 2
    agenda.pause(30.0, 1e9)
    assert agenda.next_s(4) == float("inf")
    agenda.answered(_NFL, 30.0, 1.0)
    assert agenda.next_s(4) == 30.0 + PAUSE_S_MAX


def test_what_is_not_wanted_any_more_is_forgotten() -> None:
    agenda = _agenda(_NFL, _EPL)
    agenda.take(0.0, 4)
    agenda.ask([_EPL], 0.0)
    assert not agenda.wants(_NFL)
    agenda.answered(_NFL, 0.0, 1.0)
    agenda.answered(_EPL, 0.0, 1.0)
    assert agenda.take(100.0, 4) == [_EPL]


def test_a_shorter_interval_holds_at_once() -> None:
    agenda = _agenda(_NFL)
    agenda.take(0.0, 1)
    agenda.answered(_NFL, 0.0, 600.0)
    agenda.hasten({_NFL: 5.0, _EPL: 5.0}, 10.0)
    assert agenda.next_s(1) == pytest.approx(10 + 5 * (1 + JITTER))


def _health() -> Health:
    return Health(["a", "b"], failures_max=3, stale_s=60, down_s=300, now_s=0.0)


def test_live_when_every_sport_has_answered() -> None:
    health = _health()
    assert health.state(0) == "recovering"
    health.good("a", 1)
    assert health.state(1) == "recovering"
    health.good("b", 2)
    assert health.state(2) == "live"


def test_silence_is_recovering_then_down_and_ends_with_an_answer_of_all() -> None:
    health = _health()
    for sport in "ab":
        health.good(sport, 0)
    assert health.state(60) == "live"
    health.good("a", 60)
    assert health.state(61) == "recovering"
    assert health.state(300) == "recovering"
    assert health.state(301) == "down"
    health.good("b", 302)
    assert health.state(302) == "recovering"
    health.good("a", 303)
    assert health.state(303) == "live"


def test_failures_in_a_row_are_recovering() -> None:
    health = _health()
    for sport in "ab":
        health.good(sport, 0)
    assert health.state(0) == "live"
    health.failed("a")
    health.failed("b")
    health.failed("a")
    assert health.state(1) == "live"
    health.failed("a")
    assert health.state(1) == "recovering"
    health.good("a", 2)
    assert health.state(2) == "recovering"
    health.good("b", 3)
    assert health.state(3) == "live"


def test_never_answered_is_down_at_last() -> None:
    assert _health().state(301) == "down"


def test_questions_by_what_is_on_offer() -> None:
    plan = Plan(_settings(event_markets="player_points,alternate_totals", event_horizon_s=3_600))
    soon, late = Listed("e1", "soccer_epl", 1_000, started=True), Listed("e2", "soccer_epl", 10_000_000, started=False)
    questions = plan.questions([soon, late], 0)
    event = Question("event", "soccer_epl", "e1")
    assert set(questions) == {_NFL, _EPL, Question("scores", _NFL.sport), Question("scores", _EPL.sport), event}
    assert plan.interval_s(_EPL) < plan.interval_s(_NFL)
    assert plan.interval_s(event) < plan.interval_s(Question("event", "soccer_epl", "e2"))
    assert plan.path(event) == "/v4/sports/soccer_epl/events/e1/odds"
    assert plan.parameters(event)["markets"] == "player_points,alternate_totals"
    assert plan.scope(event) == Scope("soccer_epl", "e1", frozenset({"player_points", "alternate_totals"}))
    assert plan.scope(_EPL).covers("h2h_lay")
    assert not plan.scope(_EPL).covers("alternate_totals")


def test_a_season_is_asked_for_outrights_alone() -> None:
    season = "americanfootball_nfl_super_bowl_winner"
    plan = Plan(_settings(sports=season, event_markets="player_points"))
    (question,) = plan.questions([Listed("e", season, 0, started=False)], 0)
    assert plan.parameters(question)["markets"] == "outrights"


def test_what_answers_cost_is_learned() -> None:
    plan = Plan(_settings())
    before = plan.wish(_NFL).cost
    plan.cost(_NFL, None)
    assert plan.wish(_NFL).cost == before == 3
    for _ in range(50):
        plan.cost(_NFL, 6)
    assert plan.wish(_NFL).cost == pytest.approx(6, abs=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"sports": "upcoming"},
        {"sports": "a/b"},
        {"markets": "h2h,é"},
        {"odds_format": "fractional"},
        {"interval_s": 0},
        {"interval_s": 600},
        {"stale_s": 400},
        {"url": "https://host/path"},
        {"markets": ",".join(f"k{number}" for number in range(200))},
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _settings(**changes)


def test_the_key_is_not_shown() -> None:
    assert "secret-key" not in repr(_settings())
