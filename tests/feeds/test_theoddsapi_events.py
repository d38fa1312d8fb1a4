"""The Odds API: when an event begins, what its scores say, and how it ends."""

from __future__ import annotations

from feeds.contract.model import Event, Market, Score
from feeds.providers.theoddsapi.mapping import FORGOTTEN_AFTER_MS
from tests.feeds.theoddsapi_answers import (
    START_MS,
    Told,
    event,
    h2h,
    score,
)


def test_an_event_begins_by_its_time_and_may_be_put_off() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1)))
    assert told.passed(START_MS - 1) == []
    told.passed(START_MS)
    assert (told.event().state, told.market().live) == ("live", True)
    told.listed(event(h2h(1.8, 2.1), commence_time="2026-09-21T18:00:00Z"), now_ms=START_MS + 1)
    assert (told.event().state, told.market().live, told.event().start) == ("upcoming", False, "2026-09-21T18:00:00Z")


def test_a_score_makes_an_event_live_and_completed_ends_it() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1)))
    told.scores(score(7, 3))
    assert (told.event().state, told.event().score) == ("live", Score(7, 3))
    ended, last = told.scores(score(21, 3, completed=True))
    assert isinstance(ended, Market)
    assert isinstance(last, Event)
    assert (ended.st, ended.gone, ended.replaced_by) == ("closed", True, None)
    assert (last.state, last.score) == ("ended", Score(21, 3))
    assert told.listed(event(h2h(1.8, 2.1))) == []
    assert told.scores(score(21, 3, completed=True)) == []


def test_a_score_that_is_no_number_is_none() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1)))
    assert told.scores(score("120/3", "-")) == []


def test_what_the_log_holds_of_an_event_that_ended_is_closed() -> None:
    told, again = Told(), Told()
    told.listed(event(h2h(1.8, 2.1)))
    held = told.market()
    assert again.translator.absent(held, 5).st == "suspended"
    assert again.scores(score(21, 3, completed=True)) == []
    gone = again.translator.absent(held, 5)
    assert (gone.st, gone.gone) == ("closed", True)


def test_an_event_nobody_mentions_any_more_ends() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1)))
    told.listed()
    assert told.passed(START_MS + FORGOTTEN_AFTER_MS) != []
    assert told.event().state == "live"
    told.passed(START_MS + FORGOTTEN_AFTER_MS + 1)
    assert told.event().state == "ended"
    assert told.markets() == []


def test_an_event_that_ended_late_does_not_come_back() -> None:
    told = Told()
    late_ms = START_MS + FORGOTTEN_AFTER_MS + 1
    told.listed(event(h2h(1.8, 2.1)), now_ms=late_ms)
    told.scores(score(21, 3, completed=True), now_ms=late_ms)
    assert told.passed(late_ms + 1) == []
    assert told.listed(event(h2h(1.8, 2.1)), now_ms=late_ms + 2) == []
