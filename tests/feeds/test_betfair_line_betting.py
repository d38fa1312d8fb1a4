"""Line betting: each side of the line is a market of its own, and another one when the line moves."""

from __future__ import annotations

from typing import Any

from feeds.contract.prices import Price
from tests.feeds.betfair_states import Feed, markets_of
from tests.feeds.betfair_stream import change, definition, line, runner


def _line_market(*rc: dict[str, Any], status: str = "OPEN", **more: Any) -> bytes:
    fields: dict[str, Any] = {
        "bettingType": "LINE",
        "marketType": "INNINGS_RUNS",
        "runners": [runner(11, name="Elms Innings Runs")],
    }
    return line(change(*rc, marketDefinition=definition(status, **fields, **more)))


def test_a_line_market_is_a_market_for_each_side_of_the_line() -> None:
    under, over = markets_of(
        Feed().states(_line_market({"id": 11, "atb": [[45.5, 5], [44.5, 9]], "atl": [[47, 3]], "ltp": 46}))
    )
    assert (under.line, under.type, under.cls, over.line) == ("45.5", "innings_runs", "special", "47")
    assert under.group == over.group
    (sold,), (bought,) = under.selections, over.selections
    assert (sold.name, sold.side, sold.line) == ("Elms Innings Runs under 45.5", "under", "45.5")
    assert (bought.side, bought.line) == ("over", "47")
    assert (sold.price, sold.size, sold.lay, sold.ltp) == (Price(2000, 100), 500, None, None)
    assert (bought.price, bought.size) == (Price(2000, 100), 300)


def test_a_line_that_moves_is_another_market() -> None:
    feed = Feed()
    before, _ = markets_of(feed.states(_line_market({"id": 11, "atb": [[45.5, 5]], "atl": [[47, 3]]})))
    ended, began = markets_of(feed.states(line(change({"id": 11, "atb": [[46, 2]]}))))
    assert (ended.id, ended.gone, ended.replaced_by) == (before.id, True, began.id)
    assert (began.line, began.replaces, began.group) == ("46", before.id, before.group)
    _, back = markets_of(feed.states(line(change({"id": 11, "atb": [[46, 0]]}))))
    assert (back.id, back.line) == (before.id, "45.5")


def test_a_side_that_is_not_on_offer_has_no_price_and_keeps_its_line() -> None:
    feed = Feed()
    (under,) = markets_of(feed.states(_line_market({"id": 11, "atb": [[45.5, 5]]})))
    (withdrawn,) = markets_of(feed.states(line(change({"id": 11, "atb": [[45.5, 0]]}))))
    assert (withdrawn.id, withdrawn.line, withdrawn.selections[0].price) == (under.id, "45.5", None)


def test_a_line_market_closes_with_both_its_sides() -> None:
    feed = Feed()
    feed.states(_line_market({"id": 11, "atb": [[45.5, 5]], "atl": [[47, 3]]}))
    closed = markets_of(feed.states(_line_market(status="CLOSED")))
    assert [(each.line, each.gone) for each in closed] == [("45.5", True), ("47", True)]
