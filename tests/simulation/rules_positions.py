"""Catch-up, live and cursor, rules 5 to 8: cursors, shards behind them, lost logs and logs that forget."""

from __future__ import annotations

from msgspec.structs import replace

from tests.simulation import mutations
from tests.simulation.rules import TOPIC, scenario
from tests.simulation.stage import Stage, event, first, kinds, market, states, suspended

# Rule 5


@scenario(mutations.cursor_in_urgent_frames)
def urgent_frames_carry_no_cursor() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    stage.publish(market(0, 3_000), suspended(1))
    stage.settle()
    (urgent,) = stage.read(device)
    assert states([urgent], "E0M1")
    assert "cursor" not in urgent
    stage.connect(device)
    stage.run()
    assert device.replica.markets["E0M0"]["s"] == 4


@scenario(mutations.cursor_before_the_flush)
def a_heartbeat_carries_the_cursor_of_the_last_flush() -> None:
    stage = Stage()
    stage.publish(event(), market(0), event(1))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    stage.publish(market(0, event="E1"))
    heard = stage.run(device)
    assert "d" not in kinds(heard), "nothing of the topic changed"
    assert first(heard, "hb")["cursor"] == "1.e1.0-4"


@scenario()
def a_device_in_catch_up_gets_no_heartbeat() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC)
    stage.run()
    stage.block(device)
    for _ in range(10):
        stage.tick()
    assert not stage.read(device)


# Rule 6


@scenario(mutations.answers_from_the_past)
def a_shard_behind_a_cursor_waits_until_it_is_not() -> None:
    stage = Stage(shards=2)
    stage.publish(event(), market(0))
    stage.device(TOPIC, shard=1)
    device = stage.device(TOPIC)
    stage.run()
    stage.publish(market(0, 3_000))
    stage.settle(shard=0)
    stage.read(device)
    assert device.replica.markets["E0M0"]["s"] == 3
    stage.connect(device, 1)
    assert kinds(stage.read(device)) == ["welcome"]
    stage.settle(shard=1)
    assert kinds(stage.read(device)) == ["welcome", "subscribed", "live"][1:]


@scenario(mutations.answers_from_the_past)
def a_shard_that_stays_behind_closes_and_names_another() -> None:
    stage = Stage(shards=2)
    stage.publish(event(), market(0))
    stage.device(TOPIC, shard=1)
    device = stage.device(TOPIC)
    stage.run()
    stage.publish(market(0, 3_000))
    stage.settle(shard=0)
    stage.read(device)
    stage.connect(device, 1)
    for _ in range(3):
        stage.tick()
    assert device.socket is not None
    assert kinds(stage.read(device))[-1] == "drain"
    assert device.socket.closed is not None
    assert device.socket.closed.code == 4010


# Rule 7


@scenario()
def after_unsubscribed_nothing_of_the_topic_comes() -> None:
    stage = Stage()
    stage.publish(event(), market(0), event(1), market(0, event="E1"))
    device = stage.device(TOPIC, "football.nfl.E1")
    stage.run()
    stage.publish(market(0, 3_000))
    device.unsubscribe([TOPIC], stage.now_ms)
    stage.publish(market(0, 2_500), market(0, 3_000, event="E1"))
    heard = stage.run(device)
    after = heard[kinds(heard).index("unsubscribed") :]
    assert not states(after)
    assert states(after, "E1M0")
    assert set(device.replica.markets) == {"E1M0"}
    stage.checkers[device].quiet()


# Rule 8


@scenario(mutations.epochs_are_not_compared)
def a_lost_log_starts_everything_anew() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(0, 3_000), market(1))
    device = stage.device(TOPIC)
    stage.run()
    stage.log.lose()
    stage.shards[0].learn_epoch(stage.now_ms)
    stage.publish(event(), market(0, 2_500))
    heard = stage.run(device)
    assert (heard[0]["t"], heard[0]["why"]) == ("subscribed", {TOPIC: "epoch_changed"})
    assert "id" not in heard[0]
    assert {entry: held["s"] for entry, held in device.replica.markets.items()} == {"E0M0": 2}
    stage.checkers[device].quiet()


@scenario(mutations.foreign_cursors_are_taken)
def a_cursor_of_another_epoch_gets_an_image() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC)
    stage.run()
    stage.log.lose()
    stage.shards[0].learn_epoch(stage.now_ms)
    stage.publish(event(), market(0), market(2), market(3))
    stage.settle()
    stage.connect(device)
    stage.run()
    assert set(device.replica.markets) == {"E0M0", "E0M2", "E0M3"}


@scenario(mutations.the_forgetful_are_believed)
def what_was_claimed_before_everything_was_forgotten_comes_as_an_image() -> None:
    stage = Stage(shards=2)
    stage.publish(event(), market(0), market(1))
    device, stays = stage.device(TOPIC, shard=1), stage.device(TOPIC)
    stage.run()
    stage.log.lose()
    ahead = stage.shards[1]
    ahead.learn_epoch(stage.now_ms)
    stage.publish(event(), market(0, 2_500))
    stage.settle(shard=1)
    stage.tick()
    stage.read(device)
    cursor = device.replica.cursor
    assert cursor is not None
    stage.connect(device)
    device.subscribe([TOPIC], cursor, stage.now_ms)
    stage.tick()
    stage.shards[0].learn_epoch(stage.now_ms)
    device.subscribe([TOPIC], cursor, stage.now_ms)
    heard = stage.run(device)
    assert [message["epoch"] for message in heard if message["t"] == "subscribed"] == ["e1", "e1", "e2", "e2"]
    assert set(device.replica.markets) == set(stays.replica.markets) == {"E0M0"}
    stage.checkers[device].quiet()


@scenario(mutations.floor_starts_nothing_anew)
def what_ages_out_unended_starts_the_lane_anew() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1), event())
    device = stage.device(TOPIC)
    stage.run()
    stage.publish(market(1))
    stage.settle()
    stage.age(0, 4)
    heard = stage.run(device)
    restart = first(heard, "subscribed")
    assert restart["why"] == {TOPIC: "not_covered"}
    assert set(device.replica.markets) == {"E0M1"}


@scenario(mutations.floor_starts_nothing_anew)
def a_hole_that_began_below_the_floor_starts_the_lane_anew() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC)
    stage.run()
    stage.shards[0].break_off(0)
    stage.publish(replace(market(0), st="closed", gone=True), event(), market(1))
    stage.shards[0].break_off(0)
    stage.log.age(0, 5)
    heard = stage.run(device)
    assert "not_covered" in heard[0].get("why", {}).values()
    assert set(device.replica.markets) == {"E0M1"}


@scenario(mutations.old_cursors_are_taken)
def a_cursor_below_the_floor_gets_an_image() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC)
    stage.run()
    device.disconnect(stage.now_ms)
    stage.publish(replace(market(0), st="closed", gone=True), event(), market(1))
    stage.settle()
    stage.age(0, 5)
    stage.connect(device)
    heard = stage.run(device)
    assert heard[1]["why"] == {TOPIC: "not_covered"}
    assert set(device.replica.markets) == {"E0M1"}


@scenario(mutations.floor_passes_walks_by)
def a_walk_whose_start_falls_below_the_floor_starts_again_as_an_image() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(TOPIC)
    stage.run()
    stage.block(device)
    stage.publish(replace(market(0), st="closed", gone=True), event(), market(1))
    stage.settle()
    stage.age(0, 5)
    stage.unblock(device)
    stage.run()
    assert set(device.replica.markets) == {"E0M1"}


@scenario(mutations.images_are_never_restarted)
def so_does_an_image() -> None:
    stage = Stage()
    stage.publish(event(), *(market(number) for number in range(12)))
    stage.device(TOPIC)
    stage.run()
    device = stage.device(TOPIC)
    stage.read(device)
    assert "E0M0" in device.replica.markets
    stage.block(device)
    gone = stage.publish(replace(market(0), st="closed", gone=True))
    stage.publish(event(), *(market(number) for number in range(1, 12)))
    stage.settle()
    stage.age(0, gone + 1)
    stage.unblock(device)
    stage.run()
    assert "E0M0" not in device.replica.markets
    stage.checkers[device].quiet()
