"""Admission: closed by lateness and by images owed, never by a count of devices; it opens again by itself."""

from __future__ import annotations

import asyncio
import functools
from itertools import pairwise

from fanout.admission import LAG_WINDOW_MS, Admission, AdmissionLimits
from fanout.arrivals import TURN_S, Arrivals
from tests.bus import eventually

LIMITS = AdmissionLimits(lag_ms=120, images=10)


def told(*lags_ms: float) -> Admission:
    admission = Admission(LIMITS)
    for lag_ms in lags_ms:
        admission.flushed(lag_ms, 0.0)
    admission.look(0.0, 0.0)
    return admission


def test_a_shard_that_is_in_time_takes_devices() -> None:
    assert told().closed(0) is None
    assert told(*[1.0, 119.0, 120.0] * 50).closed(10) is None


def test_one_late_flush_in_a_hundred_closes_nothing() -> None:
    assert told(*[5.0] * 199, 900.0).closed(0) is None


def test_lateness_closes_until_it_is_a_second_ago() -> None:
    admission = told(*[5.0] * 90, *[130.0] * 10)
    assert admission.closed(0) == "late"
    admission.look(0.0, LAG_WINDOW_MS)
    assert admission.closed(0) == "late"
    admission.look(0.0, LAG_WINDOW_MS + 1)
    assert admission.closed(0) is None
    assert admission.lag_p99_ms == 0


def test_a_flush_that_does_not_end_counts_before_it_ended() -> None:
    admission = told(5.0)
    admission.look(121.0, 0.0)
    assert admission.closed(0) == "late"
    admission.look(0.0, 0.0)
    assert admission.closed(0) is None


def test_images_owed_close_at_once_and_open_at_once() -> None:
    admission = told(5.0)
    assert admission.closed(11) == "owes_images"
    assert admission.closed(10) is None


async def test_arrivals_begin_in_order_and_let_others_have_turns() -> None:
    """Each takes a third of a turn's time."""
    done: list[int] = []
    arrivals = Arrivals(asyncio.get_running_loop(), clock=lambda: len(done) * TURN_S / 3)
    for number in range(8):
        arrivals.add(functools.partial(done.append, number))
    assert done == []
    seen = []
    while len(done) < 8:
        await asyncio.sleep(0)
        seen.append(len(done))
    assert [count for before, count in pairwise([0, *seen]) if count > before] == [3, 6, 8]
    assert done == sorted(done)


async def test_what_is_said_is_answered_at_once_as_long_as_the_turn_has_time_and_nobody_waits() -> None:
    done: list[int] = []
    arrivals = Arrivals(asyncio.get_running_loop(), clock=lambda: len(done) * TURN_S / 3)
    assert [arrivals.take(functools.partial(done.append, number)) for number in range(5)] == [True] * 3 + [False] * 2
    assert done == [0, 1, 2]
    await eventually(lambda: len(done) == 5)
    assert arrivals.take(functools.partial(done.append, 5))
    assert done == list(range(6))
