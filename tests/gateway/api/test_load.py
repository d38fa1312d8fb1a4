"""The queue in front of the database, and deadlines: nobody waits for ever, no place is lost, none is given twice."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from gateway.api.load import Pressure, Queue, seconds_left


@settings(deadline=None)
@given(
    places=st.integers(1, 3),
    waiting_max=st.integers(0, 3),
    steps=st.lists(st.tuples(st.sampled_from(["come", "leave", "vanish"]), st.integers(0, 9)), max_size=40),
)
def test_there_are_never_more_inside_than_places_nor_more_waiting_than_may(
    places: int, waiting_max: int, steps: list[tuple[str, int]]
) -> None:
    async def run() -> None:
        queue = Queue(places=places, waiting_max=waiting_max, wait_s=60)
        inside: set[asyncio.Task[None]] = set()
        doors: dict[asyncio.Task[None], asyncio.Event] = {}

        async def visit(door: asyncio.Event) -> None:
            async with queue.place():
                task = asyncio.current_task()
                assert task is not None
                inside.add(task)
                try:
                    await door.wait()
                finally:
                    inside.discard(task)

        for what, which in steps:
            alive = [task for task in doors if not task.done()]
            if what == "come":
                door = asyncio.Event()
                doors[asyncio.ensure_future(visit(door))] = door
            elif alive and what == "leave":
                doors[alive[which % len(alive)]].set()
            elif alive:
                alive[which % len(alive)].cancel()
            for _ in range(20):  # turns of the loop until a place that is left is taken
                await asyncio.sleep(0)
            alive = [task for task in doors if not task.done()]
            assert len(inside) == min(places, len(alive))
            assert queue.free == places - len(inside)
            assert len(queue) == len(alive) - len(inside) <= waiting_max
        for task, door in doors.items():
            door.set()
            with contextlib.suppress(asyncio.CancelledError, Refused):
                await task
        assert (queue.free, len(queue)) == (places, 0)

    asyncio.run(run())


async def test_who_waits_too_long_is_told_whose_limit_it_was() -> None:
    queue = Queue(places=1, waiting_max=5, wait_s=0.02)
    async with queue.place():
        for left_s, code in ((math.inf, "overloaded"), (0.01, "deadline_passed")):
            with pytest.raises(Refused) as refused:
                async with queue.place(left_s):
                    raise AssertionError
            assert refused.value.code == code
    assert (queue.free, len(queue)) == (1, 0)


def test_a_deadline_is_unix_time_in_ms() -> None:
    assert seconds_left(None) == math.inf
    assert 59 < seconds_left(str(int(time.time() * 1_000) + 60_000).encode()) <= 60
    for text, code in (
        (b"1700000000000", "deadline_passed"),
        (b"", "bad_deadline"),
        (b"-1", "bad_deadline"),
        (b"9" * 14, "bad_deadline"),
    ):
        with pytest.raises(Refused) as refused:
            seconds_left(text)
        assert refused.value.code == code


def test_pressure_is_the_time_since_the_loop_came_round() -> None:
    now_s = 5.0
    pressure = Pressure(lambda: now_s)
    assert pressure.delay_s == 0, "it does not run yet"
    pressure.come_round()
    now_s = 5.21
    assert pressure.delay_s == pytest.approx(0.2)
    pressure.come_round()
    assert pressure.delay_s == 0
