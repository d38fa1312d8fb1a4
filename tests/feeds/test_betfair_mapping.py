"""Betfair's markets as ours: prices, statuses, classes, lines, events, and when there is something to publish."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market
from feeds.contract.prices import Price
from feeds.contract.subjects import lane_of
from feeds.mapping import MappingTable, Names
from feeds.ports import State
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.mapping import Translator, absent
from feeds.providers.betfair.parse import StreamReader
from tests.feeds.betfair_stream import MARKET, change, definition, line, opening, runner

_NOW = 1_900_000_000_000


class _Feed:
    """A reader and a translator, fed line by line."""

    def __init__(self, catalogue: Catalogue | None = None, table: MappingTable | None = None) -> None:
        self._reader = StreamReader()
        names = Names("betfair", table)
        self._translator = Translator(feed="betfair", lanes=4, catalogue=catalogue or Catalogue(), names=names)
        self._now_ms = _NOW

    def states(self, data: bytes) -> list[State]:
        self._now_ms += 1
        told = self._reader.read(data)
        return self._translator.states(self._reader.markets, told.markets, self._now_ms)

    def restart(self) -> list[State]:
        self._reader = StreamReader()
        return self._translator.restart(self._now_ms)


def _event(states: list[State]) -> Event:
    (event,) = [state for state in states if isinstance(state, Event)]
    return event


def _markets(states: list[State]) -> list[Market]:
    return [state for state in states if isinstance(state, Market)]


def _market(states: list[State]) -> Market:
    (market,) = _markets(states)
    return market


def test_the_price_is_the_best_to_back() -> None:
    states = _Feed().states(
        opening({"id": 11, "atb": [[3.0, 5.55], [2.92, 7]], "atl": [[3.1, 1], [3.15, 9]], "ltp": 3.05})
    )
    first, second = _market(states).selections
    assert (first.price, first.size, first.lay, first.ltp) == (Price(3000, 200), 555, 3100, 3050)
    assert (second.price, second.size, second.lay, second.ltp) == (None, None, None, None)


@pytest.mark.parametrize(("odds", "milli"), [(1.01, 1010), (2.02, 2020), (1.001, 1001), (990, 990_000), (8.6, 8600)])
def test_odds_become_exact_thousandths(odds: float, milli: int) -> None:
    price = _market(_Feed().states(opening({"id": 11, "atb": [[odds, 1]]}))).selections[0].price
    assert price is not None
    assert price.milli == milli


@pytest.mark.parametrize("odds", [0, 1, 1.0004, 1001.1, 5e11])
def test_odds_out_of_range_are_withdrawn(odds: float) -> None:
    selection = _market(_Feed().states(opening({"id": 11, "atb": [[odds, 1]], "ltp": odds}))).selections[0]
    assert (selection.price, selection.size, selection.ltp) == (None, None, None)


def test_without_any_ladder_the_last_traded_price_is_the_price() -> None:
    feed = _Feed()
    assert _market(feed.states(opening({"id": 11, "ltp": 3.05}))).selections[0].price == Price(3050, 205)
    laddered = _market(feed.states(line(change({"id": 12, "atl": [[4, 1]]})))).selections
    assert (laddered[0].price, laddered[0].ltp) == (None, 3050)


def test_what_changes_nothing_published_gives_nothing() -> None:
    feed = _Feed()
    feed.states(opening({"id": 11, "atb": [[3.0, 5], [2.9, 7]]}))
    assert feed.states(line(change({"id": 11, "trd": [[3.0, 100]], "tv": 100}, tv=100))) == []
    assert feed.states(line(change({"id": 11, "atb": [[2.9, 8]]}))) == []
    assert feed.states(line(change(marketDefinition=definition(version=2)))) == []
    moved = _market(feed.states(line(change({"id": 11, "atb": [[3.0, 4]]}))))
    assert (moved.selections[0].size, moved.ts) == (400, _NOW + 5)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("OPEN", "open"), ("SUSPENDED", "suspended"), ("INACTIVE", "inactive"), ("UNHEARD_OF", "suspended")],
)
def test_market_statuses(status: str, expected: str) -> None:
    market = _market(_Feed().states(opening({"id": 11, "atb": [[3, 5]]}, status=status)))
    assert (market.st, market.gone) == (expected, False)
    assert market.selections[0].price == Price(3000, 200)


def test_a_market_closed_with_winners_is_settled_and_gone_and_so_is_its_event() -> None:
    feed = _Feed()
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
    market = _market(_Feed().states(opening(status="CLOSED")))
    assert (market.st, market.gone, market.selections[0].st) == ("closed", True, "closed")


def test_runner_statuses() -> None:
    statuses = {"ACTIVE": "open", "REMOVED": "void", "REMOVED_VACANT": "void", "HIDDEN": "inactive", "NEW": "inactive"}
    runners = [runner(number, status) for number, status in enumerate(statuses)]
    market = _market(_Feed().states(opening({"id": 1, "atb": [[3, 5]]}, runners=runners)))
    assert [selection.st for selection in market.selections] == list(statuses.values())
    assert market.selections[1].price is None


def test_selections_stand_in_betfairs_order_whatever_the_list_says() -> None:
    feed = _Feed()
    one, two = runner(11, sortPriority=2), runner(12, sortPriority=1)
    market = _market(feed.states(opening(runners=[one, two])))
    assert [selection.name for selection in market.selections] == ["Runner 12", "Runner 11"]
    assert feed.states(line(change(marketDefinition=definition(runners=[two, one])))) == []


@pytest.mark.parametrize(
    ("event_type", "sport"),
    [("1", "soccer"), ("2", "tennis"), ("7", "horse_racing"), ("4339", "greyhounds"), ("99", "other")],
)
def test_topics_begin_with_the_sport(event_type: str, sport: str) -> None:
    event, market = _Feed().states(opening(eventTypeId=event_type))
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
    event, market = _Feed().states(opening(marketType=market_type))
    assert isinstance(market, Market)
    assert (market.cls, market.type, market.line) == (cls, kind, line_of_it)
    assert isinstance(event, Event)
    assert event.kind == ("outright" if cls == "future" else "game")


def test_match_odds_with_a_draw_are_a_match_result() -> None:
    runners = [runner(11, name="Elm Rovers"), runner(12, name="Oak Town"), runner(58805, name="The Draw")]
    states = _Feed().states(opening(marketType="MATCH_ODDS", eventName="Elm Rovers v Oak Town", runners=runners))
    assert _market(states).type == "match_result"
    assert [selection.side for selection in _market(states).selections] == ["home", "away", "draw"]
    assert (_event(states).home, _event(states).away) == ("Elm Rovers", "Oak Town")


def test_americans_name_the_visitors_first() -> None:
    runners = [runner(11, name="Elm Bears"), runner(12, name="Oak Owls")]
    states = _Feed().states(opening(marketType="MATCH_ODDS", eventName="Elm Bears @ Oak Owls", runners=runners))
    assert [selection.side for selection in _market(states).selections] == ["away", "home"]
    assert (_event(states).home, _event(states).away) == ("Oak Owls", "Elm Bears")


def test_an_event_lives_from_upcoming_over_live_to_ended() -> None:
    feed = _Feed()
    race_1, race_2 = "1.1", "1.2"
    first = feed.states(
        line(change(market=race_1, marketDefinition=definition()), change(market=race_2, marketDefinition=definition()))
    )
    assert [type(state) for state in first] == [Event, Market, Market]
    assert (_event(first).state, _event(first).start) == ("upcoming", "2030-05-01T13:00:00Z")
    assert _event(feed.states(line(change(market=race_1, marketDefinition=definition(inPlay=True))))).state == "live"
    closed = feed.states(line(change(market=race_1, marketDefinition=definition("CLOSED", inPlay=True))))
    assert [type(state) for state in closed] == [Market]
    ended = feed.states(line(change(market=race_2, marketDefinition=definition("CLOSED"))))
    assert [type(state) for state in ended] == [Market, Event]
    assert _event(ended).state == "ended"


def test_an_event_takes_the_name_that_is_told_later() -> None:
    feed = _Feed()
    assert _event(feed.states(opening())).name == "Event 31000001"
    assert _event(feed.states(line(change(marketDefinition=definition(eventName="Elm Park 1st May"))))).name == (
        "Elm Park 1st May"
    )
    assert feed.states(line(change(marketDefinition=definition()))) == []


def test_a_market_that_moves_to_another_event_begins_anew_there() -> None:
    feed = _Feed()
    before_event, before = feed.states(opening())
    states = feed.states(line(change(marketDefinition=definition(eventId="31000002"))))
    after_event, ended, began, ended_event = states
    assert isinstance(ended, Market)
    assert isinstance(began, Market)
    assert (ended.id, ended.gone, ended.replaced_by) == (before.id, True, began.id)
    assert (began.event, began.replaces) == (after_event.id, before.id)
    assert isinstance(ended_event, Event)
    assert (ended_event.id, ended_event.state) == (before_event.id, "ended")


def _handicap(main: float, **more: Any) -> dict[str, Any]:
    runners = [
        runner(runner_id, hc=hc, sortPriority=priority)
        for priority, (runner_id, hc) in enumerate([(11, -0.5), (12, 0.5), (11, 0), (12, 0), (11, 0.5), (12, -0.5)])
    ]
    key_line = {"kl": [{"id": 11, "hc": main}, {"id": 12, "hc": -main}]}
    return definition(
        runners=runners,
        eventTypeId="1",
        marketType="ASIAN_HANDICAP",
        bettingType="ASIAN_HANDICAP_DOUBLE_LINE",
        keyLineDefinition=key_line,
        **more,
    )


def test_an_asian_handicap_is_a_market_for_every_line() -> None:
    feed = _Feed()
    rc = [
        {"id": 11, "hc": -0.5, "atb": [[2.1, 9]]},
        {"id": 12, "hc": 0.5, "atb": [[1.8, 4]]},
        {"id": 12, "atb": [[1.5, 1]]},
    ]
    markets = _markets(feed.states(line(change(*rc, marketDefinition=_handicap(-0.5)))))
    assert [(market.line, market.cls, market.type) for market in markets] == [
        ("-0.5", "main", "asian_handicap"),
        ("0", "alternate", "asian_handicap"),
        ("0.5", "alternate", "asian_handicap"),
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
    feed = _Feed()
    feed.states(line(change(marketDefinition=_handicap(-0.5))))
    assert _market(feed.states(line(change({"id": 12, "hc": -0.5, "atb": [[3, 1]]})))).line == "0.5"


def test_a_key_line_that_moves_ends_both_markets_and_begins_others() -> None:
    feed = _Feed()
    before = {market.line: market for market in _markets(feed.states(line(change(marketDefinition=_handicap(-0.5)))))}
    ended_main, new_alternate, ended_alternate, new_main = _markets(
        feed.states(line(change(marketDefinition=_handicap(0))))
    )
    assert (ended_main.id, ended_main.gone, ended_main.replaced_by) == (before["-0.5"].id, True, new_alternate.id)
    assert (new_alternate.cls, new_alternate.line, new_alternate.replaces) == ("alternate", "-0.5", ended_main.id)
    assert (ended_alternate.id, ended_alternate.replaced_by) == (before["0"].id, new_main.id)
    assert (new_main.cls, new_main.line, new_main.replaces) == ("main", "0", ended_alternate.id)
    assert new_main.group == ended_main.group
    back = _markets(feed.states(line(change(marketDefinition=_handicap(-0.5)))))
    assert {market.id for market in back if not market.gone} == {before["-0.5"].id, before["0"].id}


def test_a_line_that_is_taken_away_is_gone() -> None:
    feed = _Feed()
    before = _markets(feed.states(line(change(marketDefinition=_handicap(-0.5)))))
    fewer = _handicap(-0.5)
    fewer["runners"] = fewer["runners"][:4]
    ended = _market(feed.states(line(change(marketDefinition=fewer))))
    assert (ended.id, ended.st, ended.gone, ended.replaced_by) == (before[2].id, "closed", True, None)


def test_a_forgotten_market_is_suspended_until_it_is_told_again() -> None:
    feed = _Feed()
    feed.states(opening({"id": 11, "atb": [[3, 5]]}))
    forgotten = _market(feed.states(line(change(img=True))))
    assert (forgotten.st, forgotten.reason, forgotten.gone) == ("suspended", "not_offered", False)
    again = _market(feed.states(opening({"id": 11, "atb": [[3, 5]]})))
    assert (again.st, again.reason, again.id) == ("open", None, forgotten.id)


def test_a_restart_suspends_what_has_not_ended_and_brings_back_what_has() -> None:
    feed = _Feed()
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
    market = _market(_Feed().states(opening()))
    suspended = absent(market, _NOW + 9)
    assert (suspended.st, suspended.reason, suspended.ts) == ("suspended", "not_offered", _NOW + 9)
    gone = _market(_Feed().states(opening(status="CLOSED")))
    assert absent(gone, _NOW + 9) is gone


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
    states = _Feed(catalogue).states(opening(eventTypeId="99", marketType="MATCH_ODDS"))
    assert _event(states).name == "Elm Rovers v Oak Town"
    assert _event(states).topic.startswith("tree_climbing.sylvan_league.")
    assert [(selection.name, selection.side) for selection in _market(states).selections] == [
        ("Elm Rovers", "home"),
        ("Oak Town", "away"),
    ]


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"runners":[]}', b"\xff", b"[" * 100_000])
def test_a_catalogue_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        Catalogue.parse(data)
    assert refusal.value.code == "catalogue_malformed"


def test_ids_of_events_in_no_file_are_what_they_always_were() -> None:
    event, market = _Feed().states(opening(runners=[runner(11)]))
    assert isinstance(market, Market)
    assert (event.id, market.id, market.selections[0].id) == ("EUU7X5KNJGGYJI", "MN42JSCGP2BH4G", "OQB6XTK5VTQZJM")
    main = _markets(_Feed().states(line(change(marketDefinition=_handicap(-0.5)))))[0]
    assert (main.id, main.group, main.selections[0].id) == ("MO4Q4GLUBRWQTE", "GRMYQPVNE4WFZS", "OCPJQI5CA2VK76")


def test_the_file_gives_our_words() -> None:
    table = MappingTable(sports={"1": "football"}, leagues={"9": "sylvan"}, teams={"Elm Rovers": "Elms", "12": "Oaks"})
    catalogue = Catalogue.parse(
        orjson.dumps(
            {
                "marketId": MARKET,
                "event": {"id": "31000001", "name": "Elm Rovers v Oak Town"},
                "competition": {"id": "9", "name": "Sylvan League"},
                "runners": [
                    {"selectionId": 11, "runnerName": "Elm Rovers"},
                    {"selectionId": 12, "runnerName": "Oak Town"},
                ],
            }
        )
    )
    states = _Feed(catalogue, table).states(opening(eventTypeId="1", marketType="MATCH_ODDS"))
    assert _event(states).topic.startswith("football.sylvan.")
    assert (_event(states).home, _event(states).away) == ("Elms", "Oak Town")
    assert [(each.name, each.side) for each in _market(states).selections] == [("Elms", "home"), ("Oaks", "away")]


def test_a_joined_event_has_ids_by_meaning() -> None:
    table = MappingTable(events={"31000001": "rovers-town", "31000002": "rovers-town"})
    runners = [runner(11, name="Elm Rovers"), runner(12, name="Oak Town")]
    more: dict[str, Any] = {"marketType": "MATCH_ODDS", "runners": runners, "eventName": "Elm Rovers v Oak Town"}
    one, other = (
        _market(
            _Feed(table=table).states(
                line(change(market=market_id, marketDefinition=definition(**more, eventId=event)))
            )
        )
        for market_id, event in (("1.1", "31000001"), ("1.2", "31000002"))
    )
    assert (one.id, one.event) == (other.id, other.event)
    assert [each.id for each in one.selections] == [each.id for each in other.selections]


def test_markets_no_other_provider_has_stay_apart_in_a_joined_event() -> None:
    table = MappingTable(events={"31000001": "race"})
    feed = _Feed(table=table)
    made = [
        _market(feed.states(line(change(market=market_id, marketDefinition=definition(marketType="OTHER_PLACE")))))
        for market_id in ("1.1", "1.2")
    ]
    assert made[0].id != made[1].id


def _line_market(*rc: dict[str, Any], status: str = "OPEN", **more: Any) -> bytes:
    fields: dict[str, Any] = {
        "bettingType": "LINE",
        "marketType": "INNINGS_RUNS",
        "runners": [runner(11, name="Elms Innings Runs")],
    }
    return line(change(*rc, marketDefinition=definition(status, **fields, **more)))


def test_a_line_market_is_a_market_for_each_side_of_the_line() -> None:
    under, over = _markets(
        _Feed().states(_line_market({"id": 11, "atb": [[45.5, 5], [44.5, 9]], "atl": [[47, 3]], "ltp": 46}))
    )
    assert (under.line, under.type, under.cls, over.line) == ("45.5", "innings_runs", "special", "47")
    assert under.group == over.group
    (sold,), (bought,) = under.selections, over.selections
    assert (sold.name, sold.side, sold.line) == ("Elms Innings Runs under 45.5", "under", "45.5")
    assert (bought.side, bought.line) == ("over", "47")
    assert (sold.price, sold.size, sold.lay, sold.ltp) == (Price(2000, 100), 500, None, None)
    assert (bought.price, bought.size) == (Price(2000, 100), 300)


def test_a_line_that_moves_is_another_market() -> None:
    feed = _Feed()
    before, _ = _markets(feed.states(_line_market({"id": 11, "atb": [[45.5, 5]], "atl": [[47, 3]]})))
    ended, began = _markets(feed.states(line(change({"id": 11, "atb": [[46, 2]]}))))
    assert (ended.id, ended.gone, ended.replaced_by) == (before.id, True, began.id)
    assert (began.line, began.replaces, began.group) == ("46", before.id, before.group)
    _, back = _markets(feed.states(line(change({"id": 11, "atb": [[46, 0]]}))))
    assert (back.id, back.line) == (before.id, "45.5")


def test_a_side_that_is_not_on_offer_has_no_price_and_keeps_its_line() -> None:
    feed = _Feed()
    (under,) = _markets(feed.states(_line_market({"id": 11, "atb": [[45.5, 5]]})))
    (withdrawn,) = _markets(feed.states(line(change({"id": 11, "atb": [[45.5, 0]]}))))
    assert (withdrawn.id, withdrawn.line, withdrawn.selections[0].price) == (under.id, "45.5", None)


def test_a_line_market_closes_with_both_its_sides() -> None:
    feed = _Feed()
    feed.states(_line_market({"id": 11, "atb": [[45.5, 5]], "atl": [[47, 3]]}))
    closed = _markets(feed.states(_line_market(status="CLOSED")))
    assert [(each.line, each.gone) for each in closed] == [("45.5", True), ("47", True)]
