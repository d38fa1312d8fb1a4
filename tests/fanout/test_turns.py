"""Whose turn it is to write: what is urgent, then the fastest tier, then whoever began first; what leaves at once."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from bench.simulation.delivery.devices import SimulatedDevice
from fanout import pulse
from fanout.pulse import Pulse
from fanout.tiers import Tier
from tests.simulation.stage import Stage, event, kinds, market, suspended

TIER_MS = 100
EVENTS = 8


class Seat(NamedTuple):
    """A live device, the event it watches, and the phase in which it is served."""

    device: SimulatedDevice
    event: int
    phase: Tier

    @property
    def market(self) -> str:
        """Its event's name, for the stage."""
        return f"E{self.event}"

    @property
    def unread(self) -> int:
        """Frames that were written to it and not read."""
        assert self.device.socket is not None
        return len(self.device.socket.unread)


def two_phases() -> tuple[Stage, Seat, Seat]:
    """A device in each of two phases of a tier, in the shard's own order of them."""
    stage = Stage()
    stage.publish(*(event(number) for number in range(EVENTS)))
    stage.publish(*(market(event=f"E{number}") for number in range(EVENTS)))
    seats: dict[Tier, Seat] = {}
    tiers = stage.shards[0].core.tiers
    for number in range(EVENTS):
        device = stage.device(f"football.nfl.E{number}", tier_ms=TIER_MS)
        stage.run(device)
        assert device.socket is not None
        cohort = device.socket.device.cohort
        phase = next(tier for tier in tiers if cohort in tuple(tier.cohorts))
        if phase in seats:
            device.disconnect(stage.now_ms)
        seats.setdefault(phase, Seat(device, number, phase))
    first, last = sorted(seats.values(), key=lambda seat: tiers.index(seat.phase))
    assert (first.unread, last.unread) == (0, 0)
    return stage, first, last


def test_the_phase_that_began_first_writes_first() -> None:
    stage, first, last = two_phases()
    core = stage.shards[0].core
    stage.publish(market(0, 2_100, event=first.market), market(0, 2_100, event=last.market))
    stage.settle()
    core.flush(last.phase, stage.now_ms)
    core.flush(first.phase, stage.now_ms + 1)
    core.write_some(stage.now_ms + 1, 1)
    assert (first.unread, last.unread) == (0, 1)
    assert core.write_some(stage.now_ms + 1, 1) == [last.phase]
    assert (first.unread, last.unread) == (1, 1)


def test_a_suspension_overtakes_a_phase_that_began_before() -> None:
    stage, first, last = two_phases()
    shard = stage.shards[0]
    stage.publish(market(0, 2_100, event=first.market))
    stage.settle()
    shard.core.flush(first.phase, stage.now_ms)
    stage.publish(suspended(0, event=last.market))
    shard.deliver(0, stage.log.heads[0])
    shard.core.settle(stage.now_ms)
    shard.core.write_some(stage.now_ms, 1)
    assert (first.unread, last.unread) == (0, 1)
    assert shard.core.write_some(stage.now_ms, 2) == [first.phase]
    assert not last.phase.urgent_waits


def test_a_heartbeat_leaves_by_the_write_of_its_flush() -> None:
    stage, seat, _ = two_phases()
    core, phase = stage.shards[0].core, seat.phase
    stage.publish(market(0, 2_100, event=seat.market))
    stage.settle()
    frames, writes = phase.frames, phase.writes
    core.flush(phase, stage.now_ms + core.settings.hb_ms)
    core.write_some(stage.now_ms, 1)
    assert (phase.frames - frames, phase.writes - writes) == (2, 1)
    change, beat = stage.read(seat.device)
    assert (change["t"], beat["t"]) == ("d", "hb")
    assert change["cursor"] == beat["cursor"]


def test_who_waits_for_a_tier_is_live_as_soon_as_that_has_written() -> None:
    stage, seat, _ = two_phases()
    shard = stage.shards[0]
    stage.publish(market(0, 2_100, event=seat.market))
    stage.settle()
    shard.core.flush(seat.phase, stage.now_ms)
    newcomer = stage.device(f"football.nfl.{seat.market}", tier_ms=TIER_MS)
    assert "live" not in kinds(stage.read(newcomer))
    assert shard.core.placement.owed == 1
    shard.core.write_some(stage.now_ms, 10)
    assert kinds(stage.read(newcomer)) == ["live"]
    assert shard.core.placement.owed == 0


async def test_a_tick_begins_when_the_one_before_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, first, last = two_phases()
    driven = Pulse(stage.shards[0].core, lambda _lanes: None)
    monkeypatch.setattr(pulse, "WRITES_A_TURN", 0)
    driven._tick(last.phase)
    driven._tick(first.phase)
    assert (first.phase.flushing, last.phase.flushing) == (False, True)
    monkeypatch.setattr(pulse, "WRITES_A_TURN", 10)
    driven._write_turn()
    assert (first.phase.flushing, last.phase.flushing) == (True, False)
    driven.stop()
