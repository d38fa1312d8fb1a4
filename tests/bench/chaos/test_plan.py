"""Plans: the same for the same seed, data, and no target with two faults at a time."""

from __future__ import annotations

import msgspec
import pytest

from bench.chaos.laying import told
from bench.chaos.plan import ClockFault, DiskFault, Ground, LineFault, Plan, ProcessFault, Repetition, drawn

GROUND = Ground(
    ["feed-1 to nats", "devices to fanout-1"], ["feed-1", "nats"], ["feed-1"], ["nats"], ["devices to fanout-1"]
)
BARE = Ground(["feed-1 to nats"], ["feed-1"])


@pytest.mark.parametrize("ground", [GROUND, BARE])
def test_plans_are_drawn_within_their_time_and_without_overlap(ground: Ground) -> None:
    for seed in range(300):
        plan = drawn(seed, 15.0, ground)
        assert plan == drawn(seed, 15.0, ground)
        assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
        by_target: dict[str, float] = {}
        for laid in plan.laid:
            if isinstance(laid.fault, LineFault) and laid.fault.faults.corrupt:
                assert laid.fault.link in ground.sealed
            assert 0 < laid.from_s < laid.to_s < 15
            assert laid.from_s > by_target.get(laid.fault.target, 0)
            by_target[laid.fault.target] = laid.to_s
            assert told(laid.fault)


def test_every_kind_comes_where_there_is_ground_for_it() -> None:
    kinds = {type(laid.fault) for seed in range(300) for laid in drawn(seed, 15.0, GROUND).laid}
    assert kinds == {LineFault, ProcessFault, ClockFault, DiskFault, Repetition}
    assert {type(laid.fault) for seed in range(300) for laid in drawn(seed, 15.0, BARE).laid} == {
        LineFault, ProcessFault, Repetition,
    }  # fmt: skip
    assert len({drawn(seed, 15.0, GROUND).laid for seed in range(300)}) == 300
