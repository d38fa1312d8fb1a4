"""Where devices are: the lanes they need, and that nothing is left of those who went, wherever they were."""

from __future__ import annotations

import pytest

from feeds.contract.subjects import lane_of
from tests.simulation.stage import Stage, event, kinds, market

EVENTS = {lane_of(name, 2): name for name in (f"E{number}" for number in range(16))}


def two_lanes() -> Stage:
    """Two lanes with an event and a market each."""
    stage = Stage(lanes=2)
    for name in EVENTS.values():
        stage.publish(event(int(name[1:])), market(0, event=name))
    return stage


def test_an_events_topic_needs_its_lane_and_a_league_needs_all() -> None:
    stage = two_lanes()
    core = stage.shards[0].core
    stage.device(f"football.nfl.{EVENTS[1]}")
    stage.run()
    assert core.wanted_lanes(stage.now_ms) == {1}
    assert not core.board.lanes[0].joined
    stage.device("football.nfl:main")
    stage.run()
    assert core.wanted_lanes(stage.now_ms) == {0, 1}


def test_a_lane_is_read_for_a_while_after_the_last_device_left() -> None:
    stage = two_lanes()
    core = stage.shards[0].core
    device = stage.device("football")
    stage.run()
    device.disconnect(stage.now_ms)
    linger_ms = int(core.settings.lane_linger_s * 1000)
    assert core.wanted_lanes(stage.now_ms + linger_ms) == {0, 1}
    assert core.wanted_lanes(stage.now_ms + linger_ms + 1) == frozenset()
    assert len(core.board.lanes[0].book) == 0
    assert all(not tier._sent for tier in core.tiers)


def test_a_walk_waits_for_a_lane_and_goes_on_once_it_is_joined() -> None:
    stage = two_lanes()
    device = stage.device(f"football.nfl.{EVENTS[0]}")
    stage.run()
    stage.log.lose()
    stage.shards[0].learn_epoch(stage.now_ms)
    stage.tick()
    assert "live" not in kinds(stage.read(device))
    stage.publish(event(int(EVENTS[0][1:])), market(0, event=EVENTS[0]))
    stage.run()
    assert device.live
    stage.checkers[device].quiet()


@pytest.mark.parametrize(
    "state", ["live", "waiting", "catching up", "blocked", "blocked while catching up", "restarted"]
)
def test_nothing_is_left_of_a_device_that_went(state: str) -> None:
    stage = Stage()
    stage.publish(event(), *(market(number) for number in range(12)))
    if state != "waiting":
        stage.device("football")
        stage.run()
    device = stage.device("football", tier_ms=100)
    if state in ("live", "blocked", "restarted"):
        stage.run()
    if state.startswith("blocked"):
        stage.block(device)
    if state == "restarted":
        stage.log.lose()
        stage.shards[0].learn_epoch(stage.now_ms)
    core = stage.shards[0].core
    for each in stage.checkers:
        each.disconnect(stage.now_ms)
    placement, sessions = core.placement, core.sessions
    left = (placement.catching_up, placement.full, placement._next, placement._stalled)
    assert not any((*left, sessions.devices, sessions._waiting, sessions._silent))
    assert placement._lane_users == [0]
    assert all(len(tier.cohorts) == 0 for tier in core.tiers)
    stage.run()


def test_a_device_that_drains_while_it_catches_up_goes_on_where_it_was() -> None:
    stage = Stage()
    stage.publish(event(), *(market(number) for number in range(12)))
    stage.device("football")
    stage.run()
    device = stage.device("football")
    before = [message["id"] for frame in stage.read(device) for message in frame.get("m", ())]
    stage.block(device)
    for _ in range(3):
        stage.tick()
    assert not stage.read(device)
    stage.unblock(device)
    after = [message["id"] for frame in stage.run(device) for message in frame.get("m", ())]
    assert sorted(before + after) == sorted(f"E0M{number}" for number in range(12))
    assert device.live


def test_a_device_without_topics_stays_connected_and_hears_nothing() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device("football")
    stage.run()
    device.unsubscribe(["football"], stage.now_ms)
    stage.publish(market(0, 3_000))
    assert [message["t"] for message in stage.run(device)] == ["unsubscribed"]
    device.subscribe(["football"], None, stage.now_ms)
    stage.run()
    stage.checkers[device].quiet()


def test_a_socket_that_fills_while_it_says_goodbye_is_not_kept() -> None:
    stage = two_lanes()
    core = stage.shards[0].core
    device = stage.device("football")
    stage.run()
    socket = device.socket
    assert socket is not None
    core.sessions.disconnect(socket.device, stage.now_ms)
    core.placement.blocked(socket.device, stage.now_ms)
    core.placement.drained(socket.device)
    assert not core.placement.full
    assert not core.placement.catching_up
    assert not core.step_walks(stage.now_ms, 10)
