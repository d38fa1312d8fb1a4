"""MARKET, DELTA and EVENT on the wire: the order and names of PROTOCOL.md, and only what changed."""

from __future__ import annotations

import orjson

from fanout.contract import messages
from fanout.contract.codec import delta_json, event_json, market_json
from feeds.contract.book import Delta, SelectionDelta
from feeds.contract.model import Event, Market, Score, Selection
from feeds.contract.prices import price_from_american

SELECTIONS = (
    Selection("O1", "Chiefs -3.5", price=price_from_american(-110), side="home", line="-3.5"),
    Selection("O2", "Bills +3.5", st="suspended", lay=1_920, size=4_520, ltp=1_910),
)
MARKET = Market(
    "M9", "E1", "football.nfl.E1", "main", "spread", "game", "alpha-2", 1_009, "open", SELECTIONS, True, "G4", "-3.5"
)


def test_a_whole_market() -> None:
    assert market_json(MARKET, 8_119).decode() == (
        '{"id":"M9","event":"E1","topic":"football.nfl.E1","class":"main","type":"spread","period":"game","group":"G4",'
        '"line":"-3.5","src":"alpha-2","p":0,"s":8119,"ts":1009,"st":"open","live":true,"x":['
        '{"id":"O1","name":"Chiefs -3.5","side":"home","line":"-3.5","a":-110,"d":"1.909","st":"open"},'
        '{"id":"O2","name":"Bills +3.5","a":null,"d":null,"lay":"1.920","size":"45.20","ltp":"1.910",'
        '"st":"suspended"}]}'
    )


def test_a_delta_says_only_what_changed() -> None:
    changed = (SelectionDelta("O1", price=price_from_american(-115)), SelectionDelta("O2", price=None, lay=None))
    assert delta_json(Delta("M9", 8_123, 1_009, selections=changed), 8_119).decode() == (
        '{"id":"M9","p":8119,"s":8123,"ts":1009,"x":[{"id":"O1","a":-115,"d":"1.870"},'
        '{"id":"O2","a":null,"d":null,"lay":null}]}'
    )
    assert delta_json(Delta("M9", 8_140, 2_044, st="suspended", reason="possible_score"), 8_123).decode() == (
        '{"id":"M9","p":8123,"s":8140,"ts":2044,"st":"suspended","reason":"possible_score"}'
    )
    assert delta_json(Delta("M9", 8_201, 9_000, st="closed", gone=True, replaced_by="M10"), 8_190).decode() == (
        '{"id":"M9","p":8190,"s":8201,"ts":9000,"st":"closed","gone":true,"replaced_by":"M10"}'
    )
    assert delta_json(Delta("M9", 9, 5), 8).decode() == '{"id":"M9","p":8,"s":9,"ts":5}'


def test_an_event() -> None:
    event = Event(
        "E1",
        "football.nfl.E1",
        "Bills @ Chiefs",
        "2026-09-21T20:00:00Z",
        "live",
        5,
        score=Score(7, 3),
        clock="Q2 04:31",
        src="alpha-2",  # for the bus alone
    )
    assert orjson.loads(event_json(event, 8_119)) == {
        "id": "E1",
        "topic": "football.nfl.E1",
        "name": "Bills @ Chiefs",
        "start": "2026-09-21T20:00:00Z",
        "state": "live",
        "score": {"home": 7, "away": 3},
        "clock": "Q2 04:31",
        "s": 8_119,
    }


def test_frames_begin_with_their_kind_and_hold_m_even_empty() -> None:
    assert (
        messages.delta_frame(5, [], [b'{"id":"E1"}'], cursor="c")
        == b'{"t":"d","ts":5,"m":[],"e":[{"id":"E1"}],"cursor":"c"}'
    )
    assert messages.delta_frame(5, [b"1", b"2"], [], why="slow") == b'{"t":"d","ts":5,"m":[1,2],"why":"slow"}'
    assert messages.image_frame([b"1"], [], "topics") == b'{"t":"img","m":[1],"why":"topics"}'
