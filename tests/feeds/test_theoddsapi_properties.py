"""Any sequence of snapshots ends as its last one is; what that lacks is suspended, and nothing fixed ever changes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from feeds.contract.model import Event, Market, Selection
from feeds.ports import State
from tests.feeds.theoddsapi_answers import (
    AWAY,
    BEFORE_MS,
    HOME,
    Told,
    event,
    h2h,
    market,
    outcome,
    score,
    spread,
    total,
)

_POINTS = st.sampled_from([-3.5, -2.5, 0, 2.5])
_LINES = st.lists(st.sampled_from([44.5, 45, 46.5]), min_size=1, max_size=3, unique=True)
_PRICES = st.sampled_from([1.5, 1.91, 2.4, 0, 9999])
_PLAYERS = st.lists(st.sampled_from(["A B", "C D"]), max_size=2, unique=True)
_EVENTS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True)


@st.composite
def _markets(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = [
        h2h(draw(_PRICES), draw(_PRICES)),
        market("h2h", outcome(HOME, 2), outcome(AWAY, 3), outcome("Draw", 4)),
        market("h2h_lay", outcome(HOME, draw(_PRICES))),
        spread(draw(_POINTS)),
        market("spreads", outcome(HOME, 2, draw(_POINTS))),
        total(*draw(_LINES)),
    ]
    chosen = draw(st.lists(st.sampled_from(made), max_size=4))
    return list({each["key"]: each for each in chosen}.values())


@st.composite
def _apart(draw: st.DrawFn) -> list[dict[str, Any]]:
    players = draw(_PLAYERS)
    lines = draw(_LINES)
    made = [
        total(*lines, key="alternate_totals"),
        market("player_points", *(outcome("Over", draw(_PRICES), line, who) for who in players for line in lines[:2])),
        market("player_anytime_td", *(outcome("Yes", draw(_PRICES), None, who) for who in players)),
    ]
    chosen = draw(st.lists(st.sampled_from(made), max_size=3))
    return list({each["key"]: each for each in chosen}.values())


@st.composite
def _answers(draw: st.DrawFn) -> list[tuple[str, Any]]:
    answers: list[tuple[str, Any]] = []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.booleans()):
            answers.append(("one", event(*draw(_apart()), event_id=draw(st.sampled_from(["a", "b"])))))
        answers.append(("list", [event(*draw(_markets()), event_id=each) for each in draw(_EVENTS)]))
    return answers


def _play(answers: list[tuple[str, Any]], told: Told) -> None:
    for kind, answer in answers:
        states = told.one(answer) if kind == "one" else told.listed(*answer)
        again = told.one(answer) if kind == "one" else told.listed(*answer)
        assert again == []
        assert len({state.id for state in states}) == len(states)


def _plain(found: Market) -> Market:
    """What of a market does not depend on what came before it."""
    offered = tuple(each for each in found.selections if each.st == "open")
    return replace(found, selections=offered, ts=0, replaces=None)


def _open(told: Told) -> dict[str, Market]:
    return {each.id: _plain(each) for each in told.markets(st="open")}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_answers())
def test_it_ends_as_the_last_snapshot_is(answers: list[tuple[str, Any]]) -> None:
    told, fresh = Told(), Told()
    _play(answers, told)
    last = answers[-1][1]
    listed = {each["id"] for each in last}
    fresh.listed(*last)
    for each in last:
        apart = [answer for kind, answer in _since_vanished(answers, each["id"]) if kind == "one"]
        if apart:
            fresh.one(apart[-1])
    assert _open(told) == _open(fresh)
    for each in told.markets():
        assert each.st in ("open", "suspended")
        assert (each.st == "suspended") == (each.reason == "not_offered")
    assert {each.id for each in told.translator.events()} == listed


def _since_vanished(answers: list[tuple[str, Any]], event_id: str) -> list[tuple[str, Any]]:
    """The answers about one event since it was last missing from a list."""
    since: list[tuple[str, Any]] = []
    for kind, answer in answers:
        if kind == "list" and event_id not in {each["id"] for each in answer}:
            since = []
        elif kind == "list" or answer["id"] == event_id:
            since.append((kind, answer))
    return since


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_answers(), st.sets(st.sampled_from(["a", "b", "c"])))
def test_states_follow_each_other(answers: list[tuple[str, Any]], completed: set[str]) -> None:
    told = Told()
    held: dict[str, State] = {}
    for now_ms, (kind, answer) in enumerate(answers, start=BEFORE_MS):
        states = told.one(answer, now_ms=now_ms) if kind == "one" else told.listed(*answer, now_ms=now_ms)
        _follow(held, states)
    _follow(held, told.scores(*(score(1, 0, completed=True, event_id=each) for each in sorted(completed))))
    for state in held.values():
        if isinstance(state, Market) and not state.gone:
            of = held[state.event]
            assert isinstance(of, Event)
            assert of.state != "ended"
            assert held[state.id] in told.translator.image()


def _follow(held: dict[str, State], states: list[State]) -> None:
    for state in states:
        before = held.get(state.id)
        if isinstance(state, Market):
            assert state.st != "settled"
            assert state.event in held or any(each.id == state.event for each in states)
            _no_other_of_this_line(held, state)
        if isinstance(before, Market) and isinstance(state, Market):
            fixed = ("event", "cls", "type", "period", "line", "group", "subject", "topic")
            assert [getattr(before, name) for name in fixed] == [getattr(state, name) for name in fixed]
            assert _ids(before.selections) <= _ids(state.selections) or before.gone
        assert before is None or replace(before, ts=state.ts) != state
        held[state.id] = state


def _no_other_of_this_line(held: dict[str, State], state: Market) -> None:
    """Two open markets of a group never have the same line."""
    if state.group is None or state.st != "open":
        return
    for other in held.values():
        if isinstance(other, Market) and other.group == state.group and other.st == "open" and other.id != state.id:
            assert other.line != state.line


def _ids(selections: tuple[Selection, ...]) -> set[str]:
    return {each.id for each in selections}
