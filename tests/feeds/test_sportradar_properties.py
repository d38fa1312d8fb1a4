"""Duplicates and any order of messages give the same: what is published in the end follows from which messages came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from feeds.contract.model import Event, Market
from feeds.contract.records import decode_record, encode_record
from feeds.contract.results import MarketResult
from feeds.contract.subjects import event_subject, market_subject
from feeds.providers.sportradar.documents import parse_document
from feeds.providers.sportradar.parse import parse
from feeds.providers.sportradar.spec import EventMessage
from tests.feeds.uof_messages import PLAYER, market, message, odds, settled, settlement, state, translator

_LINES = st.sampled_from([(1, ""), (166, "total=9.5"), (4711, "a=1|b=2"), (914, "player=sr:player:7|total=1.5")])
_GROUPED = st.sampled_from([(18, "total=1.5"), (18, "total=2.5"), (18, "total=3.5")])
_ODDS = st.sampled_from(["1.5", "2", "3.75", "", "1.0"])
_RESULTS = st.sampled_from(['result="1"', 'result="0"', 'result="0" void_factor="1"', 'result="-1"'])


@st.composite
def _odds(draw: st.DrawFn, at: int) -> bytes:
    markets = []
    for market_id, specifiers in draw(st.lists(_LINES | _GROUPED, max_size=4, unique=True)):
        prices = {outcome: draw(_ODDS) for outcome in draw(st.sampled_from([[], ["12", "13"], ["12"]]))}
        status = draw(st.sampled_from([None, 1, -1, 0, -2] if market_id == 18 else [None, 1, 1, -1, 0, -2, -3, -4]))
        more = {} if status is None else {"status": status}
        markets.append(market(market_id, specifiers, prices, favourite=draw(st.integers(0, 1)), **more))
    event = draw(st.sampled_from(["", state(0), state(1, at, 0), state(3)]))
    return odds(*markets, at=at, status=event)


@st.composite
def _other(draw: st.DrawFn, at: int) -> bytes:
    market_id, specifiers = draw(_LINES)
    kind = draw(st.sampled_from(["stop", "settle", "rollback", "cancel", "rollback_cancel"]))
    if kind == "stop":
        groups = draw(st.sampled_from(["all", "score", "corners|players"]))
        return message("bet_stop", at=at, groups=groups, market_status=draw(st.sampled_from([-1, 0])))
    if kind == "settle":
        results = {outcome: draw(_RESULTS) for outcome in ("12", "13")}
        return settlement(settled(market_id, specifiers, results), at=at, certainty=draw(st.integers(1, 2)))
    times: dict[str, Any] = draw(st.sampled_from([{}, {"start_time": 1}]))
    name = {"rollback": "rollback_bet_settlement", "cancel": "bet_cancel", "rollback_cancel": "rollback_bet_cancel"}[
        kind
    ]
    return message(name, market(market_id, specifiers), at=at, **(times if kind != "rollback" else {}))


@st.composite
def _stories(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Messages in order, each at its own time, and the same with duplicates in another order."""
    count = draw(st.integers(1, 12))
    story = [draw(_odds(at) if draw(st.booleans()) else _other(at)) for at in range(1, count + 1)]
    again = draw(st.lists(st.sampled_from(story), max_size=6))
    return story, draw(st.permutations([*story, *again]))


def _end(messages: Iterable[bytes]) -> tuple[dict[str, Market], Event | None, set[MarketResult]]:
    feed = translator()
    feed.learn(parse_document(PLAYER), 0)
    markets: dict[str, Market] = {}
    event: Event | None = None
    results: list[MarketResult] = []
    for data in messages:
        said = parse(data)
        assert isinstance(said, EventMessage)
        told = feed.apply(said, 1)
        results += told.results
        for one in told.states:
            if isinstance(one, Market):
                assert decode_record(market_subject(0, one.topic, one.id), encode_record(one)) == one
                markets[one.id] = one
            else:
                assert decode_record(event_subject(0, one.topic), encode_record(one)) == one
                event = one
    assert len({(one.market, one.kind, one.ts, one.from_ms) for one in results}) == len(results)
    return markets, event, {replace(one, market="") for one in results}


def _offered(markets: dict[str, Market]) -> dict[str, Market]:
    """What is not gone; what a line was called before does not count."""
    return {one.id: replace(one, replaces=None) for one in markets.values() if not one.gone}


def _ended(markets: dict[str, Market]) -> set[tuple[str, str | None, str]]:
    return {(one.type, one.line, one.st) for one in markets.values() if one.gone and one.replaced_by is None}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_stories())
def test_duplicates_and_any_order_end_the_same(stories: tuple[list[bytes], list[bytes]]) -> None:
    markets, event, results = _end(stories[0])
    other_markets, other_event, other_results = _end(stories[1])
    assert _offered(other_markets) == _offered(markets)
    assert _ended(other_markets) == _ended(markets)
    assert other_event == event
    assert other_results == results
