"""Messages to markets, events and results: what each message does to what is published."""

from __future__ import annotations

from typing import Any

import pytest

from feeds.contract.model import Market, Score, Subject
from feeds.contract.results import NONE, WHOLE, SelectionResult, Share
from feeds.mapping import MappingTable, MarketKey, Names
from feeds.providers.sportradar.directory import Want
from feeds.providers.sportradar.settlements import shares
from feeds.providers.sportradar.spec import SettledOutcome
from tests.feeds.sportradar_feed import UofFeed
from tests.feeds.uof_messages import (
    EVENT,
    FIXTURE,
    PLAYER,
    T,
    market,
    message,
    odds,
    settled,
    settlement,
    state,
    translator,
)

_ONE_X_TWO = {"1": "2.1", "2": "3.4", "3": "3.6"}
_TOTAL = {"12": "1.9", "13": "1.95"}


def _st(feed: UofFeed, market_type: str) -> tuple[str, str | None, bool]:
    (found,) = [one for one in feed.markets.values() if one.type == market_type and not one.replaced_by]
    return found.st, found.reason, found.gone


def test_a_match_and_its_result_market() -> None:
    feed = UofFeed()
    (published,) = feed.say(odds(market(1, "", _ONE_X_TWO, favourite=1), status=state(1, 2, 1)))
    assert (published.cls, published.type, published.period, published.st, published.live) == (
        "main",
        "match_result",
        "game",
        "open",
        True,
    )
    assert [(one.name, one.side, one.price.milli) for one in published.selections if one.price] == [
        ("Ayton", "home", 2100),
        ("Draw", "draw", 3400),
        ("Beeham", "away", 3600),
    ]
    event = feed.event
    assert event is not None
    assert (event.name, event.sport, event.league, event.state) == (
        "Ayton v Beeham",
        "soccer",
        "premier_league",
        "live",
    )
    assert (event.start, event.score) == ("2030-03-17T15:00:00Z", Score(2, 1))
    assert published.topic == event.topic


def test_a_market_that_is_not_listed_is_unchanged_and_a_listed_one_is_replaced() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO), market(18, "total=2.5", _TOTAL)))
    (changed,) = feed.say(odds(market(1, "", {"1": "2.2", "2": ""}), at=1))
    assert [(one.side, one.st, one.price and one.price.milli) for one in changed.selections] == [
        ("home", "open", 2200),
        ("draw", "inactive", None),
    ]
    assert _st(feed, "total") == ("open", None, False)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (1, ("open", None, False)),
        (-1, ("suspended", None, False)),
        (0, ("inactive", None, False)),
        (-2, ("suspended", "handed_over", False)),
        (-3, ("settled", None, True)),
        (-4, ("void", None, True)),
    ],
)
def test_statuses_without_outcomes_keep_the_last_odds(status: int, expected: tuple[str, str | None, bool]) -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO)), odds(market(1, status=status), at=1))
    assert _st(feed, "match_result") == expected
    feed.say(odds(market(1), at=2))
    assert _st(feed, "match_result")[0] == ("open" if status > -3 else expected[0])


def test_types_periods_lines_and_subjects() -> None:
    feed = UofFeed()
    feed.learn(PLAYER)
    published = feed.say(
        odds(
            market(16, "hcp=-0.5", {"1714": "1.9", "1715": "1.95"}, favourite=1),
            market(19, "total=1.5", _TOTAL, favourite=1),
            market(236, "quarternr=2|total=40.5", _TOTAL, favourite=1),
            market(914, "total=250.5|player=sr:player:7", _TOTAL),
            market(166, "total=9.5", _TOTAL),
            market(4711, "", {"1": "2"}),
        )
    )
    told = [(one.cls, one.type, one.period, one.line, one.subject) for one in published]
    assert told == [
        ("main", "spread", "game", "-0.5", None),
        ("prop", "team_total", "game", "1.5", Subject("team", "ayton", "Ayton")),
        ("main", "total", "q2", "40.5", None),
        ("prop", "passing_yards", "game", "250.5", Subject("player", "sam_roe", "Sam Roe")),
        ("special", "total_corners", "game", "9.5", None),
        ("special", "market_4711", "game", None, None),
    ]
    spread = published[0].selections
    assert [(one.name, one.side, one.line) for one in spread] == [
        ("Ayton (-0.5)", "home", "-0.5"),
        ("Beeham (+0.5)", "away", "0.5"),
    ]


def test_the_order_of_specifiers_does_not_matter() -> None:
    feed = UofFeed()
    feed.learn(PLAYER)
    feed.say(odds(market(914, "total=250.5|player=sr:player:7", _TOTAL)))
    feed.say(odds(market(914, "player=sr:player:7|total=250.5", status=-1), at=1))
    assert len(feed.markets) == 1
    assert _st(feed, "passing_yards") == ("suspended", None, False)


def test_the_favourite_is_main_and_a_market_that_changes_class_is_replaced() -> None:
    feed = UofFeed()
    low, high = feed.say(
        odds(market(18, "total=2.5", _TOTAL, favourite=1), market(18, "total=3.5", {"12": "2.5", "13": "1.5"}))
    )
    assert (low.cls, high.cls, low.group) == ("main", "alternate", high.group)
    changed = feed.say(
        odds(market(18, "total=2.5", {"12": "1.5", "13": "2.5"}), market(18, "total=3.5", _TOTAL, favourite=1), at=1)
    )
    gone = {one.id: one for one in changed if one.gone}
    begun = [one for one in changed if not one.gone]
    assert {one.line: one.cls for one in begun} == {"2.5": "alternate", "3.5": "main"}
    assert set(gone) == {low.id, high.id}
    assert {one.replaces: one.id for one in begun} == {one.id: one.replaced_by for one in gone.values()}


def test_without_a_favourite_the_balanced_line_is_main() -> None:
    feed = UofFeed()
    published = feed.say(
        odds(*[market(18, f"total={n}.5", {"12": str(1 + 0.3 * n), "13": str(3.4 - 0.3 * n)}) for n in range(1, 7)])
    )
    assert [one.line for one in published if one.cls == "main"] == ["4.5"]


def test_a_bet_stop_by_groups_suspends_what_is_active_until_newer_odds() -> None:
    feed = UofFeed()
    feed.say(
        odds(market(1, "", _ONE_X_TWO), market(166, "total=9.5", _TOTAL), market(18, "total=2.5", _TOTAL, status=0))
    )
    feed.say(message("bet_stop", groups="score", at=2))
    assert _st(feed, "match_result") == ("suspended", "bet_stop", False)
    assert _st(feed, "total_corners") == ("open", None, False)
    assert _st(feed, "total") == ("inactive", None, False)
    assert feed.say(odds(market(1, "", _ONE_X_TWO), at=1)) == []
    feed.say(odds(market(1, "", _ONE_X_TWO), at=3))
    assert _st(feed, "match_result") == ("open", None, False)
    feed.say(message("bet_stop", groups="all", at=4, market_status=0))
    assert _st(feed, "match_result")[0] == "inactive"


def test_messages_of_another_producer_change_nothing() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO)))
    assert feed.say(message("bet_stop", groups="all", at=1, product=3)) == []


def test_a_settled_line_stays_settled_until_it_is_rolled_back() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO)))
    results = {"1": 'result="1"', "2": 'result="0"', "3": 'result="0"'}
    feed.say(settlement(settled(1, "", results), at=2))
    assert _st(feed, "match_result") == ("settled", None, True)
    assert feed.say(odds(market(1, "", {"1": "9"}), at=5), message("bet_stop", groups="all", at=6)) == []
    feed.say(message("rollback_bet_settlement", market(1), at=7))
    assert _st(feed, "match_result")[0] == "suspended"
    feed.say(odds(market(1, "", _ONE_X_TWO), at=8))
    assert _st(feed, "match_result") == ("open", None, False)
    assert [(one.kind, one.ts) for one in feed.results] == [("settled", T + 2), ("rollback", T + 7)]
    (published,) = feed.markets.values()
    assert feed.results[0].market == published.id
    assert [one.w for one in feed.results[0].selections] == [WHOLE, NONE, NONE]
    assert [one.id for one in feed.results[0].selections] == [one.id for one in published.selections]


def test_a_rollback_that_comes_before_what_it_takes_back() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO)), message("rollback_bet_settlement", market(1), at=9))
    feed.say(settlement(settled(1, "", {"1": 'result="1"'}), at=5))
    assert _st(feed, "match_result") == ("suspended", "rollback", False)


def test_a_second_certainty_confirms_and_a_duplicate_is_told_once() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO)))
    scouted = settlement(settled(1, "", {"1": 'result="1"'}), at=2, certainty=1)
    assert len(feed.say(scouted)) == 1
    assert feed.say(scouted, settlement(settled(1, "", {"1": 'result="1"'}), at=3), scouted) == []
    assert [(one.certainty, one.ts) for one in feed.results] == [(1, T + 2), (2, T + 3)]


def test_undecided_outcomes_leave_the_market_open() -> None:
    feed = UofFeed()
    feed.say(odds(market(40, "", {"sr:player:7": "3", "sr:player:8": "4"})))
    feed.learn(PLAYER)
    feed.take(feed.translator.give_up(Want("player", "sr:player:8"), T + 9))
    feed.say(
        settlement(settled(40, "", {"sr:player:7": 'result="1"', "sr:player:8": 'result="-1"'}), at=2, certainty=1)
    )
    (published,) = feed.markets.values()
    assert published.st == "open"
    assert [(one.name, one.st) for one in published.selections] == [("Sam Roe", "settled"), ("Player 8", "open")]
    assert len(feed.results[0].selections) == 1


@pytest.mark.parametrize(
    ("result", "void", "dead_heat", "expected"),
    [
        (1, None, None, (WHOLE, NONE, WHOLE)),
        (0, None, None, (NONE, NONE, WHOLE)),
        (0, "1", None, (NONE, WHOLE, WHOLE)),
        (1, "0.5", None, (Share(1, 2), Share(1, 2), WHOLE)),
        (0, "0.50", None, (NONE, Share(1, 2), WHOLE)),
        (1, None, "0.5", (WHOLE, NONE, Share(1, 2))),
        (1, None, "0.3333", (WHOLE, NONE, Share(1, 3))),
        (1, None, "0.125", (WHOLE, NONE, Share(1, 8))),
        (1, "5e-1", "1e-99", (Share(1, 2), Share(1, 2), NONE)),
        (-1, None, None, None),
    ],
)
def test_exact_fractions(result: int, void: str | None, dead_heat: str | None, expected: Any) -> None:
    assert shares(SettledOutcome("1", result, void, dead_heat)) == expected


def test_cancellations() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO)))
    assert feed.say(message("bet_cancel", market(1, void_reason=12), at=2, start_time=1, end_time=5)) == []
    feed.say(message("bet_cancel", market(1), at=3))
    assert _st(feed, "match_result") == ("void", None, True)
    assert feed.say(odds(market(1, "", _ONE_X_TWO), at=4)) == []
    feed.say(message("rollback_bet_cancel", market(1), at=5))
    assert _st(feed, "match_result") == ("suspended", "rollback", False)
    feed.say(message("rollback_bet_cancel", market(1), at=6, start_time=1, end_time=5))
    assert [(one.kind, one.from_ms, one.to_ms, one.reason) for one in feed.results] == [
        ("cancelled", 1, 5, "void_12"),
        ("cancelled", None, None, None),
        ("rollback_cancel", None, None, None),
        ("rollback_cancel", 1, 5, None),
    ]


def test_a_result_of_a_line_never_offered_is_told_for_every_class_it_might_have_had() -> None:
    feed = UofFeed()
    feed.say(settlement(settled(18, "total=2.5", {"12": 'result="1"', "13": 'result="0"'}), at=1))
    assert {one.kind for one in feed.results} == {"settled"}
    assert len({one.market for one in feed.results}) == 1
    (published,) = feed.markets.values()
    assert (published.st, published.gone) == ("settled", True)


def test_nothing_is_published_before_the_fixture_is_known() -> None:
    feed = UofFeed(translator(fixture=False))
    assert feed.say(odds(market(1, "", _ONE_X_TWO)), settlement(settled(1, "", {"1": 'result="1"'}), at=1)) == []
    assert feed.results == []
    assert list(feed.translator.directory.wanted) == [Want("fixture", EVENT)]
    (published,) = feed.learn(FIXTURE)
    assert published.st == "settled"
    assert [one.kind for one in feed.results] == ["settled"]
    assert not feed.translator.directory.wanted


def test_names_that_cannot_be_had_are_made_up() -> None:
    feed = UofFeed(translator(fixture=False))
    feed.say(odds(market(1, "", _ONE_X_TWO)))
    (published,) = feed.take(feed.translator.give_up(Want("fixture", EVENT), T))
    assert feed.event is not None
    assert (feed.event.name, feed.event.sport, feed.event.start) == (f"Event {EVENT}", "other", "2030-03-17T17:46:40Z")
    assert published.st == "open"


def test_a_variant_is_asked_for() -> None:
    feed = UofFeed()
    published = feed.say(odds(market(21, "variant=sr:exact_goals:2+", {"sr:exact_goals:2+:2": "3"})))
    assert [one.name for one in published[0].selections] == ["1"]
    assert feed.say(odds(market(21, "variant=sr:exact_goals:9+", {"sr:exact_goals:9+:1": "3"}), at=1)) == []
    want = Want("variant", "sr:exact_goals:9+", "21")
    assert want in feed.translator.directory.wanted
    assert [one.selections[0].name for one in feed.take(feed.translator.give_up(want, T))] == ["Sr:exact_goals:9+:1"]


def test_a_match_that_is_over_ends_when_its_markets_have() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO), status=state(1)), odds(status=state(3, 1, 0), at=1))
    assert feed.event_state() == "live"
    feed.say(settlement(settled(1, "", {"1": 'result="1"'}), at=2))
    assert feed.event_state() == "ended"


def test_a_closed_match_takes_its_markets_with_it() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO), status=state(1)), odds(status=state(4), at=1))
    assert feed.event is not None
    assert feed.event.state == "ended"
    assert _st(feed, "match_result") == ("closed", None, True)


def test_a_joined_event_has_ids_from_what_things_mean() -> None:
    joined = MappingTable(events={EVENT: "epl-1"}, teams={"sr:competitor:1": "Ayton FC"})
    feed = UofFeed(translator(mapping=joined))
    main, special = feed.say(odds(market(1, "", _ONE_X_TWO), market(166, "total=9.5", _TOTAL)))
    names = Names("another", MappingTable(events={"x": "epl-1"}))
    identity = names.event("x")
    assert main.id == names.market_id(identity, MarketKey("main", "match_result", "game"))
    assert main.selections[0].id == names.selection_id(identity, main.id, side="home")
    assert main.selections[0].name == "Ayton FC"
    assert special.id != names.market_id(identity, MarketKey("special", "total_corners", "game", "9.5"))


def test_a_whole_recovery_suspends_what_was_not_mentioned_and_restates_the_rest() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO), market(18, "total=2.5", _TOTAL)))
    feed.translator.begin_recovery()
    assert feed.say(odds(market(1, "", _ONE_X_TWO), at=5)) == []
    again = [one for told in feed.translator.recovered(whole=True, now_ms=T + 9) for one in feed.take(told)]
    assert {one.type for one in again} == {"match_result", "total"}
    assert _st(feed, "total") == ("suspended", "not_offered", False)
    assert _st(feed, "match_result") == ("open", None, False)
    feed.say(odds(market(18, "total=2.5", _TOTAL), at=6))
    assert _st(feed, "total") == ("open", None, False)


def test_a_recovery_since_a_time_leaves_what_was_not_mentioned() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO)))
    feed.translator.begin_recovery()
    told = list(feed.translator.recovered(whole=False, now_ms=T + 9))
    assert [one.st for step in told for one in step.states if isinstance(one, Market)] == ["open"]


def test_half_won_reaches_the_result() -> None:
    feed = UofFeed()
    feed.say(odds(market(16, "hcp=-0.25", {"1714": "1.9", "1715": "1.95"})))
    feed.say(settlement(settled(16, "hcp=-0.25", {"1714": 'result="1" void_factor="0.5"'}), at=1))
    (published,) = feed.markets.values()
    assert feed.results[0].selections == (SelectionResult(published.selections[0].id, Share(1, 2), Share(1, 2)),)


def test_a_fixture_that_is_read_again_renames_without_moving() -> None:
    feed = UofFeed()
    feed.say(odds(market(1, "", _ONE_X_TWO), market(18, "total=2.5", _TOTAL, favourite=1)))
    before = dict(feed.markets)
    feed.say(message("fixture_change", at=1, change_type=2))
    assert list(feed.translator.directory.wanted) == [Want("fixture", EVENT)]
    changed = feed.learn(FIXTURE.replace(b"Ayton", b"Ayton Town").replace(b"Premier League", b"Other League"))
    assert [one.selections[0].name for one in changed] == ["Ayton Town"]
    assert feed.event is not None
    assert (feed.event.name, feed.event.league) == ("Ayton Town v Beeham", "premier_league")
    assert set(feed.markets) == set(before)
    assert not feed.translator.directory.wanted


def test_another_producers_fixture_change_or_a_cashout_makes_no_event() -> None:
    feed = UofFeed(translator(fixture=False))
    assert feed.say(message("fixture_change"), message("cashout")) == []
    assert (feed.event, dict(feed.translator.directory.wanted)) == (None, {})
