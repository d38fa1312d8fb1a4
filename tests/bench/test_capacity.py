"""The capacity model: what is known in closed form, what may only rise, what is refused; and what was measured."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.capacity.coefficients import (
    HEARTBEATS_PER_S,
    Cell,
    Made,
    coefficients_of,
    fit_bytes,
    fit_cpu,
    fit_memory,
    fitted,
    not_below_zero,
    shipped_coefficients,
)
from bench.capacity.prices import prices_of, shipped_prices
from bench.capacity.shard import TICK_MS_MAX, Served, alone, behind_ms, frames_of, p99_ms, served
from bench.capacity.sizing import Demand, fleet_of, load_of, room_of, shards_for
from bench.capacity.validation import growth_of, held_out
from feeds.contract.errors import Refused

COSTS = shipped_coefficients()
DEMAND = Demand(5_000_000, 50_000)


@dataclass(frozen=True)
class Shard:
    """What a made-up shard costs."""

    idle: float = 0.05
    record: float = 4e-5
    write: float = 7e-6
    byte: float = 1e-9
    load_bytes: float = 2e6
    socket_bytes: float = 2_000.0

    def cell(self, sockets: int, records: float) -> Cell:
        """What it shows."""
        frames, changes = sockets * min(records / 200, 10.0), sockets * records / 200
        sent = 200 * frames + 90 * changes
        cpu = self.idle + self.record * records + self.write * frames + self.byte * sent
        memory = self.socket_bytes + self.load_bytes / sockets
        return Cell(sockets, records, frames, sent, changes, cpu, memory, 110.0)


CELLS = [Shard().cell(sockets, records) for sockets in (500, 3_000, 9_000) for records in (100.0, 1_900.0, 7_000.0)]


def test_a_fit_finds_what_it_was_made_of() -> None:
    found = fit_cpu(CELLS)
    assert found == pytest.approx((0.05, 4e-5, 7e-6, 1e-9), rel=1e-3)
    assert fit_bytes(CELLS) == pytest.approx((200, 90), rel=1e-6)
    assert fit_memory(CELLS) == pytest.approx((2e6, 2_000), rel=1e-6)


def test_too_few_cells_tell_nothing() -> None:
    with pytest.raises(Refused, match="do not tell"):
        fit_cpu(CELLS[:3])


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-5, 5), min_size=3, max_size=3), min_size=4, max_size=6), st.integers(0, 9))
def test_no_coefficient_is_below_nothing(rows: list[list[int]], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=len(rows))
    found = np.array(not_below_zero(np.array(rows, float), values))
    assert (found >= 0).all()
    assert ((np.array(rows) @ found - values) ** 2).sum() <= (values**2).sum() * (1 + 1e-9)


def test_what_ships_is_the_fit_of_its_cells() -> None:
    names = Made._fields
    made = Made(**{name: getattr(COSTS, name) for name in names})
    again = fitted(COSTS.cells, made)
    assert again.write_cpu_s == pytest.approx(COSTS.write_cpu_s)
    assert replace(again, cells=COSTS.cells).changes_at_once == pytest.approx(COSTS.changes_at_once)
    assert COSTS.measured >= datetime.date(2026, 11, 26)
    assert COSTS.command.startswith("oddswire bench coefficients")


@pytest.mark.parametrize(
    ("changes", "frames"), [(0.001, 0.001), (1e6, 10.0), (np.log(2) * 10, 5.0)], ids=["few", "many", "every other"]
)
def test_frames_in_closed_form(changes: float, frames: float) -> None:
    made = frames_of(np.array([changes]), np.array([100.0]), 1.0)[0]
    assert made - HEARTBEATS_PER_S == pytest.approx(frames, rel=1e-3)


def test_p99_in_closed_form() -> None:
    one = Served(*(np.array([value]) for value in (100.0, 0.3, 1.0, 1.0)))
    assert p99_ms(one, np.array([5.0]), np.array([10.0])) == pytest.approx(104.0)
    two = Served(*(np.array([value, value]) for value in (100.0, 0.3, 1.0, 1.0)))
    late, devices = np.array([0.0, 1_000.0]), np.array([98.0, 2.0])  # the late one's upper half
    assert p99_ms(two, late, devices) == pytest.approx(1_050.0)
    assert p99_ms(two, late, np.zeros(2)) == 0.0


@settings(deadline=None)
@given(st.integers(1, 40_000), st.integers(1, 10_000), st.floats(0, 5_000), st.floats(0.1, 50))
def test_a_shard_with_more_to_do_is_not_less_busy(devices: int, more: int, records: float, changes: float) -> None:
    calm = served(alone(devices, records, changes), 100.0, COSTS)
    busy = served(alone(devices + more, records, changes), 100.0, COSTS)
    assert busy.cpu[0] >= calm.cpu[0] - 0.1  # a tick that was stretched by a step leaves a little room
    assert busy.tick_ms[0] >= calm.tick_ms[0]
    assert 100.0 <= busy.tick_ms[0] <= TICK_MS_MAX
    if busy.tick_ms[0] == calm.tick_ms[0]:
        assert busy.cpu[0] > calm.cpu[0]
        assert busy.bytes_per_s[0] > calm.bytes_per_s[0]
        assert behind_ms(busy, COSTS)[0] >= behind_ms(calm, COSTS)[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(1_000, 90_000))
def test_more_updates_leave_room_for_fewer_devices(updates: int) -> None:
    wider = Demand(5_000_000, updates), Demand(5_000_000, updates * 2)
    few, many = (room_of(one, COSTS) for one in wider)
    assert many <= few
    assert shards_for(wider[1], COSTS) >= shards_for(wider[0], COSTS)
    full = served(load_of(wider[0], few + 1), 100.0, COSTS)
    assert full.cpu[0] > wider[0].aim or few == 50_000


def test_who_reads_everything_has_no_room() -> None:
    with pytest.raises(Refused, match="follow fewer lanes"):
        room_of(DEMAND._replace(lanes_per_shard=64), COSTS)


def test_a_shard_follows_no_more_lanes_than_there_are() -> None:
    with pytest.raises(Refused, match="cannot follow 65 of 64"):
        DEMAND._replace(lanes_per_shard=65).checked()


def test_money_is_machines_and_bytes() -> None:
    prices = shipped_prices()
    fleet = fleet_of(DEMAND, COSTS, prices, shards=1_000)
    assert fleet.machines >= 1_000 / prices.machine_shards
    assert fleet.machines_month == pytest.approx(fleet.machines * prices.machine_hour * 730)
    sent_gb = fleet.gbit_s / 8 * 3600 * 730
    assert fleet.egress_month == pytest.approx(sent_gb * prices.egress_gb)
    assert fleet.month == fleet.machines_month + fleet.egress_month
    assert fleet.memory_gib * 2**30 >= DEMAND.devices * COSTS.socket_bytes


@pytest.mark.parametrize(
    ("read", "text", "code"),
    [
        (coefficients_of, b"{}", "bad_coefficients"),
        (prices_of, b"reviewed = 2026-01-01", "bad_prices"),
        (growth_of, b"[]", "bad_growth"),
    ],
    ids=["coefficients", "prices", "growth"],
)
def test_a_file_that_is_something_else_is_refused(read: Callable[[bytes], object], text: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(text)
    assert refusal.value.code == code


WITHIN = 0.20


def test_predictions_stand_beside_measurements() -> None:
    """Each cell by a fit of the others; where the bus itself was late (8,000 updates/s asked of it) nothing is said."""
    found = held_out(COSTS)
    assert {(one.sockets, one.figure) for one in found} == {(n, f) for n in (1_000, 4_000) for f in ("cpu", "p99_ms")}
    assert [one for one in found if abs(one.off) > WITHIN] == []
