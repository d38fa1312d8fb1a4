"""Frames are dropped, repeated, altered and sent to others: what looks at a device's wire says so."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import pytest

from bench.chaos.checkers.log import Log, _record
from bench.chaos.checkers.stream import behind, check_shown, check_silences
from bench.chaos.checkers.violation import Violation
from bench.chaos.view import Shown, View

Message = dict[str, Any]

LANES = 4
LANE = crc32(b"E1") % LANES
TOPIC = "football.nfl.E1"


def whole(s: int, american: int = -110, d: str = "1.909", **more: Any) -> Message:
    """A MARKET of the wire."""
    side = {"id": "O1", "name": "A", "a": american, "d": d, "st": "open"}
    return {
        "id": "M1", "event": "E1", "topic": TOPIC, "class": "main", "type": "moneyline", "period": "game",
        "src": f"alpha-{LANE}", "p": 0, "s": s, "ts": s * 10, "st": "open", "live": True, "x": [side], **more,
    }  # fmt: skip


def delta(p: int, s: int, american: int, d: str) -> Message:
    """A DELTA of its only selection."""
    return {"id": "M1", "p": p, "s": s, "ts": s * 10, "x": [{"id": "O1", "a": american, "d": d}]}


def stored(s: int, american: int, milli: int, **more: Any) -> Message:
    """The same on the bus."""
    side = {"id": "O1", "name": "A", "price": [milli, american]}
    market = {name: value for name, value in whole(s).items() if name not in ("p", "s", "x")}
    return {"v": 1, **market, "x": [side], **more}


FRAMES: list[Message] = [
    {"t": "subscribed", "id": 1, "epoch": "9f", "topics": {TOPIC: "image"}},
    {"t": "img", "m": [whole(5)]},
    {"t": "live", "topics": [TOPIC], "src": {}, "cursor": "c5"},
    {"t": "d", "ts": 1, "m": [delta(5, 7, -115, "1.870")], "cursor": "c7"},
    {"t": "d", "ts": 2, "m": [delta(7, 9, -120, "1.833")], "cursor": "c9"},
]
PUBLISHED = {5: stored(5, -110, 1909), 7: stored(7, -115, 1870), 9: stored(9, -120, 1833)}


def log_of(published: dict[int, Message]) -> Log:
    log = Log()
    for s, body in published.items():
        record = _record("M1", s, 0.0, body)
        log.records[LANE, s] = log.last[LANE, "M1"] = record
    return log


def shown(frames: list[Message], *, name: str = "1", into: Shown | None = None) -> tuple[View, list[Violation]]:
    found: list[Violation] = []
    view = View(name, [TOPIC], LANES, {} if into is None else into, found)
    view.connected()
    for frame in frames:
        view.take(frame, 100.0)
    return view, found


def rules(frames: list[Message], published: dict[int, Message] | None = None) -> set[str]:
    view, found = shown(frames)
    log = log_of(PUBLISHED if published is None else published)
    return {violation.rule for violation in [*found, *check_shown(view._shown, log)]}


def test_what_is_as_it_must_be_is() -> None:
    assert rules(FRAMES) == set()
    assert behind(shown(FRAMES)[0], log_of(PUBLISHED)) == []


def test_a_dropped_frame_is_a_gap() -> None:
    assert rules(FRAMES[:3] + FRAMES[4:]) == {"S2"}


def test_a_dropped_last_frame_is_found_by_what_the_device_lacks() -> None:
    assert behind(shown(FRAMES[:4])[0], log_of(PUBLISHED)) == ["M1 at 7 of 9"]


def test_a_frame_that_comes_twice() -> None:
    assert rules([*FRAMES, FRAMES[4]]) == {"S3"}


def test_a_position_that_goes_back() -> None:
    assert rules([*FRAMES, FRAMES[3]]) == {"S1"}


def test_a_price_that_was_never_published() -> None:
    assert rules([*FRAMES[:4], {"t": "d", "ts": 2, "m": [delta(7, 9, -125, "1.800")]}]) == {"S6"}
    assert rules(FRAMES, {s: body for s, body in PUBLISHED.items() if s != 7}) == {"S6"}


def test_two_devices_that_show_different_things() -> None:
    into: Shown = {}
    shown(FRAMES, into=into)
    other = [*FRAMES[:4], {"t": "d", "ts": 2, "m": [delta(7, 9, -125, "1.800")]}]
    assert [violation.rule for violation in shown(other, name="2", into=into)[1]] == ["S6"]


def test_a_suspended_market_that_is_shown_open() -> None:
    assert rules(FRAMES, PUBLISHED | {9: stored(9, -120, 1833, st="suspended")}) == {"S5"}


def test_news_of_an_account_on_a_device() -> None:
    assert rules([*FRAMES, {"t": "account", "seq": 1, "kind": "balance", "data": {}}]) == {"S8"}


@pytest.mark.parametrize(("heard_at_s", "told", "found"), [(103.0, {}, 0), (105.0, {}, 1), (105.0, "stale", 0)])
def test_a_silent_source_that_is_shown_live(heard_at_s: float, told: Any, found: int) -> None:
    view, _ = shown(FRAMES)
    src = f"alpha-{LANE}"
    view.take({"t": "hb", "ts": heard_at_s * 1000, "src": {src: told} if told else {}}, heard_at_s)
    log = Log(beats={src: [99.75, 100.0, 110.0]})
    assert len(list(check_silences([view], log, slack_s=0.5))) == found


def test_a_hole_in_the_log_is_said() -> None:
    log = Log()
    for s in (4, 5, 7):
        log._take(0, s, 0.0, "odds.0.beat.alpha", b'{"feed":"alpha","state":"live","ts":1}')
    assert log.holes == ["lane 0: 7 follows 5"]
