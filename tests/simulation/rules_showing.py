"""The client rule, suspensions, boards, freshness, and devices that are slow or drained."""

from __future__ import annotations

from msgspec.structs import replace

from tests.simulation import mutations
from tests.simulation.rules import TOPIC, scenario
from tests.simulation.stage import Stage, event, first, kinds, market, states, suspended

# Client rule


@scenario(mutations.image_drops_nothing)
def after_an_image_what_was_not_refreshed_is_dropped() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC)
    stage.run()
    device.disconnect(stage.now_ms)
    stage.publish(replace(market(0), st="closed", gone=True))
    stage.settle()
    device.held.clear()
    stage.connect(device)
    stage.run()
    assert set(device.replica.markets) == {"E0M1"}


@scenario(mutations.older_markets_are_taken)
def a_market_older_than_what_is_held_is_dropped() -> None:
    stage = Stage(shards=2)
    stage.publish(event(), market(0))
    stage.device(TOPIC, shard=1)
    device = stage.device(TOPIC)
    stage.run()
    stage.publish(suspended(0))
    stage.settle(shard=0)
    stage.read(device)
    device.held.clear()
    stage.connect(device, 1)
    stage.read(device)
    assert device.replica.markets["E0M0"]["st"] == "suspended"
    stage.run()
    stage.checkers[device].quiet()


@scenario(mutations.what_was_dropped_is_not_missed)
def what_the_image_of_a_shard_behind_dropped_is_missed() -> None:
    stage = Stage(shards=2)
    stage.publish(event(), market(0))
    stage.device(TOPIC, shard=1)
    device = stage.device(TOPIC)
    stage.run()
    stage.publish(market(1))
    stage.publish(market(1, 3_000))
    stage.settle(shard=0)
    stage.read(device)
    device.held.clear()
    stage.connect(device, 1)
    stage.read(device)
    assert "E0M1" not in device.replica.markets
    behind = stage.shards[1]
    for _ in range(2):
        behind.deliver(0, 1)
        behind.settle(stage.now_ms)
        stage.read(device)
    assert device.replica.gaps == 1
    device.replica.resubscribing(device.subscribe([TOPIC], None, stage.now_ms))
    stage.run()
    assert device.replica.gaps == 1
    stage.checkers[device].quiet()


@scenario(mutations.p_of_another)
def deltas_follow_each_other_without_a_gap() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    positions = []
    for milli in (3_000, 2_500, 2_750):
        stage.publish(market(0, milli), market(0, milli + 100))
        positions += [(part["p"], part["s"]) for part in states(stage.run(device))]
    assert device.replica.gaps == 0
    assert positions[1:] == [(4, 6), (6, 8)]


@scenario()
def a_lost_frame_is_a_gap_and_an_image_heals_it() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC)
    stage.run()
    stage.publish(market(0, 3_000))
    stage.run(device)
    stage.publish(market(0, 2_500))
    stage.settle()
    stage.lose_frame(device)
    cursor = device.replica.cursor
    stage.publish(replace(market(0, 2_500), live=True))
    stage.settle()
    stage.read(device)
    assert device.replica.gaps == 1
    assert device.replica.cursor == cursor, "from a gap until the live that answers it no cursor is taken"
    device.replica.resubscribing(device.subscribe([TOPIC], None, stage.now_ms))
    stage.run()
    assert not device.replica.gap
    stage.checkers[device].quiet()


@scenario(mutations.changes_after_gone_are_sent)
def after_gone_nothing_more_of_a_market_is_sent() -> None:
    stage = Stage()
    gone = replace(market(0), st="closed", gone=True)
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC)
    stage.run()
    stage.publish(gone)
    stage.settle()
    assert [part["gone"] for part in states(stage.read(device))] == [True]
    stage.publish(replace(gone, st="settled"))
    assert not states(stage.run(device))
    stage.publish(replace(gone, st="void"), market(1, 3_000))
    assert not states(stage.run(device)), "nor once nothing but that is kept of it"
    stage.publish(market(0, 2_500))
    (whole,) = states(stage.run(device))
    assert whole["p"] == 0
    assert "x" in whole
    stage.checkers[device].quiet()


# Suspensions


@scenario(mutations.urgent_waits)
def a_suspension_waits_for_no_tick_and_a_reopening_does() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    stage.publish(suspended(0))
    stage.settle()
    assert [part["st"] for part in states(stage.read(device))] == ["suspended"]
    stage.publish(market(0))
    stage.settle()
    assert not stage.read(device)
    stage.tick()
    assert [part["st"] for part in states(stage.read(device))] == ["open"]


@scenario(mutations.urgent_is_merged)
def a_suspension_is_never_merged_with_what_follows() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    stage.publish(suspended(0, reason="possible_score"), market(0, 3_000))
    heard = stage.run(device)
    assert [(part["st"], part.get("reason")) for part in states(heard)] == [
        ("suspended", "possible_score"),
        ("open", None),
    ]


@scenario(mutations.urgent_waits)
def nor_with_what_a_board_says() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    shard = stage.shards[0]
    stage.publish(suspended(0))
    shard.deliver(0, 1)
    shard.break_off(0)
    stage.publish(market(0, 3_000))
    stage.settle()
    assert [part["st"] for part in states(stage.run(device))] == ["suspended", "open"]


@scenario()
def records_of_a_lane_that_was_forgotten_leave_no_trace() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC)
    stage.run()
    device.disconnect(stage.now_ms)
    shard = stage.shards[0].core
    stage.tick(2_000)
    stage.publish(market(0, 3_000))
    shard.record(0, stage.log.records[0][-1])
    stage.connect(device)
    stage.run()
    stage.checkers[device].quiet()
    assert set(device.replica.markets) == {"E0M0", "E0M1"}


@scenario(mutations.urgent_waits)
def a_selection_that_closes_is_as_urgent() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    first, second = market(0).selections
    stage.publish(replace(market(0), selections=(replace(first, st="inactive"), second)))
    stage.settle()
    assert [change["st"] for part in states(stage.read(device)) for change in part["x"] if "st" in change]


# Boards


@scenario(mutations.board_keeps_stamps)
def a_board_read_begins_stamps_anew() -> None:
    stage = Stage(shards=2)
    stage.publish(event(), market(0))
    stage.device(TOPIC, shard=1)
    device = stage.device(TOPIC)
    stage.run()
    stage.shards[1].break_off(0)
    stage.publish(market(0, 3_000))
    stage.settle(shard=0)
    stage.read(device)
    device.disconnect(stage.now_ms)
    stage.publish(market(0))
    stage.shards[1].break_off(0)
    stage.connect(device, 1)
    stage.run()
    assert device.replica.markets["E0M0"]["x"][0]["d"] == "2.000"
    stage.checkers[device].quiet()


@scenario(mutations.delta_of_what_was_never_sent)
def what_the_tier_did_not_send_yet_comes_whole() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device("football")
    stage.run()
    stage.publish(event(1), market(1), market(0, 3_000))
    heard = stage.run(device)
    assert [(part["p"], part["s"]) for part in (*states(heard), *states(heard, "E0M1"))] == [(0, 5), (0, 4)]
    stage.checkers[device].quiet()


@scenario()
def a_lane_that_was_forgotten_is_joined_again() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC)
    stage.run()
    device.disconnect(stage.now_ms)
    stage.tick(2_000)
    stage.shards[0].want(stage.now_ms)
    assert not stage.shards[0].core.board.lanes[0].joined
    stage.publish(market(0, 3_000), replace(market(0, 3_000), live=True))
    stage.connect(device)
    stage.run()
    stage.publish(market(0, 2_500))
    stage.run()
    stage.checkers[device].quiet()
    assert device.replica.gaps == 0


# Freshness


@scenario()
def a_silent_source_is_stale_then_down() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    stage.beat()
    device = stage.device(TOPIC)
    stage.beats(1_000)
    stage.read(device)
    heard = []
    for _ in range(85):
        stage.tick()
        heard += [message for message in stage.read(device) if message["t"] == "src"]
    assert [(message["id"], message["state"]) for message in heard] == [("alpha-0", "stale"), ("alpha-0", "down")]
    assert 3_000 < heard[0]["ts"] - (stage.now_ms - 85 * 250) + 250 <= 3_500 + 250
    assert device.replica.status(device.replica.markets["E0M0"]) == "suspended"


@scenario(mutations.source_live_at_once)
def a_source_is_live_again_only_after_everything_up_to_its_beat_was_flushed() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    stage.beat("recovering")
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    assert device.replica.not_live == {"alpha-0": "stale"}
    stage.publish(market(0, 3_000))
    stage.beat("live")
    stage.settle()
    assert not stage.read(device)
    stage.tick()
    heard = kinds(stage.read(device))
    assert heard.index("d") < heard.index("src")
    assert not device.replica.not_live


@scenario()
def a_device_in_catch_up_hears_of_stale_at_once_and_of_live_by_its_own_live() -> None:
    stage = Stage()
    stage.publish(event(), *(market(number) for number in range(12)))
    stage.beat()
    stage.device(TOPIC)
    stage.run()
    device = stage.device(TOPIC)
    stage.read(device)
    assert not device.live
    stage.beat("down")
    stage.settle()
    assert "src" in kinds(stage.read(device))
    assert device.replica.not_live == {"alpha-0": "down"}
    stage.beat("live")
    stage.settle()
    heard = stage.run(device)
    live = first(heard, "live")
    assert live["src"] == {}
    assert "src" not in kinds(heard[: kinds(heard).index("live")])


# Conflation, slow devices, drain


@scenario()
def the_latest_wins_per_selection_and_changed_sides_stay_together() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    stage.publish(market(0, 3_000), market(0, 2_500))
    first = states(stage.run(device))
    stage.publish(market(0, 3_000), market(0, 2_750))
    (delta,) = states(stage.run(device))
    assert len(first) == 1
    assert [(change["id"], change["d"]) for change in delta["x"]] == [("O1", "2.750"), ("O2", "2.750")]


@scenario(mutations.full_sockets_are_written_to, mutations.shared_frames_in_catch_up)
def a_full_socket_gets_nothing_new_and_catches_up() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC)
    stage.run()
    socket = stage.block(device)
    for milli in (3_000, 2_500, 2_750):
        stage.publish(market(0, milli))
        stage.settle()
        stage.tick()
    assert not socket.unread
    stage.unblock(device)
    heard = stage.run(device)
    assert kinds(heard)[:3] == ["slow", "d", "live"]
    assert heard[0]["behind_ms"] == 1_000
    assert (heard[1]["why"], [part["s"] for part in states(heard)]) == ("slow", [5])
    stage.checkers[device].quiet()


@scenario()
def a_socket_that_does_not_drain_is_closed_4008() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC)
    stage.run()
    socket = stage.block(device)
    for _ in range(13):
        stage.tick()
    assert socket.closed is not None
    assert socket.closed.code == 4008
    stage.connect(device)
    assert stage.run(device)[1]["topics"] == {TOPIC: "current"}


@scenario()
def a_drain_gives_each_device_its_own_moment_and_serves_on() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    devices = [stage.device(TOPIC) for _ in range(4)]
    stage.run()
    list(stage.shards[0].core.sessions.drain(window_ms=1_000, deadline_ms=5_000))
    told = [stage.read(device)[0]["after_ms"] for device in devices]
    assert told == [0, 250, 500, 750]
    stage.publish(market(0, 3_000))
    stage.run()
    for device in devices:
        stage.checkers[device].quiet()
