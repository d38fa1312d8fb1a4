"""What a recovery writes: what differs from the log, what became of the absent, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from feeds.contract.lane import Stored
from feeds.contract.model import Event, Market
from feeds.contract.records import encode_record
from feeds.ports import State
from feeds.recovery import HeldStates, Newest, ended
from tests.bus import event, market


def held(*board: State) -> HeldStates:
    states = HeldStates(feed="alpha", lane=0)
    states.board_read(Stored(states.subject(state), s, encode_record(state)) for s, state in enumerate(board, start=1))
    return states


def m(market_id: str, **changes: object) -> Market:
    return msgspec.structs.replace(market(market_id, "E1"), **{"src": "alpha-0", **changes})


def gone(market: Market) -> Market:
    return msgspec.structs.replace(market, gone=True, st="closed")


def test_only_what_differs_is_written() -> None:
    states = held(m("M1"), m("M2"))
    assert states.put(m("M1", ts=99)) is None
    changed = states.put(m("M2", st="suspended"))
    assert changed is not None
    assert changed.subject == "odds.0.football.nfl.E1.M2"
    assert states.put(m("M3")) is not None


def test_after_recovery_every_state_is_written() -> None:
    states = held(m("M1"))
    states.put(m("M1"))
    assert states.recovered(gone) == []
    assert states.put(m("M1", ts=99)) is not None


def test_absent_markets_become_what_the_provider_says_and_their_event_ends() -> None:
    states = held(event("E1"), m("M1"), m("M2"))
    states.put(m("M1"))
    assert states.recovered(gone) == [gone(m("M2"))]
    states.recovering()
    after = states.recovered(gone)
    assert [state.id for state in after] == ["M1", "M2", "E1"]
    assert all(ended(state) for state in after)


def test_an_event_with_a_market_left_stays() -> None:
    states = held(event("E1"), m("M1"))
    assert states.recovered(lambda market: msgspec.structs.replace(market, st="suspended")) == [m("M1", st="suspended")]


@pytest.mark.parametrize("other", [m("M1", src="beta-0"), m("M1", gone=True), event("E9"), event("E1", state="ended")])
def test_what_is_anothers_or_has_ended_is_left_alone(other: Market | Event) -> None:
    states = held(other)
    assert states.recovered(gone) == []
    assert states.current() == []


def test_current_is_what_has_not_ended() -> None:
    states = held()
    states.put(event("E1"))
    states.put(m("M1"))
    states.put(m("M2"))
    states.put(m("M2", gone=True))
    assert [message.subject for message in states.current()] == [
        "odds.0.football.nfl.E1._event",
        "odds.0.football.nfl.E1.M1",
    ]


def test_an_event_is_written_as_this_feeds_and_anothers_is_left_alone() -> None:
    states = held(event("E1", src="beta-0"), m("M1"))
    assert [message.subject for message in states.current()] == ["odds.0.football.nfl.E1.M1"]
    message = states.put(event("E1"))
    assert message is not None
    assert b'"src":"alpha-0"' in message.data


def test_an_end_that_was_kept_is_given_once_and_says_nothing_over_an_end() -> None:
    states = held(m("M1"), m("M2"))
    ends = {}
    for market_id in ("M1", "M2"):
        message = states.put(gone(m(market_id)))
        assert message is not None
        states.keep_end(message)
        ends[message.subject] = message
    first, second = ends
    assert states.meet(first, False)
    assert states.newest(first) == Newest(ends[first], ends=True)
    assert states.newest(first) is None
    assert not states.meet(second, True)
    assert states.newest(second) is None
    states.put(m("M2"))
    assert states.meet(second, True)
    assert states.newest(second) == Newest(states.current()[0], ends=False)


def test_a_record_nobody_can_read_is_passed_over() -> None:
    states = HeldStates(feed="alpha", lane=0)
    states.board_read([Stored("odds.0.football.nfl.E1.M1", 1, b"rubbish"), Stored("odds.0.desk.E1", 2, b"{}")])
    assert states.current() == []
