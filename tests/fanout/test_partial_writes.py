"""Members whose sockets do not take a frame whole: they lose nothing, and nobody else is kept waiting."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.simulation.delivery.devices import WIRE
from fanout.cohorts import Cohort, Outgoing
from fanout.contract.topics import parse_topic
from fanout.ports import Wire

FIRST, SECOND = Outgoing(b"first", None, 1), Outgoing(b"second", None, 1)


class Narrow:
    """An outlet whose kernel takes at most `room` bytes of what is sent, fails where that is None; full, it leaves."""

    def __init__(self, cohort: Cohort, room: int | None) -> None:
        self.wire: Wire = WIRE
        self.place = 0
        self.taken = b""
        self.kept = b""
        self._cohort = cohort
        self._room = room

    def send(self, frame: bytes, /) -> int:
        if self._room is None:
            raise BlockingIOError
        self.taken += frame[: self._room]
        return min(len(frame), self._room)

    def write(self, data: bytes) -> None:
        self.kept += data
        self._cohort.leave(self)

    def close(self, close: object) -> None:
        raise AssertionError(close)


@pytest.fixture
def cohort() -> Cohort:
    return Cohort([parse_topic("football.nfl")], 0, frozenset({0}))


@pytest.fixture
def narrow(cohort: Cohort) -> Callable[[int | None], Narrow]:
    def joins(room: int | None) -> Narrow:
        outlet = Narrow(cohort, room)
        cohort.join(outlet)
        return outlet

    return joins


@pytest.mark.parametrize("room", [None, 0, 3], ids=["error", "nothing", "part"])
def test_who_cannot_take_it_whole_leaves_and_loses_nothing(
    cohort: Cohort, narrow: Callable[[int | None], Narrow], room: int | None
) -> None:
    before, full, after = narrow(1_000), narrow(room), narrow(1_000)
    cohort.send(FIRST)
    while not cohort.write_some(1).done:
        pass
    assert before.taken == after.taken == b"first\n"
    assert full.taken + full.kept == b"first\n"
    assert len(cohort) == 2
    cohort.send(SECOND)
    assert cohort.write_some(10) == (2, 2, 2, True)
    assert before.taken == after.taken == b"first\nsecond\n"
    assert full.taken + full.kept == b"first\n"
    assert not before.kept + after.kept


def test_what_leaves_by_one_write_is_kept_from_where_it_was_cut(
    cohort: Cohort, narrow: Callable[[int | None], Narrow]
) -> None:
    full = narrow(8)
    cohort.send(FIRST)
    cohort.send(SECOND)
    assert cohort.write_some(10) == (1, 2, 2, True)
    assert (full.taken, full.kept) == (b"first\nse", b"cond\n")
    assert len(cohort) == 0
