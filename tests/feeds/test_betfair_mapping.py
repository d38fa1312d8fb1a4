"""Betfair's markets as ours: prices, statuses, classes, lines, events, and when there is something to publish."""

from __future__ import annotations

import orjson
import pytest

from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market
from feeds.contract.prices import Price
from feeds.contract.subjects import lane_of
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.endings import not_offered
from tests.feeds.betfair_states import NOW, Feed, event_of, handicap, market_of, markets_of
from tests.feeds.betfair_stream import MARKET, change, definition, line, opening, runner


def test_the_price_is_the_best_to_back() -> None:
    states = Feed().states(
        opening({"id": 11, "atb": [[3.0, 5.55], [2.92, 7]], "atl": [[3.1, 1], [3.15, 9]], "ltp": 3.05})
    )
    first, second = market_of(states).selections
    assert (first.price, first.size, first.lay, first.ltp) == (Price(3000, 200), 555, 3100, 3050)
    assert (second.price, second.size, second.lay, second.ltp) == (None, None, None, None)


@pytest.mark.parametrize(("odds", "milli"), [(1.01, 1010), (2.02, 2020), (1.001, 1001), (990, 990_000), (8.6, 8600)])
def test_odds_become_exact_thousandths(odds: float, milli: int) -> None:
    price = market_of(Feed().states(opening({"id": 11, "atb": [[odds, 1]]}))).selections[0].price
    assert price is not None
    assert price.milli == milli


@pytest.mark.parametrize("odds", [0, 1, 1.0004, 1001.1, 5e11])
def test_odds_out_of_range_are_withdrawn(odds: float) -> None:
    selection = market_of(Feed().states(opening({"id": 11, "atb": [[odds, 1]], "ltp": odds}))).selections[0]
    assert (selection.price, selection.size, selection.ltp) == (None, None, None)


def test_without_any_ladder_the_last_traded_price_is_the_price() -> None:
    feed = Feed()
    assert market_of(feed.states(opening({"id": 11, "ltp": 3.05}))).selections[0].price == Price(3050, 205)
    laddered = market_of(feed.states(line(change({"id": 12, "atl": [[4, 1]]})))).selections
    assert (laddered[0].price, laddered[0].ltp) == (None, 3050)


def test_what_changes_nothing_published_gives_nothing() -> None:
    feed = Feed()
    feed.states(opening({"id": 11, "atb": [[3.0, 5], [2.9, 7]]}))
    assert feed.states(line(change({"id": 11, "trd": [[3.0, 100]], "tv": 100}, tv=100))) == []
    assert feed.states(line(change({"id": 11, "atb": [[2.9, 8]]}))) == []
    assert feed.states(line(change(marketDefinition=definition(version=2)))) == []
    moved = market_of(feed.states(line(change({"id": 11, "atb": [[3.0, 4]]}))))
    assert (moved.selections[0].size, moved.ts) == (400, NOW + 5)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("OPEN", "open"), ("SUSPENDED", "suspended"), ("INACTIVE", "inactive"), ("UNHEARD_OF", "suspended")],
)
def test_market_statuses(status: str, expected: str) -> None:
    market = market_of(Feed().states(opening({"id": 11, "atb": [[3, 5]]}, status=status)))
    assert (market.st, market.gone) == (expected, False)
    assert market.selections[0].price == Price(3000, 200)


def test_a_market_closed_with_winners_is_settled_and_gone_and_so_is_its_event() -> None:
    feed = Feed()
    feed.states(opening({"id": 11, "atb": [[3, 5]]}, inPlay=True))
    runners = [runner(11, "WINNER"), runner(12, "LOSER"), runner(13, "REMOVED")]
    market, event = feed.states(line(change(marketDefinition=definition("CLOSED", runners=runners))))
    assert isinstance(market, Market)
    assert (market.st, market.gone) == ("settled", True)
    assert [(selection.st, selection.price) for selection in market.selections] == [
        ("settled", None),
        ("settled", None),
        ("void", None),
    ]
    assert isinstance(event, Event)
    assert event.state == "ended"


def test_a_market_closed_without_winners_is_closed() -> None:
    market = market_of(Feed().states(opening(status="CLOSED")))
    assert (market.st, market.gone, market.selections[0].st) == ("closed", True, "closed")


def test_runner_statuses() -> None:
    statuses = {"ACTIVE": "open", "REMOVED": "void", "REMOVED_VACANT": "void", "HIDDEN": "inactive", "NEW": "inactive"}
    runners = [runner(number, status) for number, status in enumerate(statuses)]
    market = market_of(Feed().states(opening({"id": 1, "atb": [[3, 5]]}, runners=runners)))
    assert [selection.st for selection in market.selections] == list(statuses.values())
    assert market.selections[1].price is None


def test_selections_stand_in_betfairs_order_whatever_the_list_says() -> None:
    feed = Feed()
    one, two = runner(11, sortPriority=2), runner(12, sortPriority=1)
    market = market_of(feed.states(opening(runners=[one, two])))
    assert [selection.name for selection in market.selections] == ["Runner 12", "Runner 11"]
    assert feed.states(line(change(marketDefinition=definition(runners=[two, one])))) == []


@pytest.mark.parametrize(
    ("event_type", "sport"),
    [("1", "soccer"), ("2", "tennis"), ("7", "horse_racing"), ("4339", "greyhounds"), ("99", "other")],
)
def test_topics_begin_with_the_sport(event_type: str, sport: str) -> None:
    event, market = Feed().states(opening(eventTypeId=event_type))
    assert isinstance(event, Event)
    assert event.topic == market.topic == f"{sport}.other.{event.id}"
    assert isinstance(market, Market)
    assert (market.event, market.src) == (event.id, f"betfair-{lane_of(event.id, 4)}")


@pytest.mark.parametrize(
    ("market_type", "cls", "kind", "line_of_it"),
    [
        ("WIN", "main", "win", None),
        ("MATCH_ODDS", "main", "moneyline", None),
        ("PLACE", "alternate", "place", None),
        ("OVER_UNDER_25", "main", "total", "2.5"),
        ("OVER_UNDER_35", "alternate", "total", "3.5"),
        ("OVER_UNDER_105", "alternate", "total", "10.5"),
        ("OUTRIGHT_WINNER", "future", "outright", None),
        ("BOTH_TEAMS_TO_SCORE", "special", "both_teams_to_score", None),
    ],
)
def test_market_types(market_type: str, cls: str, kind: str, line_of_it: str | None) -> None:
    event, market = Feed().states(opening(marketType=market_type))
    assert isinstance(market, Market)
    assert (market.cls, market.type, market.line) == (cls, kind, line_of_it)
    assert isinstance(event, Event)
    assert event.kind == ("outright" if cls == "future" else "game")


def test_match_odds_with_a_draw_are_a_match_result() -> None:
    runners = [runner(11, name="Elm Rovers"), runner(12, name="Oak Town"), runner(58805, name="The Draw")]
    states = Feed().states(opening(marketType="MATCH_ODDS", eventName="Elm Rovers v Oak Town", runners=runners))
    assert market_of(states).type == "match_result"
    assert [selection.side for selection in market_of(states).selections] == ["home", "away", "draw"]
    assert (event_of(states).home, event_of(states).away) == ("Elm Rovers", "Oak Town")


def test_americans_name_the_visitors_first() -> None:
    runners = [runner(11, name="Elm Bears"), runner(12, name="Oak Owls")]
    states = Feed().states(opening(marketType="MATCH_ODDS", eventName="Elm Bears @ Oak Owls", runners=runners))
    assert [selection.side for selection in market_of(states).selections] == ["away", "home"]
    assert (event_of(states).home, event_of(states).away) == ("Oak Owls", "Elm Bears")


def test_an_event_lives_from_upcoming_over_live_to_ended() -> None:
    feed = Feed()
    race_1, race_2 = "1.1", "1.2"
    first = feed.states(
        line(change(market=race_1, marketDefinition=definition()), change(market=race_2, marketDefinition=definition()))
    )
    assert [type(state) for state in first] == [Event, Market, Market]
    assert (event_of(first).state, event_of(first).start) == ("upcoming", "2030-05-01T13:00:00Z")
    assert event_of(feed.states(line(change(market=race_1, marketDefinition=definition(inPlay=True))))).state == "live"
    closed = feed.states(line(change(market=race_1, marketDefinition=definition("CLOSED", inPlay=True))))
    assert [type(state) for state in closed] == [Market]
    ended = feed.states(line(change(market=race_2, marketDefinition=definition("CLOSED"))))
    assert [type(state) for state in ended] == [Market, Event]
    assert event_of(ended).state == "ended"


def test_an_event_takes_the_name_that_is_told_later() -> None:
    feed = Feed()
    assert event_of(feed.states(opening())).name == "Event 31000001"
    assert event_of(feed.states(line(change(marketDefinition=definition(eventName="Elm Park 1st May"))))).name == (
        "Elm Park 1st May"
    )
    assert feed.states(line(change(marketDefinition=definition()))) == []


def test_a_market_that_moves_to_another_event_begins_anew_there() -> None:
    feed = Feed()
    before_event, before = feed.states(opening())
    states = feed.states(line(change(marketDefinition=definition(eventId="31000002"))))
    after_event, ended, began, ended_event = states
    assert isinstance(ended, Market)
    assert isinstance(began, Market)
    assert (ended.id, ended.gone, ended.replaced_by) == (before.id, True, began.id)
    assert (began.event, began.replaces) == (after_event.id, before.id)
    assert isinstance(ended_event, Event)
    assert (ended_event.id, ended_event.state) == (before_event.id, "ended")


def test_an_asian_handicap_is_a_market_for_every_line() -> None:
    feed = Feed()
    rc = [
        {"id": 11, "hc": -0.5, "atb": [[2.1, 9]]},
        {"id": 12, "hc": 0.5, "atb": [[1.8, 4]]},
        {"id": 12, "atb": [[1.5, 1]]},
    ]
    markets = markets_of(feed.states(line(change(*rc, marketDefinition=handicap(-0.5)))))
    assert [(market.line, market.cls, market.type) for market in markets] == [
        ("-0.5", "main", "spread"),
        ("0", "alternate", "spread"),
        ("0.5", "alternate", "spread"),
    ]
    assert len({market.id for market in markets}) == 3
    assert len({market.group for market in markets}) == 1
    main, level, _ = markets
    assert [(selection.name, selection.line) for selection in main.selections] == [
        ("Runner 11 -0.5", "-0.5"),
        ("Runner 12 +0.5", "0.5"),
    ]
    assert [selection.price and selection.price.milli for selection in main.selections] == [2100, 1800]
    assert [selection.price and selection.price.milli for selection in level.selections] == [None, 1500]


def test_only_the_line_that_changed_is_published() -> None:
    feed = Feed()
    feed.states(line(change(marketDefinition=handicap(-0.5))))
    assert market_of(feed.states(line(change({"id": 12, "hc": -0.5, "atb": [[3, 1]]})))).line == "0.5"


def test_a_key_line_that_moves_ends_both_markets_and_begins_others() -> None:
    feed = Feed()
    before = {market.line: market for market in markets_of(feed.states(line(change(marketDefinition=handicap(-0.5)))))}
    ended_main, new_alternate, ended_alternate, new_main = markets_of(
        feed.states(line(change(marketDefinition=handicap(0))))
    )
    assert (ended_main.id, ended_main.gone, ended_main.replaced_by) == (before["-0.5"].id, True, new_alternate.id)
    assert (new_alternate.cls, new_alternate.line, new_alternate.replaces) == ("alternate", "-0.5", ended_main.id)
    assert (ended_alternate.id, ended_alternate.replaced_by) == (before["0"].id, new_main.id)
    assert (new_main.cls, new_main.line, new_main.replaces) == ("main", "0", ended_alternate.id)
    assert new_main.group == ended_main.group
    back = markets_of(feed.states(line(change(marketDefinition=handicap(-0.5)))))
    assert {market.id for market in back if not market.gone} == {before["-0.5"].id, before["0"].id}


def test_a_line_that_is_taken_away_is_gone() -> None:
    feed = Feed()
    before = markets_of(feed.states(line(change(marketDefinition=handicap(-0.5)))))
    fewer = handicap(-0.5)
    fewer["runners"] = fewer["runners"][:4]
    ended = market_of(feed.states(line(change(marketDefinition=fewer))))
    assert (ended.id, ended.st, ended.gone, ended.replaced_by) == (before[2].id, "closed", True, None)


def test_a_forgotten_market_is_suspended_until_it_is_told_again() -> None:
    feed = Feed()
    feed.states(opening({"id": 11, "atb": [[3, 5]]}))
    forgotten = market_of(feed.states(line(change(img=True))))
    assert (forgotten.st, forgotten.reason, forgotten.gone) == ("suspended", "not_offered", False)
    again = market_of(feed.states(opening({"id": 11, "atb": [[3, 5]]})))
    assert (again.st, again.reason, again.id) == ("open", None, forgotten.id)


def test_a_restart_suspends_what_has_not_ended_and_brings_back_what_has() -> None:
    feed = Feed()
    other = "1.2"
    feed.states(
        line(change(marketDefinition=definition()), change(market=other, marketDefinition=definition(eventId="4")))
    )
    feed.states(line(change(marketDefinition=definition("CLOSED"))))
    (suspended,) = feed.restart()
    assert isinstance(suspended, Market)
    assert (suspended.st, suspended.reason) == ("suspended", "not_offered")
    event, market = feed.states(opening())
    assert isinstance(event, Event)
    assert isinstance(market, Market)
    assert (event.state, market.gone, market.st) == ("upcoming", False, "open")


def test_absent_suspends_but_leaves_what_is_gone() -> None:
    market = market_of(Feed().states(opening()))
    suspended = not_offered(market, NOW + 9)
    assert (suspended.st, suspended.reason, suspended.ts) == ("suspended", "not_offered", NOW + 9)
    gone = market_of(Feed().states(opening(status="CLOSED")))
    assert not_offered(gone, NOW + 9) is gone


def test_the_catalogue_names_what_the_stream_does_not() -> None:
    catalogue = Catalogue.parse(
        orjson.dumps(
            {
                "marketId": MARKET,
                "marketName": "Match Odds",
                "runners": [
                    {"selectionId": 11, "runnerName": "Elm Rovers"},
                    {"selectionId": 12, "runnerName": "Oak Town"},
                ],
                "event": {"id": "31000001", "name": "Elm Rovers v Oak Town"},
                "competition": {"id": "9", "name": "Sylvan League"},
                "eventType": {"id": "99", "name": "Tree Climbing"},
            }
        )
    )
    states = Feed(catalogue).states(opening(eventTypeId="99", marketType="MATCH_ODDS"))
    assert event_of(states).name == "Elm Rovers v Oak Town"
    assert event_of(states).topic.startswith("tree_climbing.sylvan_league.")
    assert [(selection.name, selection.side) for selection in market_of(states).selections] == [
        ("Elm Rovers", "home"),
        ("Oak Town", "away"),
    ]


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"runners":[]}', b"\xff", b"[" * 100_000])
def test_a_catalogue_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        Catalogue.parse(data)
    assert refusal.value.code == "catalogue_malformed"
