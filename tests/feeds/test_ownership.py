"""Who may write over whom, what is kept until it may be written, and what is written again."""

from __future__ import annotations

import msgspec
import pytest
from pydantic import ValidationError

from feeds.contract.lane import Board, Stored
from feeds.contract.model import FeedState
from feeds.contract.records import Beat, encode_record
from feeds.contract.subjects import beat_subject, event_subject, market_subject
from feeds.ownership import ENDED_MAX, LaneOwnership, Priority, priority_of
from feeds.settings import FeedsSettings
from tests.bus import event, market

TOPIC = "football.nfl.E1"
M1 = market_subject(0, TOPIC, "M1")
M2 = market_subject(0, TOPIC, "M2")
E1 = event_subject(0, TOPIC)
PRIORITY = Priority(("alpha", "beta"), hysteresis_ms=1_000)


class Lane:
    """What one feed sees of a lane; `now_ms` is moved by hand."""

    def __init__(self, feed: str, *holds: str) -> None:
        self.now_ms = 100_000
        self.holds = set(holds)
        self.s = 0
        self.ownership = LaneOwnership(
            feed=feed, lane=0, priority=PRIORITY, meet=lambda subject, _: subject in self.holds
        )

    def read(self, subject: str, data: bytes) -> Stored:
        self.s += 1
        record = Stored("live" + subject[4:], self.s, data)
        self.ownership.record(record, self.now_ms)
        return record

    def beat(self, feed: str, state: FeedState = "live") -> None:
        self.read(beat_subject(0, feed), encode_record(Beat(feed, state, self.now_ms)))

    def state(self, feed: str, market_id: str = "M1", **changes: object) -> Stored:
        made = msgspec.structs.replace(market(market_id, "E1", feed=feed, lanes=1), **changes)
        return self.read(market_subject(0, TOPIC, market_id), encode_record(made))

    def pass_ms(self, count: int) -> None:
        self.now_ms += count

    def claim(self, subject: str = M1, *, ends: bool = False) -> str:
        return self.ownership.claim(subject, self.now_ms, ends=ends)

    def due(self, limit: int = 99) -> list[str]:
        return self.ownership.due(self.now_ms, limit)


def test_what_is_nobodys_or_its_own_may_be_written_whoever_else_there_is() -> None:
    lane = Lane("beta")
    assert lane.claim() == "write"
    lane.state("beta")
    lane.read(E1, encode_record(event("E1")))
    assert (lane.claim(), lane.claim(E1)) == ("write", "write")


@pytest.mark.parametrize(
    ("feed", "own", "other", "live_ms", "allowed"),
    [
        ("alpha", "live", "live", 1_000, True),
        ("alpha", "live", "live", 999, False),
        ("alpha", "recovering", "live", 1_000, False),
        ("beta", "live", "live", 5_000, False),
        ("alpha", "recovering", "recovering", 0, True),
        ("beta", "recovering", "recovering", 0, False),
        ("beta", "live", "recovering", 0, True),
        ("beta", "recovering", "down", 0, True),
        ("beta", "live", "down", 0, True),
        ("alpha", "down", "down", 0, False),
        ("alpha", "down", "live", 5_000, False),
        ("gamma", "live", "live", 5_000, False),
        ("gamma", "live", "down", 0, True),
    ],
)
def test_the_rule(feed: str, own: FeedState, other: FeedState, live_ms: int, allowed: bool) -> None:
    lane = Lane(feed)
    owner = "beta" if feed == "alpha" else "alpha"
    lane.beat(feed, own)
    for _ in range(live_ms // 1_000):
        lane.pass_ms(1_000)
        lane.beat(feed, own)
    lane.pass_ms(live_ms % 1_000)
    lane.beat(owner, other)
    lane.state(owner)
    assert lane.claim() == ("write" if allowed else "keep")


def test_who_never_beat_or_fell_silent_is_dead() -> None:
    lane = Lane("beta", M1)
    lane.beat("beta")
    lane.state("alpha")
    assert lane.due() == [M1]
    lane.beat("alpha")
    lane.state("alpha")
    assert lane.due() == []
    lane.pass_ms(3_000)
    lane.beat("beta")
    assert lane.due() == []
    lane.pass_ms(1)
    assert lane.due() == [M1]
    assert lane.due() == []


def test_who_does_not_hear_itself_takes_nobody_for_dead() -> None:
    lane = Lane("beta", M1)
    lane.beat("beta")
    lane.beat("alpha")
    lane.state("alpha")
    lane.pass_ms(60_000)
    assert lane.due() == []
    assert lane.claim() == "keep"
    lane.beat("beta")
    assert lane.due() == [M1]


def test_hysteresis_begins_anew_after_a_silence_and_after_recovering() -> None:
    lane = Lane("alpha", M1)
    lane.beat("alpha")
    lane.pass_ms(3_001)
    lane.beat("beta")
    lane.state("beta")
    lane.beat("alpha")
    assert lane.due() == []
    lane.pass_ms(900)
    lane.beat("alpha", "recovering")
    lane.beat("alpha")
    lane.beat("beta")
    lane.pass_ms(999)
    assert lane.due() == []
    lane.pass_ms(1)
    assert lane.due() == [M1]


def test_what_crossed_on_the_way_is_written_again_once() -> None:
    lane = Lane("alpha", M1)
    lane.beat("alpha")
    lane.pass_ms(1_000)
    lane.beat("alpha")
    lane.beat("beta")
    lane.state("alpha")
    lane.state("beta")
    assert lane.due() == [M1]
    lane.state("beta")
    lane.state("alpha")
    assert lane.due() == []


def test_what_was_kept_is_written_also_where_an_older_one_of_its_own_arrives_last() -> None:
    lane = Lane("beta", M1)
    lane.beat("alpha")
    lane.beat("beta")
    lane.state("alpha")
    assert lane.claim() == "keep"
    lane.state("beta")
    assert lane.due() == [M1]
    lane.state("beta")
    assert lane.due() == []


def test_what_was_kept_is_written_also_where_a_board_holds_an_older_one_of_its_own() -> None:
    lane = Lane("beta", M1)
    lane.beat("alpha")
    lane.beat("beta")
    lane.state("alpha")
    assert lane.claim() == "keep"
    lane.ownership.board(Board(9, 1, [lane.state("beta")]), lane.now_ms)
    assert lane.due() == [M1]
    assert lane.due() == []


def test_events_come_after_all_markets_and_no_more_than_asked_for() -> None:
    lane = Lane("beta", M1, M2, E1)
    lane.beat("beta")
    lane.read(E1, encode_record(event("E1", src="alpha-0")))
    lane.state("alpha", "M1")
    lane.state("alpha", "M2")
    assert lane.due(2) == [M1, M2]
    assert lane.due(2) == [E1]


def test_an_ended_record_is_its_feeds_and_an_end_over_it_says_nothing() -> None:
    lane = Lane("beta", M1)
    for feed in ("alpha", "beta"):
        lane.beat(feed)
    lane.state("alpha", gone=True, st="settled")
    assert lane.claim(ends=True) == "drop"
    assert lane.claim() == "keep"
    assert not lane.ownership.owns(M1, lane.now_ms)
    lane.beat("alpha", "down")
    assert lane.due() == [M1]
    assert lane.ownership.owns(M1, lane.now_ms)


def test_what_is_kept_is_not_owned_yet() -> None:
    lane = Lane("beta", M1)
    lane.beat("beta")
    lane.state("alpha")
    assert not lane.ownership.owns(M1, lane.now_ms)
    assert lane.due() == [M1]
    assert lane.ownership.owns(M1, lane.now_ms)


def test_ended_records_are_forgotten_at_their_limit() -> None:
    lane = Lane("beta")
    for feed in ("alpha", "beta"):
        lane.beat(feed)
    for number in range(ENDED_MAX + 1):
        lane.state("alpha", f"M{number}", gone=True)
    assert lane.claim(market_subject(0, TOPIC, "M0")) == "write"
    assert lane.claim(market_subject(0, TOPIC, "M1")) == "keep"


def test_a_board_takes_the_place_of_what_was_read_but_not_of_what_was_heard() -> None:
    lane = Lane("beta", M1, M2)
    for feed in ("alpha", "beta"):
        lane.beat(feed)
    lane.state("alpha", "M1")
    record = lane.state("alpha", "M2")
    lane.ownership.board(Board(9, 1, [record]), lane.now_ms)
    assert (lane.claim(M1), lane.claim(M2)) == ("write", "keep")
    lane.ownership.forget()
    assert lane.claim(M2) == "write"
    lane.state("alpha", "M2")
    assert lane.due() == []


def test_a_source_of_another_lane_or_an_unreadable_beat_is_nobodys() -> None:
    lane = Lane("beta")
    lane.beat("beta")
    lane.read(M1, encode_record(market("M1", "E1", src="alpha-7")))
    lane.read(beat_subject(0, "alpha"), b"rubbish")
    assert lane.claim() == "write"


def test_priority_of_a_setting() -> None:
    assert priority_of("alpha,beta", hysteresis_s=2.5) == Priority(("alpha", "beta"), 2_500)
    assert priority_of("", hysteresis_s=10.0) == Priority()
    assert FeedsSettings(priority="alpha,beta-2").priority == "alpha,beta-2"
    for bad in ("alpha, beta", ",alpha", "Alpha", "a.b"):
        with pytest.raises(ValidationError):
            FeedsSettings(priority=bad)


def test_places_are_those_of_the_priority_and_then_by_name() -> None:
    assert PRIORITY.place("alpha") < PRIORITY.place("beta") < PRIORITY.place("aaa") < PRIORITY.place("zzz")
