"""A touchdown in a fleet: a spike of connects to one event, then a zone is lost, then shards drain; step by step. Pure.

A discrete-event simulation of cohorts: devices of one region, one group of lanes and one shard are a number, never an
object. A step is STEP_S. Who is refused, or loses its shard, waits in its region and group and comes again. Devices
go to shards that have their event's lanes (event-affine routing); where none of those takes any more, to others of
the region, which then read more lanes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.capacity.coefficients import Coefficients
from bench.capacity.fleet import Fleet
from bench.capacity.shard import Load, Numbers, Served, behind_ms, p99_ms, served
from bench.capacity.sizing import BUDGET_MS, Demand

STEP_S = 0.1
LATE_MS_MAX = 120.0
WAITING_MAX = 4_000.0
"""A shard refuses newcomers beyond either (fanout/settings.py: admission_lag_ms, admission_images)."""
CONNECT_SHARE = 0.5
"""Of a core: at most so much goes into newcomers while devices that are live wait for their frames."""
SECOND_S = 0.5
"""How often p99 is taken."""


class Script(NamedTuple):
    """What happens. Shares are of all devices; times are seconds from the beginning. `hot`: who watches the one event,
    `spike`: who comes for it within `spike_s`; `burst`: how many times as often it changes then. `drained`: share of
    shards that are replaced, each within `drain_s` and gone for `gone_s`."""

    seconds: float = 300.0
    touchdown_s: float = 30.0
    spike: float = 0.15
    spike_s: float = 20.0
    hot: float = 0.25
    burst: float = 3.0
    zone_lost_s: float = 100.0
    drain_at_s: float = 200.0
    drained: float = 0.1
    drain_s: float = 5.0
    gone_s: float = 20.0
    scale_lag_s: float = 120.0
    scale_every_s: float = 15.0
    again_s: float = 3.0


class Course(NamedTuple):
    """What it came to: at `at_s`, p99 of deliveries, devices without data, shards that serve; and devices in all."""

    at_s: list[float]
    p99_ms: list[float]
    waiting: list[float]
    shards: list[float]
    devices: list[float]

    @property
    def worst_ms(self) -> float:
        """The highest p99."""
        return max(self.p99_ms)

    @property
    def breaks_s(self) -> float | None:
        """When the budget breaks first."""
        return next((at for at, late in zip(self.at_s, self.p99_ms, strict=True) if late > BUDGET_MS), None)

    @property
    def broken_s(self) -> float:
        """For how long in all."""
        return sum(late > BUDGET_MS for late in self.p99_ms) * SECOND_S

    def until_calm_s(self, since_s: float) -> float | None:
        """From then on, until less than 1 in 1,000 is without data; None: never."""
        for at, waiting, devices in zip(self.at_s, self.waiting, self.devices, strict=True):
            if at > since_s + SECOND_S and waiting <= devices / 1_000:
                return at - since_s
        return None


def play(demand: Demand, script: Script, costs: Coefficients, *, shards: int, room: int) -> Course:
    """The whole script. `room`: devices that autoscaling wants a shard to have."""
    fleet = Fleet.of(demand, script.hot, shards)
    fleet.settle(demand.devices * (1 - script.spike))
    course = Course([], [], [], [], [])
    coming = demand.devices * script.spike
    every = round(SECOND_S / STEP_S)
    for number in range(round(script.seconds / STEP_S)):
        now_s = number * STEP_S
        arrivals = np.zeros_like(fleet.away)
        if script.touchdown_s <= now_s < script.touchdown_s + script.spike_s:
            arrivals[:, 0] = coming / demand.regions * STEP_S / script.spike_s
        _happen(fleet, script, now_s)
        _scale(fleet, script, now_s, room)
        back = fleet.away * min(STEP_S / script.again_s, 1.0)
        fleet.away -= back
        made, late_ms = _serve(fleet, demand, script, costs, now_s)
        _admit(fleet, arrivals + back, late_ms)
        if number % every == 0:
            course.at_s.append(now_s)
            course.p99_ms.append(p99_ms(made, late_ms, fleet.live))
            course.waiting.append(float(fleet.queue.sum() + fleet.away.sum()))
            course.shards.append(float(fleet.up.sum()))
            course.devices.append(fleet.devices)
    return course


def _happen(fleet: Fleet, script: Script, now_s: float) -> None:
    """A zone is lost; shards drain, and come back."""
    if _at(now_s, script.zone_lost_s):
        fleet.lose_zone(0, 0)
    if _at(now_s, script.drain_at_s):
        fleet.drain(script.drained)
    ends_s = script.drain_at_s + script.drain_s
    if script.drain_at_s <= now_s < ends_s:
        fleet.move(fleet.draining, STEP_S / (ends_s - now_s))
    if _at(now_s, ends_s):
        fleet.lose(fleet.draining)
    if _at(now_s, ends_s + script.gone_s):
        fleet.begin(fleet.draining)


def _at(now_s: float, moment_s: float) -> bool:
    return abs(now_s - moment_s) < STEP_S / 2


def _scale(fleet: Fleet, script: Script, now_s: float, room: int) -> None:
    """More shards where there are more devices than they should have; they serve after the lag."""
    fleet.begin(fleet.ordered & (fleet.ready_s <= now_s))
    if round(now_s / STEP_S) % round(script.scale_every_s / STEP_S) == 0:
        fleet.order(room, now_s + script.scale_lag_s)


def _serve(fleet: Fleet, demand: Demand, script: Script, costs: Coefficients, now_s: float) -> tuple[Served, Numbers]:
    """A step of work: frames for who is live, newcomers from the queue; what is not done is backlog."""
    hot = now_s >= script.touchdown_s and now_s < script.touchdown_s + 2 * script.spike_s
    changes = np.full_like(fleet.live, demand.changes_per_s)
    changes[(fleet.group == 0) & hot] *= script.burst
    load = Load(fleet.live, fleet.lanes * (demand.updates / demand.lanes), changes)
    wanted = np.minimum(fleet.queue * costs.connect_cpu_s / STEP_S, CONNECT_SHARE)
    made = served(load, demand.tier_ms, costs, room=0.95 - wanted)
    done = np.minimum(fleet.queue, wanted * STEP_S / costs.connect_cpu_s)
    fleet.queue -= done
    fleet.live += done
    fleet.backlog_s = np.maximum(fleet.backlog_s + (made.cpu + wanted - 1) * STEP_S, 0) * fleet.up
    late_ms = behind_ms(made._replace(cpu=made.cpu + wanted), costs) + fleet.backlog_s * 1000
    return made, late_ms


def _admit(fleet: Fleet, arrivals: Numbers, late_ms: Numbers) -> None:
    """Newcomers go to shards of their group, then to others of their region; the rest is told to come again."""
    takes = fleet.up & (late_ms < LATE_MS_MAX) & (fleet.queue < WAITING_MAX)
    fleet.admit(arrivals, takes, WAITING_MAX)
