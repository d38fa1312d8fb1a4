"""One shard under a load, by coefficients: its share of a core, its tick, its bytes, and how late they come. Pure.

Everything is of arrays, one place a shard, so that a fleet costs what a shard does. A device hears of changes at random
moments; of those between two ticks it gets one frame. Where a shard's core is full its ticks stretch, up to TICK_MS_MAX
(fanout/pulse.py), which makes frames fewer and larger; beyond it what is due waits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.capacity.coefficients import HEARTBEATS_PER_S, LATE, Coefficients

Numbers = NDArray[np.float64]

TICK_MS_MAX = 150.0
FULL = 0.9
"""The share of a core at which ticks begin to stretch."""
PHASES = 8
_TICKS = 11


class Load(NamedTuple):
    """What shards carry: live devices, messages of the bus a second, and how often something changes for a device."""

    devices: Numbers
    records_per_s: Numbers
    changes_per_s: Numbers


class Served(NamedTuple):
    """What becomes of it. `cpu` above 1 cannot be done; the rest is as if it could."""

    tick_ms: Numbers
    cpu: Numbers
    frames_per_s: Numbers
    bytes_per_s: Numbers


def frames_of(changes_per_s: Numbers, tick_ms: Numbers, at_once: float) -> Numbers:
    """Frames a second for a device: ticks in which something changed, and heartbeats."""
    tick_s = tick_ms / 1000
    frames: Numbers = (1 - np.exp(-changes_per_s / at_once * tick_s)) / tick_s + HEARTBEATS_PER_S
    return frames


def at_tick(load: Load, tick_ms: Numbers, costs: Coefficients) -> Served:
    """At a given tick."""
    frames = load.devices * frames_of(load.changes_per_s, tick_ms, costs.changes_at_once)
    sent = frames * costs.frame_bytes + load.devices * load.changes_per_s * costs.change_bytes
    cpu = costs.idle_cpu + load.records_per_s * costs.record_cpu_s
    cpu = cpu + frames * costs.write_cpu_s + sent * costs.byte_cpu_s
    return Served(tick_ms, cpu, frames, sent)


def served(load: Load, tier_ms: float, costs: Coefficients, *, room: Numbers | float = FULL) -> Served:
    """At the shortest tick that leaves the core `room`, or the longest there is."""
    best = at_tick(load, np.full_like(load.devices, tier_ms), costs)
    for tick_ms in np.linspace(tier_ms, max(TICK_MS_MAX, tier_ms), _TICKS)[1:]:
        tight = best.cpu > room
        if not tight.any():
            break
        longer = at_tick(load, np.full_like(load.devices, tick_ms), costs)
        best = Served(*(np.where(tight, new, old) for new, old in zip(longer, best, strict=True)))
    return best


def behind_ms(made: Served, costs: Coefficients) -> Numbers:
    """What comes on top of waiting for the tick: the way to the board, a phase's own writes, and those before them."""
    cpu = np.minimum(made.cpu, 0.98)
    phase_ms = cpu * made.tick_ms / PHASES
    late: Numbers = costs.transit_ms + phase_ms / (1 - cpu)
    return late


def p99_ms(made: Served, late_ms: Numbers, devices: Numbers) -> float:
    """Of all deliveries of all shards. A delivery waits for its tick, evenly from nothing to a whole one, and `late_ms`
    on top."""
    total = float(devices.sum())
    if not total:
        return 0.0
    low, high = 0.0, float((late_ms + made.tick_ms)[devices > 0].max())
    for _ in range(26):
        middle = (low + high) / 2
        above = float((devices * np.clip((late_ms + made.tick_ms - middle) / made.tick_ms, 0, 1)).sum())
        low, high = (middle, high) if above > LATE * total else (low, middle)
    return high


def alone(devices: float, records_per_s: float, changes_per_s: float) -> Load:
    """The load of one shard."""
    return Load(*(np.array([float(value)]) for value in (devices, records_per_s, changes_per_s)))
