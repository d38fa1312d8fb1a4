"""Bus records: bytes and back, versions, and which subject carries what."""

from __future__ import annotations

import pytest

from feeds.contract import subjects
from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market, Score, Selection, Subject
from feeds.contract.prices import price_from_milli
from feeds.contract.records import Beat, Lead, Record, decode_record, encode_record

TOPIC = "football.nfl.E1"
MARKET = Market(
    "M1",
    "E1",
    TOPIC,
    "prop",
    "player_points",
    "game",
    "alpha-2",
    5,
    "suspended",
    (Selection("O1", "Over 10.5", price=price_from_milli(1_909), side="over", line="10.5", lay=1_920, size=4_520),),
    live=True,
    group="G1",
    subject=Subject("player", "P7", "A. Player"),
    reason="possible_score",
)
EVENT = Event(
    "E1", TOPIC, "Bills @ Chiefs", "2026-09-21T20:00:00Z", "live", 5, home="Chiefs", away="Bills", score=Score(3, 7)
)
RECORDS: list[tuple[str, Record]] = [
    (subjects.market_subject(2, TOPIC, "M1"), MARKET),
    (subjects.event_subject(2, TOPIC), EVENT),
    (subjects.lead_subject(2, "alpha"), Lead("alpha", "o-1", 3, 5)),
    (subjects.beat_subject(2, "alpha"), Beat("alpha", "recovering", 5)),
]


@pytest.mark.parametrize(("subject", "record"), RECORDS, ids=[subject for subject, _ in RECORDS])
def test_a_record_survives_the_bus(subject: str, record: Record) -> None:
    data = encode_record(record)
    assert data.startswith(b'{"v":1,')
    assert decode_record(subject, data) == record
    assert decode_record(subject.replace("odds.", "live.", 1), data) == record


def test_unknown_fields_are_ignored_and_older_spellings_read() -> None:
    data = b'{"feed":"alpha","state":"live","ts":5,"mood":"good","v":1}'
    assert decode_record("odds.0.beat.alpha", data) == Beat("alpha", "live", 5)


def test_a_kind_this_version_does_not_know_is_no_record() -> None:
    assert decode_record("odds.0.desk.E1", b'{"v":1}') is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"v":2,"feed":"alpha","state":"live","ts":5}', "bus_version"),
        (b'{"v":0,"feed":"alpha","state":"live","ts":5}', "bus_version"),
        (b'{"v":1,"feed":"alpha","state":"asleep","ts":5}', "bus_malformed"),
        (b'{"feed":"alpha","state":"live","ts":5}', "bus_malformed"),
        (b"", "bus_malformed"),
        (b'{"v":1,"feed":', "bus_malformed"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        decode_record("odds.0.beat.alpha", data)
    assert refusal.value.code == code


def test_kinds_follow_from_subjects() -> None:
    kinds = [subjects.kind_of(subject) for subject, _ in RECORDS]
    assert kinds == ["market", "event", "lead", "beat"]
    assert subjects.kind_of("live.3.desk.football") == "desk"


def test_an_event_has_one_lane_whoever_asks() -> None:
    assert {subjects.lane_of("E1", 4) for _ in range(3)} == {subjects.lane_of("E1", 4)}
    assert {subjects.lane_of(f"E{number}", 4) for number in range(64)} == {0, 1, 2, 3}
