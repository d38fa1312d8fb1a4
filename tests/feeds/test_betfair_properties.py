"""Whatever bytes come, the reader answers with a change or a Refused, and a refused line changes nothing."""

from __future__ import annotations

import copy
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market
from feeds.contract.records import decode_record, encode_record
from feeds.contract.subjects import event_subject, market_subject
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import BetfairMarket, Runner, StreamReader
from tests.feeds.betfair_stream import MARKET, change, definition, line, runner

_MARKETS = st.sampled_from([MARKET, "1.500000002", "1.500000003"])
_SIZES = st.sampled_from([0, 0, 1.5, 20, 300.07])
_PRICES = st.sampled_from([1.01, 1.5, 2, 2.02, 3.55, 990, 1000, 0, 5000])
_ENTRIES = st.lists(st.tuples(_PRICES, _SIZES), max_size=4)
_STEPS = st.lists(st.tuples(st.integers(0, 3), _PRICES, _SIZES), max_size=3)
_WORDS = st.sampled_from(["NaN", "Infinity", 3.5, 0])
_RUNNERS = st.tuples(st.sampled_from([11, 12, 13]), st.sampled_from([0, -0.5, 0.5, 1.25]))
_STATUSES = st.sampled_from(["ACTIVE", "WINNER", "LOSER", "REMOVED", "PLACED", "HIDDEN", "NEW_WORD"])
_JSON: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 2**63, 1.5, -2.5, "", "NaN", "é", [], {}, [[]], [[1]], [[1, 2]], [[1, 2, 3]], {"a": [1]}]
)


@st.composite
def _runner_changes(draw: st.DrawFn) -> dict[str, Any]:
    runner_id, hc = draw(_RUNNERS)
    fields: dict[str, st.SearchStrategy[Any]] = {
        "atb": _ENTRIES,
        "atl": _ENTRIES,
        "trd": _ENTRIES,
        "spl": _ENTRIES,
        "batb": _STEPS,
        "bdatl": _STEPS,
        "ltp": _PRICES,
        "tv": _SIZES,
        "spn": _WORDS,
    }
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True))
    return {"id": runner_id, "hc": hc, **{name: draw(fields[name]) for name in chosen}}


@st.composite
def _definitions(draw: st.DrawFn) -> dict[str, Any]:
    runners = [
        runner(runner_id, draw(_STATUSES), hc=hc) for runner_id, hc in draw(st.lists(_RUNNERS, max_size=4, unique=True))
    ]
    key_line = [{"id": runner_id, "hc": hc} for runner_id, hc in draw(st.lists(_RUNNERS, max_size=2))]
    return definition(
        draw(st.sampled_from(["OPEN", "SUSPENDED", "INACTIVE", "CLOSED", "NEW_WORD"])),
        runners=runners,
        inPlay=draw(st.booleans()),
        eventId=draw(st.sampled_from(["3", "4"])),
        eventTypeId=draw(st.sampled_from(["1", "7", "unheard"])),
        marketType=draw(st.sampled_from(["WIN", "MATCH_ODDS", "OVER_UNDER_25", "OUTRIGHT_WINNER", "Ünheard of"])),
        bettingType=draw(st.sampled_from(["ODDS", "ASIAN_HANDICAP_DOUBLE_LINE", "LINE"])),
        keyLineDefinition={"kl": key_line},
    )


@st.composite
def _lines(draw: st.DrawFn) -> dict[str, Any]:
    changes = []
    for _ in range(draw(st.integers(0, 3))):
        made = change(*draw(st.lists(_runner_changes(), max_size=3)), market=draw(_MARKETS))
        if draw(st.booleans()):
            made["marketDefinition"] = draw(_definitions())
        if draw(st.integers(0, 4)) == 0:
            made["img"] = True
        changes.append(made)
    segment = draw(st.sampled_from([None, None, "SEG_START", "SEG", "SEG_END"]))
    status = draw(st.sampled_from([None, None, 503]))
    made_line: dict[str, Any] = orjson.loads(line(*changes, pt=draw(st.integers(0, 2**41))))
    return {**made_line, "segmentType": segment, "status": status}


_GOOD = [
    line(
        change(
            {"id": 11, "hc": 0.5, "atb": [[3.5, 2], [3.4, 0]], "trd": [], "ltp": 3.5, "tv": 2, "spn": "NaN", "spf": 4},
            {"id": 12, "batb": [[0, 2.5, 7]], "bdatl": [[1, 2.6, 0]], "spb": [[2, 1]], "hc": -0.5},
            tv=7.5,
            img=True,
            con=False,
            marketDefinition=definition(
                "SUSPENDED", bettingType="ASIAN_HANDICAP_DOUBLE_LINE", keyLineDefinition={"kl": [{"id": 11, "hc": 0.5}]}
            ),
        ),
        change({"id": 13, "ltp": 2}, market="1.500000002"),
        ct="SUB_IMAGE",
        segmentType="SEG",
        initialClk="I",
        heartbeatMs=5000,
    ),
    line(change({"id": 11, "atb": [[3.5, 0]]}, {"id": 11, "atb": [[3.5, 9]]}), status=503),
    line(change(img=True)),
    b'{"op":"mcm","id":2,"clk":"BBB","pt":1900000000001,"ct":"HEARTBEAT"}',
    b'{"op":"status","id":2,"statusCode":"FAILURE","errorCode":"TIMEOUT","connectionClosed":true}',
]


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A good line, cut, with a byte changed, or with one value somewhere in it replaced; or no line at all."""
    data = bytearray(draw(st.sampled_from(_GOOD)))
    how = draw(st.sampled_from(["good", "cut", "byte", "value", "bytes"]))
    if how == "value":
        message = orjson.loads(data)
        _replace_one(draw, message)
        return orjson.dumps(message)
    if how == "cut":
        return bytes(data[: draw(st.integers(0, len(data)))])
    if how == "byte":
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return draw(st.binary(max_size=40)) if how == "bytes" else bytes(data)


def _replace_one(draw: st.DrawFn, value: Any) -> None:
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = draw(st.sampled_from(keys))
    if isinstance(value[key], dict | list) and draw(st.booleans()):
        _replace_one(draw, value[key])
    else:
        value[key] = draw(_JSON)


def _runner_state(held: Runner) -> dict[str, Any]:
    return {name: copy.copy(getattr(held, name)) for name in Runner.__slots__}


def _market_state(market: BetfairMarket) -> tuple[Any, ...]:
    runners = {key: _runner_state(held) for key, held in market.runners.items()}
    return (market.definition, market.depth, market.tv, market.conflated, runners)


def _state(reader: StreamReader) -> tuple[Any, ...]:
    markets = {market_id: _market_state(market) for market_id, market in reader.markets.items()}
    rest = {name: copy.copy(value) for name, value in vars(reader).items() if name != "markets"}
    return markets, rest


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_damaged(), max_size=8))
def test_any_bytes_give_a_change_or_are_refused_and_then_change_nothing(lines: list[bytes]) -> None:
    reader = StreamReader()
    for data in lines:
        before = _state(reader)
        try:
            reader.read(data)
        except Refused:
            assert _state(reader) == before


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_lines(), max_size=6), st.integers(1, 5))
def test_whatever_the_stream_says_states_are_sound(messages: list[dict[str, Any]], lanes: int) -> None:
    reader = StreamReader()
    translator = Translator(feed="betfair", lanes=lanes, catalogue=Catalogue())
    last: dict[str, Market | Event] = {}
    for now_ms, message in enumerate(messages):
        try:
            told = reader.read(orjson.dumps(message))
        except Refused:
            continue
        for state in translator.states(reader.markets, told.markets, now_ms):
            subject = (
                event_subject(0, state.topic) if isinstance(state, Event) else market_subject(0, state.topic, state.id)
            )
            assert decode_record(subject, encode_record(state)) == state
            _assert_follows(last.get(state.id), state)
            last[state.id] = state
        assert translator.states(reader.markets, told.markets, now_ms) == []
        _assert_ended_events_hold_nothing_open(last)


def _assert_follows(before: Market | Event | None, after: Market | Event) -> None:
    """A state differs from the one before it, and what is fixed for life is the same."""
    if before is None:
        return
    assert type(before) is type(after)
    assert before.topic == after.topic
    if isinstance(before, Market) and isinstance(after, Market):
        fixed = ("event", "cls", "type", "period", "line", "group", "subject")
        assert [getattr(before, name) for name in fixed] == [getattr(after, name) for name in fixed]
    assert replace(after, ts=before.ts) != before


def _assert_ended_events_hold_nothing_open(last: dict[str, Market | Event]) -> None:
    for state in last.values():
        if isinstance(state, Market) and not state.gone:
            event = last[state.event]
            assert isinstance(event, Event)
            assert event.state != "ended"
