"""A board joined to live records: without gap, without duplicate, whatever was held."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.joining import HELD_MAX, Joining
from feeds.contract.lane import Stored


def record(s: int) -> Stored:
    return Stored("live.0.football.nfl.E.M", s, b"")


def positions(records: list[Stored] | None) -> list[int] | None:
    return None if records is None else [held.s for held in records]


def test_held_records_follow_the_board() -> None:
    joining = Joining()
    assert [joining.received(record(s)) for s in (4, 5, 6, 7)] == [False] * 4
    assert positions(joining.board_read(5)) == [6, 7]
    assert joining.position == 7
    assert joining.received(record(8))


def test_a_board_beyond_all_that_was_held() -> None:
    joining = Joining()
    joining.received(record(4))
    assert joining.board_read(9) == []
    assert joining.received(record(10))


def test_a_hole_between_board_and_held_asks_for_another_board() -> None:
    joining = Joining()
    joining.received(record(7))
    assert joining.board_read(5) is None
    assert not joining.joined
    assert positions(joining.board_read(6)) == [7]


def test_a_hole_in_what_was_held_asks_for_a_board_beyond_it() -> None:
    joining = Joining()
    for s in (4, 5, 8):
        joining.received(record(s))
    assert joining.board_read(5) is None
    assert positions(joining.board_read(7)) == [8]


def test_records_of_a_log_that_was_lost_are_given_up_for_those_of_the_new_one() -> None:
    joining = Joining()
    for s in (951, 952, 1, 2, 3):
        joining.received(record(s))
    assert positions(joining.board_read(1)) == [2, 3]


def test_too_much_held_is_a_hole_not_more_memory() -> None:
    joining = Joining()
    for s in range(1, HELD_MAX + 3):
        joining.received(record(s))
    assert joining.board_read(0) is None
    assert joining.board_read(HELD_MAX) is not None


def test_forgotten_with_the_log() -> None:
    joining = Joining()
    joining.board_read(9)
    joining.forget()
    assert (joining.position, joining.joined) == (0, False)


@given(st.data(), st.integers(min_value=1, max_value=40))
def test_any_losses_and_any_boards_give_every_position_or_a_board_past_it(data: st.DataObject, end: int) -> None:
    """What is handed on is dense from the last board on; nothing is handed on twice."""
    joining = Joining()
    stands = 0
    for s in range(1, end + 1):
        if data.draw(st.booleans(), label="delivered") and joining.received(record(s)):
            assert s == stands + 1
            stands = s
        if not joining.joined and data.draw(st.booleans(), label="board"):
            held = joining.board_read(s)
            if held is not None:
                assert s >= stands
                assert [r.s for r in held] == list(range(s + 1, s + 1 + len(held)))
                stands = s + len(held)
    assert not joining.joined or joining.position == stands
