"""Ticks: due every interval, stretched by what flushes cost, never past the ceiling."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fanout.scheduler import TickClock


def test_idle_ticks_keep_their_rhythm() -> None:
    clock = TickClock(100, 150, now_ms=0)
    assert [clock.flushed(due, due + 1) for due in (100, 200, 300)] == [200, 300, 400]
    assert clock.lag_ms() == {"p50": 1, "p99": 1}


def test_a_late_tick_does_not_shift_those_after_it() -> None:
    clock = TickClock(100, 150, now_ms=0)
    assert clock.flushed(130, 132) == 200


def test_what_costs_much_leaves_as_much_to_others_up_to_the_ceiling() -> None:
    clock = TickClock(100, 150, now_ms=0)
    assert clock.flushed(100, 160) == 220
    clock = TickClock(100, 150, now_ms=0)
    assert clock.flushed(100, 190) == 250


def test_a_tier_slower_than_the_ceiling_keeps_its_interval() -> None:
    assert TickClock(1_000, 150, now_ms=0).flushed(1_000, 1_001) == 2_000


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=40))
def test_the_next_tick_is_never_before_the_flush_ended_nor_past_the_ceiling(flushes: list[tuple[int, int]]) -> None:
    clock = TickClock(100, 150, now_ms=0)
    for late_ms, took_ms in flushes:
        began = clock.due_ms + late_ms
        due = clock.flushed(began, began + took_ms)
        assert due >= began + took_ms
        assert due <= max(began + 150, began + took_ms)
