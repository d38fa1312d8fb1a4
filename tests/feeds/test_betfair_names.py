"""Ids and names of Betfair's events: as they always were without a mapping file, in our words with one."""

from __future__ import annotations

from typing import Any

import orjson

from feeds.contract.model import Market
from feeds.mapping import MappingTable
from feeds.providers.betfair.catalogue import Catalogue
from tests.feeds.betfair_states import Feed, event_of, handicap, market_of, markets_of
from tests.feeds.betfair_stream import MARKET, change, definition, line, opening, runner


def test_ids_of_events_in_no_file_are_what_they_always_were() -> None:
    event, market = Feed().states(opening(runners=[runner(11)]))
    assert isinstance(market, Market)
    assert (event.id, market.id, market.selections[0].id) == ("EUU7X5KNJGGYJI", "MN42JSCGP2BH4G", "OQB6XTK5VTQZJM")
    main = markets_of(Feed().states(line(change(marketDefinition=handicap(-0.5)))))[0]
    assert (main.id, main.group, main.selections[0].id) == ("MC25PASM5JSFC2", "GRMYQPVNE4WFZS", "OCPJQI5CA2VK76")


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
    states = Feed(catalogue, table).states(opening(eventTypeId="1", marketType="MATCH_ODDS"))
    assert event_of(states).topic.startswith("football.sylvan.")
    assert (event_of(states).home, event_of(states).away) == ("Elms", "Oak Town")
    assert [(each.name, each.side) for each in market_of(states).selections] == [("Elms", "home"), ("Oaks", "away")]


def test_a_joined_event_has_ids_by_meaning() -> None:
    table = MappingTable(events={"31000001": "rovers-town", "31000002": "rovers-town"})
    runners = [runner(11, name="Elm Rovers"), runner(12, name="Oak Town")]
    more: dict[str, Any] = {"marketType": "MATCH_ODDS", "runners": runners, "eventName": "Elm Rovers v Oak Town"}
    one, other = (
        market_of(
            Feed(table=table).states(line(change(market=market_id, marketDefinition=definition(**more, eventId=event))))
        )
        for market_id, event in (("1.1", "31000001"), ("1.2", "31000002"))
    )
    assert (one.id, one.event) == (other.id, other.event)
    assert [each.id for each in one.selections] == [each.id for each in other.selections]


def test_markets_no_other_provider_has_stay_apart_in_a_joined_event() -> None:
    table = MappingTable(events={"31000001": "race"})
    feed = Feed(table=table)
    made = [
        market_of(feed.states(line(change(market=market_id, marketDefinition=definition(marketType="OTHER_PLACE")))))
        for market_id in ("1.1", "1.2")
    ]
    assert made[0].id != made[1].id
