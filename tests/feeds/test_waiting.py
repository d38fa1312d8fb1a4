"""What waits in a lane: the newest of each subject, events' ends behind everything."""

from __future__ import annotations

from feeds.lane_log import Message
from feeds.waiting import Waiting


def m(subject: str, data: str = "1") -> Message:
    return Message(subject, data.encode())


def test_newest_of_each_in_order_of_first_arrival() -> None:
    waiting = Waiting()
    for message in (m("a"), m("b"), m("a", "2")):
        waiting.put(message)
    assert waiting.replaced == 1
    assert waiting.take(9) == [m("a", "2"), m("b")]


def test_take_no_more_than_asked_for() -> None:
    waiting = Waiting()
    for subject in "abc":
        waiting.put(m(subject))
    assert waiting.take(2) == [m("a"), m("b")]
    assert len(waiting) == 1


def test_an_end_goes_behind_what_waits() -> None:
    waiting = Waiting()
    waiting.put(m("event"))
    waiting.put(m("market"))
    waiting.put(m("event", "ended"), last=True)
    assert waiting.take(9) == [m("market"), m("event", "ended")]


def test_put_back_before_what_waits_unless_newer() -> None:
    waiting = Waiting()
    waiting.put(m("a"))
    waiting.put(m("b"))
    lost = waiting.take(9)
    waiting.put(m("c"))
    waiting.put(m("b", "2"))
    waiting.put_under(lost)
    assert waiting.take(9) == [m("a"), m("c"), m("b", "2")]


def test_an_end_put_back_still_goes_behind() -> None:
    waiting = Waiting()
    waiting.put(m("market"))
    waiting.put(m("event", "ended"), last=True)
    lost = waiting.take(9)
    waiting.put(m("market", "gone"))
    waiting.put_under(lost)
    assert waiting.take(9) == [m("market", "gone"), m("event", "ended")]


def test_an_end_that_was_written_is_forgotten() -> None:
    waiting = Waiting()
    waiting.put(m("event", "ended"), last=True)
    waiting.written(waiting.take(9))
    waiting.put(m("market"))
    waiting.put_under([m("event", "live again")])
    assert waiting.take(9) == [m("event", "live again"), m("market")]
