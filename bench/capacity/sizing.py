"""From devices and updates to shards, machines, bandwidth and money, in a calm hour. Pure.

A shard reads the lanes of its devices' events, so messages of the bus cost a fleet by the lanes a shard follows:
devices of an event are sent to the shards that have its lane already (event-affine routing), `lanes_per_shard` of
`lanes`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from bench.capacity.coefficients import Coefficients
from bench.capacity.prices import Prices
from bench.capacity.shard import Load, alone, behind_ms, p99_ms, served
from feeds.contract.errors import Refused

BUDGET_MS = 200.0
SOCKETS_MAX = 50_000
"""Of a shard (fanout/settings.py)."""
SHARD_BYTES = 120e6
"""Of a process before its first device, with a board of some thousand markets."""
_GIB, _HOURS_A_MONTH = 2**30, 730


class Demand(NamedTuple):
    """What is asked for. Every device watches one event; `aim`: the share of a core that a calm shard may take."""

    devices: int
    updates: int
    events: int = 5_000
    tier_ms: float = 100.0
    regions: int = 4
    zones: int = 3
    lanes: int = 64
    lanes_per_shard: int = 2
    aim: float = 0.5

    @property
    def changes_per_s(self) -> float:
        """Of an event, and so for a device."""
        return self.updates / self.events

    @property
    def records_per_s(self) -> float:
        """That a shard reads."""
        return self.updates * min(self.lanes_per_shard, self.lanes) / self.lanes

    @property
    def groups(self) -> int:
        """Sets of lanes that shards follow."""
        return max(self.lanes // self.lanes_per_shard, 1)

    def checked(self) -> Demand:
        """Itself. Raises Refused("bad_demand")."""
        if self.lanes_per_shard > self.lanes:
            raise Refused("bad_demand", f"a shard cannot follow {self.lanes_per_shard} of {self.lanes} lanes")
        if self.regions * self.zones * self.groups > max(self.devices, 1):
            raise Refused("bad_demand", "fewer devices than regions x zones x groups of lanes")
        return self


class Fleet(NamedTuple):
    """What to buy. Money is a month's, in the currency of the prices."""

    shards: int
    devices_per_shard: float
    machines: int
    cpu: float
    p99_ms: float
    memory_gib: float
    gbit_s: float
    machines_month: float
    egress_month: float

    @property
    def month(self) -> float:
        """All of it."""
        return self.machines_month + self.egress_month


def room_of(demand: Demand, costs: Coefficients) -> int:
    """Devices a shard carries within its aim and the budget. Raises Refused("no_room") where reading alone is too
    much."""
    low, high = 0, SOCKETS_MAX
    while low < high:
        middle = (low + high + 1) // 2
        made = served(load_of(demand, middle), demand.tier_ms, costs)
        late = p99_ms(made, behind_ms(made, costs), np.array([float(middle)]))
        low, high = (middle, high) if made.cpu[0] <= demand.aim and late <= BUDGET_MS else (low, middle - 1)
    if not low:
        what = f"{demand.records_per_s:,.0f} updates/s are more than a shard may read: let it follow fewer lanes"
        raise Refused("no_room", what)
    return low


def load_of(demand: Demand, devices: float) -> Load:
    """Of one shard with so many devices."""
    return alone(devices, demand.records_per_s, demand.changes_per_s)


def shards_for(demand: Demand, costs: Coefficients) -> int:
    """So many that a zone may be lost and the others still be within twice their aim; each group in each zone."""
    needed = math.ceil(demand.devices / room_of(demand, costs))
    return max(needed, demand.regions * demand.zones * demand.groups)


def fleet_of(demand: Demand, costs: Coefficients, prices: Prices, *, shards: int) -> Fleet:
    """What so many shards are, do and cost."""
    each = demand.devices / shards
    made = served(load_of(demand, each), demand.tier_ms, costs)
    gbit_s = float(made.bytes_per_s[0]) * shards * 8 / 1e9
    memory_gib = (shards * (SHARD_BYTES + costs.load_bytes) + demand.devices * costs.socket_bytes) / _GIB
    machines = max(
        math.ceil(shards / prices.machine_shards),
        math.ceil(memory_gib / prices.machine_memory_gib),
        math.ceil(gbit_s / prices.machine_gbit_s),
    )
    return Fleet(
        shards=shards,
        devices_per_shard=each,
        machines=machines,
        cpu=float(made.cpu[0]),
        p99_ms=p99_ms(made, behind_ms(made, costs), np.array([each])),
        memory_gib=memory_gib,
        gbit_s=gbit_s,
        machines_month=machines * prices.machine_hour * _HOURS_A_MONTH,
        egress_month=gbit_s / 8 * 3600 * _HOURS_A_MONTH * prices.egress_gb,
    )
