"""Admission: closed by lateness and by images owed, never by a count of devices; it opens again by itself."""

from __future__ import annotations

import asyncio
import functools

from fanout.admission import LAG_WINDOW_MS, Admission, AdmissionLimits
from fanout.arrivals import ARRIVALS_A_TURN, Arrivals

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
    arrivals = Arrivals(asyncio.get_running_loop())
    begun: list[int] = []
    for number in range(2 * ARRIVALS_A_TURN + 1):
        arrivals.add(functools.partial(begun.append, number))
    assert begun == []
    seen = []
    while len(begun) <= 2 * ARRIVALS_A_TURN:
        await asyncio.sleep(0)
        seen.append(len(begun))
    assert seen == [ARRIVALS_A_TURN, 2 * ARRIVALS_A_TURN, 2 * ARRIVALS_A_TURN + 1]
    assert begun == sorted(begun)
