"""Catch-up, live and cursor, rules 1 to 3: what a subscribe is answered, and what follows."""

from __future__ import annotations

from msgspec.structs import replace

from tests.simulation import mutations
from tests.simulation.rules import TOPIC, scenario
from tests.simulation.stage import Stage, event, first, kinds, market, states

# Catch-up, live, cursor: rule 1


@scenario()
def one_tier_for_the_whole_connection() -> None:
    stage = Stage()
    stage.publish(event(), market(0), event(1), market(0, event="E1"))
    device = stage.device(TOPIC, tier_ms=0)
    stage.run()
    device.tier_ms = 250
    device.subscribe(["football.nfl.E1"], None, stage.now_ms)
    answer = first(stage.run(device), "subscribed")
    assert answer["conflate_ms"] == 250
    stage.publish(market(0, 3_000))
    stage.settle()
    assert not stage.read(device), "the first topic moved to the slower tier too"
    stage.tick()
    assert [part["s"] for part in states(stage.read(device))] == [5]


@scenario()
def a_topic_named_again_starts_anew_from_its_cursor() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC)
    stage.run()
    stage.publish(market(0, 3_000))
    old = device.replica.cursor
    stage.run()
    device.subscribe([TOPIC], old, stage.now_ms)
    heard = stage.run(device)
    assert heard[0]["topics"] == {TOPIC: "delta"}
    assert [(part["p"], part["s"]) for part in states(heard)] == [(0, 3)]


# Rule 2


@scenario()
def answers_say_what_follows() -> None:
    stage = Stage()
    stage.publish(event(), market(0), event(1), market(0, event="E1"))
    device = stage.device(TOPIC, "football.nfl.E1", "tennis")
    assert stage.run(device)[1]["topics"] == {TOPIC: "image", "football.nfl.E1": "image", "tennis": "image"}
    cursor = device.replica.cursor
    stage.publish(market(0, 3_000))
    stage.run()
    stage.connect(device)
    device.disconnect(stage.now_ms)
    device.replica.cursor = cursor
    stage.connect(device)
    answer = first(stage.run(device), "subscribed")
    assert answer["topics"] == {TOPIC: "delta", "football.nfl.E1": "current", "tennis": "current"}
    assert "why" not in answer


@scenario()
def rubbish_costs_an_image_and_never_silence() -> None:
    stage = Stage(lanes=2)
    stage.publish(event(), market(0))
    device = stage.device(TOPIC)
    stage.run()
    for cursor, why in (("rubbish", "bad_cursor"), ("1.other.0-1.1-1", "epoch_changed"), ("1.e1", "not_covered")):
        device.subscribe([TOPIC], cursor, stage.now_ms)
        answer = stage.run(device)[0]
        assert (answer["topics"], answer["why"]) == ({TOPIC: "image"}, {TOPIC: why})


@scenario()
def a_subscribe_is_all_or_nothing() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC)
    stage.run()
    device.subscribe(["tennis", "no topic"], None, stage.now_ms)
    (refusal,) = stage.read(device)
    assert (refusal["t"], refusal["code"], refusal["topic"]) == ("error", "bad_topic", "no topic")
    assert device.socket is not None
    assert device.socket.device.cohort is not None
    assert device.socket.device.cohort.texts == {TOPIC}


@scenario()
def a_tier_that_is_not_offered_is_the_next_slower() -> None:
    stage = Stage()
    device = stage.device("tennis", tier_ms=101)
    assert stage.run(device)[1]["conflate_ms"] == 250
    device = stage.device("tennis", tier_ms=9_000)
    assert stage.run(device)[1]["conflate_ms"] == 250


# Rule 3


@scenario(mutations.live_in_the_middle_of_a_walk, mutations.chunks_bring_nothing_up_to_date)
def only_after_live_do_shared_frames_come() -> None:
    stage = Stage()
    stage.publish(event(), market(0), event(1), *(market(number, event="E1") for number in range(12)))
    stage.device("football")
    stage.run()
    device = stage.device("football")
    stage.publish(market(0, 3_000))
    stage.settle()
    stage.publish(market(11, 3_000, event="E1"))
    stage.settle()
    heard = stage.run(device)
    assert kinds(heard)[:2] == ["welcome", "subscribed"]
    before = heard[2 : kinds(heard).index("live")]
    assert len(before) > 3
    assert set(kinds(before)) == {"img", "d"}
    assert all("cursor" not in message and message["why"] == "topics" for message in before)
    assert all(part["p"] == 0 for message in before for part in message["m"])
    assert first(heard, "live")["topics"] == ["football"]
    assert first(heard, "live")["cursor"] == "1.e1.0-h"
    stage.checkers[device].quiet()


@scenario(mutations.image_sends_what_was_gone)
def an_image_leaves_out_what_was_gone_before_its_first_chunk() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1), replace(market(0), st="closed", gone=True))
    device = stage.device(TOPIC)
    heard = stage.run(device)
    assert not states(heard, "E0M0")
    assert states(heard, "E0M1")


@scenario(mutations.topics_move_the_point)
def a_change_of_topics_does_not_move_that_point() -> None:
    stage = Stage()
    stage.publish(event(), *(market(number) for number in range(12)))
    stage.device(TOPIC)
    stage.run()
    device = stage.device(TOPIC)
    stage.read(device)
    assert "E0M0" in device.replica.markets
    assert not device.live
    stage.publish(replace(market(0), st="closed", gone=True))
    stage.settle()
    device.subscribe([], None, stage.now_ms)
    device.subscribe(["tennis"], None, stage.now_ms)
    stage.run()
    assert "E0M0" not in device.replica.markets


@scenario(mutations.base_is_the_greatest)
def where_topics_overlap_the_least_that_is_held_counts() -> None:
    stage = Stage()
    stage.publish(event(), market(0), market(1))
    device = stage.device(f"{TOPIC}.E0M0")
    stage.run()
    device.subscribe([TOPIC], None, stage.now_ms)
    stage.run()
    assert set(device.replica.markets) == {"E0M0", "E0M1"}
    stage.checkers[device].quiet()


@scenario(mutations.walk_from_the_board)
def a_change_of_tier_loses_nothing_that_waited_for_the_tick() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    device = stage.device(TOPIC, tier_ms=250)
    stage.run()
    stage.publish(market(0, 3_000))
    stage.settle()
    device.tier_ms = 0
    device.subscribe([], None, stage.now_ms)
    heard = stage.run(device)
    assert [message["why"] for message in heard if message["t"] == "d"] == ["tier"]
    stage.checkers[device].quiet()
