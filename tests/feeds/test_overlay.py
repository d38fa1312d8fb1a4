"""A lane's overlays as its leader reads them, and what a feed writes under them."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.contract.desk import Overlay
from feeds.contract.lane import Board, Stored
from feeds.contract.model import Market
from feeds.contract.prices import price_from_american
from feeds.contract.records import decode_overlay, decode_record, encode_record
from feeds.contract.subjects import event_subject
from feeds.overlay import LaneOverlays
from feeds.ports import State
from feeds.recovery import HeldStates
from feeds.refresh import has_ended
from gateway.desk.commands import Resume, SetPrice, Suspend
from tests.bus import event, market
from tests.feeds.desk_states import any_command, overlay, published, stored, tried

TOPIC = "football.nfl.E1"
OURS = price_from_american(-200)


def m(market_id: str = "M1", **changes: object) -> Market:
    return msgspec.structs.replace(market(market_id, "E1"), **{"src": "alpha-0", **changes})


def told(*records: Stored) -> LaneOverlays:
    overlays = LaneOverlays()
    overlays.board(Board(0, 1, []))
    for record in records:
        overlays.record(record)
    return overlays


def ended(*, live: bool = False) -> Stored:
    state = event("E1", state="live" if live else "ended")
    return Stored(event_subject(0, TOPIC), 9, encode_record(state))


def market_of(data: bytes) -> Market:
    record = decode_record("odds.0.football.nfl.E1.M1", data)
    assert isinstance(record, Market)
    return record


def test_what_begins_is_due_once_and_tells() -> None:
    overlays, calls = LaneOverlays(), []
    overlays.listen(lambda: calls.append(1))
    overlays.record(stored(overlay("football.nfl", Suspend()), 5))
    assert (calls, overlays.due(0), overlays.due(0)) == ([1], ["football.nfl"], [])
    assert overlays.apply(m()).st == "suspended"


def test_a_refresh_changes_nothing() -> None:
    made = overlay("football", Suspend())
    overlays = told(stored(made, 5))
    overlays.due(0)
    overlays.record(stored(made, 8))
    assert overlays.due(0) == []
    assert overlays.to_write(0) == []


def test_its_end_is_due_at_its_time_and_time_does_not_go_back() -> None:
    overlays = told(stored(overlay("football.nfl.E1.M1", SetPrice("O1", OURS, 1), now_ms=1_000), 5))
    overlays.due(1_000)
    before_ms = overlays.next_end_ms
    assert overlays.apply(m()).selections[0].price == OURS
    assert overlays.due(2_000) == [TOPIC]
    assert (before_ms, overlays.next_end_ms) == (2_000, None)
    overlays.due(1_500)
    assert overlays.apply(m()) == m()


def test_of_what_counts_no_more_the_record_is_written_over_with_its_version() -> None:
    made = overlay("football.nfl.E1", Suspend(1), now_ms=0)
    overlays = told(stored(made, 5))
    assert overlays.to_write(999) == []
    (record,) = overlays.to_write(1_000)
    over = decode_overlay(record.subject, record.data)
    assert (record.s, over.version, over.over, over.change) == (5, made.version, True, made.change)
    assert has_ended(record)
    overlays.record(record._replace(s=6))
    assert not overlays.present
    assert overlays.due(1_000) == [TOPIC]


def test_an_overlay_ends_with_its_event_and_not_with_one_that_comes_back() -> None:
    overlays = told(stored(overlay("football.nfl.E1", Suspend()), 5), stored(overlay("football.nfl", Suspend()), 6))
    overlays.event(ended())
    assert [record.s for record in overlays.to_write(0)] == [5]
    overlays.event(ended(live=True))
    assert overlays.to_write(0) == []


def test_an_end_is_also_found_on_a_board() -> None:
    record = stored(overlay("football.nfl.E1", Suspend()), 5)
    overlays = LaneOverlays()
    overlays.board(Board(9, 1, [record, ended()]))
    assert [record.s for record in overlays.to_write(0)] == [5]


def test_what_a_board_does_not_have_is_over() -> None:
    overlays = told(stored(overlay("football", Suspend()), 5))
    overlays.due(0)
    overlays.board(Board(9, 1, []))
    assert (overlays.present, overlays.due(0)) == (False, ["football"])


def test_what_a_lost_log_took_along_counts_on_and_is_written_where_nothing_is() -> None:
    kept, replaced = overlay("football", Suspend()), overlay("football.nfl", Suspend())
    overlays = told(stored(kept, 5), stored(replaced, 6))
    overlays.forget()
    assert overlays.to_write(0) == []  # not before the new log was read
    newer = overlay("football.nfl", Suspend(), Resume())
    overlays.board(Board(3, 1, [stored(newer, 2)]))
    assert [(record.subject, record.s) for record in overlays.to_write(0)] == [("odds.0.desk.football", 0)]
    assert overlays.apply(m()).st == "suspended"
    overlays.record(stored(kept, 4))
    assert overlays.to_write(0) == []


def test_what_cannot_be_read_leaves_what_was() -> None:
    overlays = told(stored(overlay("football", Suspend()), 5))
    overlays.record(Stored("live.0.desk.football", 6, b'{"v":99}'))
    assert overlays.apply(m()).st == "suspended"


# What a feed holds, and writes


def held(overlays: LaneOverlays, *board: State) -> HeldStates:
    states = HeldStates(feed="alpha", lane=0, overlays=overlays)
    states.board_read(Stored(states.subject(state), s, encode_record(state)) for s, state in enumerate(board, start=1))
    return states


def test_a_takeover_holds_the_providers_state_and_writes_nothing_where_the_log_is_right() -> None:
    overlays = told(stored(overlay("football", Suspend()), 5))
    states = held(overlays, overlays.apply(m()))
    assert states.put(m(ts=7)) is None
    (subject,) = states.overlaid()
    assert states.again(subject) is None
    assert market_of(states.current()[0].data).st == "suspended"


def test_a_takeover_after_the_overlay_ended_writes_the_providers_state() -> None:
    shown = told(stored(overlay("football", Suspend()), 5)).apply(m())
    states = held(LaneOverlays(), shown)
    (subject,) = states.overlaid()
    message = states.again(subject)
    assert message is not None
    assert market_of(message.data) == m()
    assert states.overlaid() == []


def test_what_the_provider_did_not_mention_is_asked_about_as_it_had_it() -> None:
    overlays = told(stored(overlay("football", Suspend()), 5))
    states = held(overlays, event("E1"), overlays.apply(m()))
    assert states.recovered(lambda market: msgspec.structs.replace(market, st="inactive")) == [m(st="inactive")]


def test_an_end_is_written_as_the_provider_says_it() -> None:
    states = held(told(stored(overlay("football", Suspend()), 5)))
    states.put(m())
    message = states.put(m(gone=True, st="settled"))
    assert message is not None
    assert market_of(message.data) == m(gone=True, st="settled")
    assert (states.current(), states.overlaid()) == ([], [])


def test_only_what_is_under_a_scope_is_looked_at() -> None:
    states = held(LaneOverlays(), m(), m("M2", topic="football.nfl.E10"), m("M3", topic="football.nflx.E2"))
    assert states.under(["football.nfl.E1"]) == ["odds.0.football.nfl.E1.M1"]
    assert len(states.under(["football.nfl"])) == 2
    assert len(states.under(["football"])) == 3


MARKETS = ["M0", "M1", "M2"]


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.sampled_from("pppddtr"), min_size=1, max_size=60))
def test_any_interleaving_ends_as_the_newest_state_under_the_newest_overlays(random: Random, steps: list[str]) -> None:
    """Prices, commands, time, and a refresh or takeover in between, in any order."""
    overlays = told()
    states = held(overlays)
    states.recovered(lambda market: market)
    log: dict[str, bytes] = {}
    said: dict[str, Market] = {}
    desk: dict[str, Overlay] = {}
    now_ms = 0
    for number, step in enumerate(steps):
        match step:
            case "p":
                state = m(random.choice(MARKETS), ts=number, st=random.choice(("open", "suspended", "closed")))
                said[state.id] = state
                message = states.put(state)
                if message is not None:
                    log[message.subject] = message.data
            case "d":
                wanted = any_command(random, MARKETS, number)
                made = tried(wanted, desk.get(wanted.aim.scope), now_ms)
                if made is not None:
                    desk[made.scope] = made
                    overlays.record(stored(made, number + 1))
            case "t":
                now_ms += random.choice((500, 1_000, 5_000))
            case _:
                overlays = told(*(stored(made, number + 1) for made in desk.values()))
                states = HeldStates(feed="alpha", lane=0, overlays=overlays)
                states.board_read(Stored(subject, 1, data) for subject, data in log.items())
                states.recovered(lambda market: market)
                _look(states, states.overlaid(), log, now_ms)
        if random.random() < 0.5:
            _look(states, [], log, now_ms)
    _look(states, [], log, now_ms)
    records = [stored(made, 1) for made in desk.values()]
    assert {market_of(data).id: market_of(data) for data in log.values()} == {
        market_id: published(state, records, now_ms) for market_id, state in said.items()
    }


def _look(states: HeldStates, more: list[str], log: dict[str, bytes], now_ms: int) -> None:
    for subject in [*states.under(states.overlays.due(now_ms)), *more]:
        if (message := states.again(subject)) is not None:
            log[message.subject] = message.data
