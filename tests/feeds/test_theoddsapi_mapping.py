"""Snapshots of The Odds API become our events and markets."""

from __future__ import annotations

from typing import Any

import pytest

from feeds.contract.model import Event, Market, Subject
from feeds.contract.prices import Price
from feeds.mapping import MappingTable, MarketKey, Names
from feeds.providers.theoddsapi.layout import PriceFormat
from feeds.providers.theoddsapi.mapping import PROVIDER
from feeds.providers.theoddsapi.tracks import MARKETS_HELD_MAX, OLDER_IN_A_ROW_MAX, Scope
from tests.feeds.theoddsapi_answers import (
    AWAY,
    BEFORE_MS,
    EVENT,
    HOME,
    SPORT,
    Told,
    event,
    h2h,
    market,
    outcome,
    spread,
    total,
)


def sides(told: Market) -> list[tuple[str | None, str, str | None, int | None]]:
    return [(each.side, each.name, each.line, each.price.milli if each.price else None) for each in told.selections]


def test_an_event_and_its_main_markets() -> None:
    told = Told()
    states = told.listed(event(h2h(1.8, 2.1), spread(-3.5), total(47.5)))
    assert [type(state) for state in states] == [Event, Market, Market, Market]
    found = told.event()
    assert (found.name, found.start, found.state) == (f"{AWAY} @ {HOME}", "2026-09-21T17:00:00Z", "upcoming")
    assert found.topic == f"football.nfl.{found.id}"
    assert sides(told.market(type="moneyline")) == [("home", HOME, None, 1800), ("away", AWAY, None, 2100)]
    handicap = told.market(type="spread")
    assert (handicap.cls, handicap.line, handicap.period) == ("main", "-3.5", "game")
    assert sides(handicap) == [("home", f"{HOME} -3.5", "-3.5", 1910), ("away", f"{AWAY} +3.5", "3.5", 1910)]
    assert sides(told.market(type="total")) == [
        ("over", "Over 47.5", "47.5", 1910),
        ("under", "Under 47.5", "47.5", 1910),
    ]


def test_nothing_new_gives_nothing() -> None:
    told = Told()
    answer = event(h2h(1.8, 2.1), spread(-3.5))
    assert told.listed(answer)
    assert told.listed(answer, now_ms=BEFORE_MS + 1) == []


def test_a_price_that_moves() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1), spread(-3.5)))
    (state,) = told.listed(event(h2h(1.8, 2.2), spread(-3.5)), now_ms=BEFORE_MS + 5)
    assert isinstance(state, Market)
    assert (state.ts, state.selections[1].price) == (BEFORE_MS + 5, Price(2200, 120))


def test_american_prices_by_configuration() -> None:
    told = Told(price_format="american")
    told.listed(event(h2h(-110, 150)))
    assert [each.price for each in told.market().selections] == [Price(1909, -110), Price(2500, 150)]


def test_a_price_that_is_none_is_withdrawn_and_counted() -> None:
    told = Told(price_format="american")
    told.listed(event(h2h(1.91, 150)))
    home, away = told.market().selections
    assert (home.st, home.price, away.st) == ("suspended", None, "open")
    assert told.translator.skipped == {"price_malformed": 1}


@pytest.mark.parametrize("price", [0, 1, -5, 2000000, 1e300, "1e9999999", "-1e9999999", "1e-9999999"])
@pytest.mark.parametrize("price_format", ["decimal", "american"])
def test_a_price_out_of_range_is_withdrawn(price: float, price_format: PriceFormat) -> None:
    told = Told(price_format=price_format)
    told.listed(event(h2h(250, price)))
    assert told.market().selections[1].price is None


def test_a_draw_makes_a_match_result() -> None:
    told = Told()
    told.listed(event(market("h2h", outcome(AWAY, 3), outcome("Draw", 3.2), outcome(HOME, 2.1))))
    assert [side for side, *_ in sides(told.market(type="match_result"))] == ["home", "draw", "away"]


def test_in_soccer_a_missing_draw_makes_no_other_market() -> None:
    told = Told()
    soccer = {"sport_key": "soccer_epl"}
    told.listed(event(h2h(2.1, 3.4), **soccer), scope=Scope("soccer_epl"))
    assert told.market().type == "match_result"
    assert told.event().name == f"{HOME} v {AWAY}"


def test_lay_prices_belong_to_the_same_selections() -> None:
    told = Told()
    lay = market("h2h_lay", outcome(HOME, 1.85), outcome(AWAY, 2.2))
    told.listed(event(lay, h2h(1.8, 2.1)))
    assert [(each.price and each.price.milli, each.lay) for each in told.market().selections] == [
        (1800, 1850),
        (2100, 2200),
    ]


def test_alternates_are_pairs_of_points_in_the_group_of_the_main_line() -> None:
    told = Told()
    told.listed(event(spread(-3.5)))
    pairs = [(HOME, 1.6, -1.5), (AWAY, 2.4, 1.5), (HOME, 3.1, 3.5), (AWAY, 1.3, -3.5), (HOME, 1.9, -3.5)]
    told.one(event(market("alternate_spreads", *(outcome(*pair) for pair in pairs))), "alternate_spreads")
    main, lower, upper = told.market(cls="main"), told.market(line="-1.5"), told.market(line="3.5")
    assert [each.line for each in told.markets()] == ["-3.5", "-1.5", "3.5"]
    assert main.group == lower.group == upper.group is not None
    assert lower.cls == upper.cls == "alternate"
    assert [each.line for each in upper.selections] == ["3.5", "-3.5"]
    assert main.selections[0].price == Price(1910, -110)


def test_a_line_that_moves_is_replaced() -> None:
    told = Told()
    told.listed(event(spread(-3.5)))
    old = told.market()
    ended, new = told.listed(event(spread(-2.5)))
    assert isinstance(ended, Market)
    assert isinstance(new, Market)
    assert (ended.id, ended.st, ended.gone, ended.replaced_by) == (old.id, "closed", True, new.id)
    assert (new.st, new.line, new.replaces, new.group) == ("open", "-2.5", old.id, old.group)
    told.listed(event(spread(-2.5, price=1.95)))
    assert told.market().replaces == old.id


def test_a_main_line_takes_the_place_of_its_alternate() -> None:
    told = Told()
    told.listed(event(total(47.5)))
    told.one(event(total(46.5, 48.5, key="alternate_totals")), "alternate_totals")
    alternate = told.market(line="48.5")
    told.listed(event(total(48.5)))
    main = told.market(cls="main")
    ended = told.last[alternate.id]
    assert isinstance(ended, Market)
    assert (ended.gone, ended.replaced_by) == (True, main.id)
    assert sorted(str(each.line) for each in told.markets()) == ["46.5", "48.5"]


def test_players_props() -> None:
    told = Told()
    yards = [outcome(side, 1.87, 250.5, "Josh Allen") for side in ("Over", "Under")]
    ladder = [outcome("Over", 3.5, 300.5, "Josh Allen")]
    scorer = [outcome("Yes", 2.5, None, "James Cook")]
    keys = ("player_pass_yds", "player_pass_yds_alternate", "player_anytime_td", "player_field_goals")
    told.one(
        event(
            market("player_pass_yds", *yards),
            market("player_pass_yds_alternate", *ladder),
            market("player_anytime_td", *scorer),
            market("player_field_goals", outcome("Over", 2, 1.5, "Tyler Bass")),
        ),
        *keys,
    )
    main, rung = told.market(cls="prop", type="passing_yards"), told.market(cls="alternate", type="passing_yards")
    assert (main.line, rung.line, main.group) == ("250.5", "300.5", rung.group)
    assert main.subject == rung.subject == Subject("player", "josh_allen", "Josh Allen")
    assert sides(told.market(type="anytime_touchdown")) == [("yes", "Yes", None, 2500)]
    assert told.market(type="field_goals").subject == Subject("player", "tyler_bass", "Tyler Bass")


def test_a_props_line_that_moves_is_replaced() -> None:
    told = Told()
    told.one(event(market("player_points", outcome("Over", 2, 20.5, "A B"), outcome("Over", 2, 9.5, "C D"))))
    old = told.market(line="20.5")
    told.one(event(market("player_points", outcome("Over", 2, 21.5, "A B"), outcome("Over", 2, 9.5, "C D"))))
    assert told.market(line="21.5").replaces == old.id
    assert told.market(line="9.5").st == "open"


def test_team_totals() -> None:
    told = Told()
    told.one(
        event(
            market("team_totals", *(outcome(side, 1.9, 24.5, HOME) for side in ("Over", "Under"))),
            market("alternate_team_totals", outcome("Over", 2.9, 30.5, HOME)),
        )
    )
    main, alternate = told.market(line="24.5"), told.market(line="30.5")
    assert (main.cls, main.type, main.subject) == ("prop", "team_total", Subject("team", "buffalo_bills", HOME))
    assert (alternate.cls, alternate.group) == ("alternate", main.group)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("h2h_h1", ("main", "moneyline", "1h")),
        ("h2h_1st_5_innings", ("main", "moneyline", "5i")),
        ("btts", ("special", "both_teams_to_score", "game")),
        ("h2h_3_way", ("main", "match_result", "regulation")),
    ],
)
def test_market_keys(key: str, kind: tuple[str, str, str]) -> None:
    told = Told()
    told.one(event(market(key, outcome(HOME, 2), outcome(AWAY, 2))))
    found = told.market()
    assert (found.cls, found.type, found.period) == kind


def test_outrights() -> None:
    told = Told()
    sport = "americanfootball_nfl_super_bowl_winner"
    season: dict[str, Any] = {
        "sport_key": sport,
        "sport_title": "Super Bowl Winner",
        "home_team": None,
        "away_team": None,
    }
    told.listed(event(market("outrights", outcome(HOME, 8), outcome(AWAY, 6)), **season), scope=Scope(sport))
    found, future = told.event(), told.market()
    assert (found.kind, found.name, found.topic) == ("outright", "Super Bowl Winner", f"football.nfl.{found.id}")
    assert (future.cls, future.type, future.group) == ("future", "outright", None)
    told.listed(event(market("outrights", outcome(HOME, 7)), **season), scope=Scope(sport))
    assert [(each.st, each.price and each.price.milli) for each in told.market().selections] == [
        ("open", 7000),
        ("suspended", None),
    ]


def test_what_vanishes_is_suspended_and_what_comes_back_is_open() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1), spread(-3.5)))
    (state,) = told.listed(event(spread(-3.5)))
    assert isinstance(state, Market)
    assert (state.type, state.st, state.reason, state.gone) == ("moneyline", "suspended", "not_offered", False)
    told.listed(event(h2h(1.8, 2.1), spread(-3.5)))
    assert told.market(type="moneyline").st == "open"
    assert told.market(type="moneyline").reason is None


def test_an_event_that_vanishes_is_suspended_with_all_that_was_asked_apart() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1)))
    told.one(event(total(40.5, key="alternate_totals")))
    told.listed()
    assert {each.st for each in told.markets()} == {"suspended"}
    assert told.event().state == "upcoming"
    assert told.translator.events() == []


def test_an_answer_withdraws_only_what_it_was_asked_about() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1)))
    told.one(event(market("player_points", outcome("Over", 2, 20.5, "A B"))), "player_points")
    told.one(event(total(40.5, key="alternate_totals")), "alternate_totals")
    assert {each.st for each in told.markets()} == {"open"}
    told.listed(event(h2h(1.8, 2.1)))
    assert {each.st for each in told.markets()} == {"open"}
    told.listed(event(h2h(1.8, 2.1), event_id="b" * 32, sport_key="baseball_mlb"), scope=Scope("baseball_mlb"))
    assert {each.st for each in told.markets()} == {"open"}


def test_another_bookmaker_is_passed_over() -> None:
    told = Told()
    assert told.listed(event(h2h(1.8, 2.1), bookmaker="zenith")) == []


def test_what_is_older_is_ignored_and_withdraws_nothing() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1, updated=20), spread(-3.5, updated=20)), event(h2h(1.5, 2.5), event_id="b" * 32))
    assert told.listed(event(h2h(1.7, 2.2, updated=10))) == []
    assert told.translator.older
    told.listed(event(h2h(1.7, 2.2, updated=21), spread(-3.5, updated=19)), event(h2h(1.5, 2.5), event_id="b" * 32))
    assert {each.st for each in told.markets()} == {"open"}
    prices = {each.selections[0].price for each in told.markets(type="moneyline")}
    assert prices == {Price(1700, -143), Price(1500, -200)}


def test_older_answers_in_a_row_are_a_correction_at_last() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1, updated=20)))
    for _ in range(OLDER_IN_A_ROW_MAX):
        assert told.listed(event(h2h(1.7, 2.2, updated=10))) == []
    assert told.listed(event(h2h(1.7, 2.2, updated=10))) != []


def test_a_bookmakers_update_counts_where_its_market_has_none() -> None:
    told = Told()
    answer = event(h2h(1.8, 2.1))
    answer["bookmakers"][0]["last_update"] = "2026-09-21T14:00:20Z"
    told.listed(answer)
    older = event(h2h(1.7, 2.2))
    older["bookmakers"][0]["last_update"] = "2026-09-21T14:00:10Z"
    assert told.listed(older) == []


def test_ids_of_a_joined_event_are_those_of_other_providers() -> None:
    table = MappingTable(events={EVENT: "bills-chiefs"}, teams={HOME: "Bills"}, leagues={SPORT: "pro"})
    told = Told(names=Names(PROVIDER, table))
    told.listed(event(h2h(1.8, 2.1)))
    theirs = Names("other", MappingTable(events={"9": "bills-chiefs"}))
    identity = theirs.event("9")
    assert told.event().id == identity.id
    assert told.event().topic == f"football.pro.{identity.id}"
    found = told.market()
    assert found.id == theirs.market_id(identity, MarketKey("main", "moneyline", "game"), 1)
    assert found.selections[0].id == theirs.selection_id(identity, found.id, 7, side="home", name="Buffalo")
    assert found.selections[0].name == "Bills"


def test_bookmakers_of_an_event_that_is_not_joined_have_markets_of_their_own() -> None:
    told = Told()
    told.listed(event(h2h(1.8, 2.1)))
    other = Told(bookmaker="zenith")
    other.listed(event(h2h(1.8, 2.1), bookmaker="zenith"))
    assert other.event().id == told.event().id
    assert other.market().id != told.market().id


def test_what_cannot_be_read_stops_nothing_else() -> None:
    told = Told()
    odd = [
        market("spreads", outcome("Nobody", 2, 3), outcome(HOME, 2)),
        market("totals", outcome("Over", 2, 1e9), outcome("Over", 2, 0.12345)),
        market("team_totals", outcome("Over", 2, 20.5)),
        market("h2h", outcome(HOME, 1.5), outcome(HOME, 1.6), outcome(AWAY, 2.5)),
    ]
    told.one(event(*odd), "spreads", "totals", "team_totals", "h2h")
    assert [each.type for each in told.markets()] == ["moneyline"]
    assert told.market().selections[0].price == Price(1500, -200)
    assert told.translator.skipped == {
        "unknown_outcome": 1,
        "line_malformed": 3,
        "no_subject": 1,
        "duplicate_outcome": 1,
    }


def test_markets_held_of_an_event_are_bounded() -> None:
    told = Told()
    for batch in range(3):
        lines = [index + 0.5 for index in range(batch * 2_000, (batch + 1) * 2_000)]
        told.one(event(total(*lines, key="alternate_totals")), "alternate_totals")
    told.one(event(total(0.5, key="alternate_totals")), "alternate_totals")
    assert len(told.markets()) <= MARKETS_HELD_MAX


def test_two_players_of_one_slug_are_never_one_market() -> None:
    told = Told()
    told.one(event(market("player_points", outcome("Over", 2, 9.5, "Jokić"), outcome("Under", 2, 9.5, "Jokič"))))
    assert sides(told.market()) == [("over", "Over 9.5", "9.5", 2000)]
    assert told.translator.skipped == {"ambiguous_subject": 1}


def test_lay_prices_without_the_draw_are_of_the_same_market() -> None:
    told = Told()
    back = market("h2h", outcome(AWAY, 3), outcome("Draw", 3.2), outcome(HOME, 2.1))
    told.listed(event(back, market("h2h_lay", outcome(HOME, 2.2))))
    assert [each.lay for each in told.market(type="match_result").selections] == [2200, None, None]
