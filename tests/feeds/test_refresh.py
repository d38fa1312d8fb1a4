"""Which records are due to be repeated: what has not ended, the longest known first, spread."""

from __future__ import annotations

import pytest

from feeds.contract.lane import Board, Stored
from feeds.refresh import LaneRecords

MARKET = "live.0.football.nfl.E.M"
AGE_S = 100.0


def stored(subject: str, s: int, data: bytes = b'{"v":1}') -> Stored:
    return Stored(subject, s, data)


def due(records: LaneRecords, now_s: float, limit: int = 100) -> list[int]:
    return [record.s for record in records.due(now_s, limit)]


def test_due_before_a_quarter_of_the_age() -> None:
    records = LaneRecords(log_age_s=AGE_S)
    records.record(stored(MARKET, 1), 0.0)
    assert due(records, 19.9) == []
    assert due(records, 20.0) == [1]


def test_what_was_repeated_comes_back_as_a_record_and_waits_again() -> None:
    records = LaneRecords(log_age_s=AGE_S)
    records.record(stored(MARKET, 1), 0.0)
    assert due(records, 21.0) == [1]
    assert due(records, 21.1) == []
    records.record(stored(MARKET, 2), 21.2)
    assert due(records, 41.0) == []
    assert due(records, 41.3) == [2]


def test_what_failed_is_due_again_soon() -> None:
    records = LaneRecords(log_age_s=AGE_S)
    records.record(stored(MARKET, 1), 0.0)
    assert due(records, 20.0) == [1]
    assert due(records, 25.0) == [1]


@pytest.mark.parametrize(
    ("subject", "data"),
    [
        (MARKET, b'{"v":1,"gone":true}'),
        ("live.0.football.nfl.E._event", b'{"v":1,"state":"ended"}'),
        ("live.0.beat.alpha", b'{"v":1}'),
    ],
)
def test_what_has_ended_is_never_due_and_not_kept(subject: str, data: bytes) -> None:
    records = LaneRecords(log_age_s=AGE_S)
    records.record(stored(subject, 1), 0.0)
    records.record(stored(subject, 2, data), 1.0)
    assert len(records) == 0
    assert records.position == 2
    assert due(records, 1_000.0) == []


def test_leads_and_overlays_are_repeated() -> None:
    records = LaneRecords(log_age_s=AGE_S)
    records.record(stored("live.0.lead.alpha", 1), 0.0)
    records.record(stored("live.0.desk.E", 2), 0.0)
    assert due(records, 20.0) == [1, 2]


def test_a_board_is_due_first_and_spread() -> None:
    records = LaneRecords(log_age_s=AGE_S)
    board = [stored(f"odds.0.football.nfl.E.M{n}", n) for n in range(1, 101)]
    records.board(Board(100, 1, board), 0.0)
    assert due(records, 0.0) == [1]
    assert due(records, 0.0505) == list(range(2, 52))
    assert due(records, 0.2, limit=10) == list(range(52, 62))
    assert due(records, 0.2) == list(range(62, 101))
    assert due(records, 0.3) == []
    assert len(due(records, 4.5)) == 100


def test_a_board_after_a_hole_leaves_alone_what_did_not_move() -> None:
    records = LaneRecords(log_age_s=AGE_S)
    records.record(stored("live.0.football.nfl.E.M1", 1), 0.0)
    board = [stored("odds.0.football.nfl.E.M1", 1), stored("odds.0.football.nfl.E.M2", 9)]
    records.board(Board(9, 1, board), 5.0)
    assert due(records, 19.0) == []
    assert due(records, 20.0) == [1, 9]


def test_repeats_go_to_the_stored_subject() -> None:
    records = LaneRecords(log_age_s=AGE_S)
    records.record(stored(MARKET, 1), 0.0)
    assert [record.subject for record in records] == ["odds.0.football.nfl.E.M"]


def test_forgets_with_the_log() -> None:
    records = LaneRecords(log_age_s=AGE_S)
    records.record(stored(MARKET, 1), 0.0)
    records.forget()
    assert (len(records), records.position) == (0, 0)
