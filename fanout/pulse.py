"""What makes a shard move: ticks of its tiers, a sweep of deadlines, settling after records, walks between other work.

The thin side of scheduler.py and shard.py: it owns timers on the event loop and reads the clock. Nothing here awaits.
The tier without delay flushes when the shard settles; its tick only carries heartbeats.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fanout.scheduler import TickClock
from fanout.shard import Shard
from fanout.tiers import Tier

SWEEP_INTERVAL_S = 0.1
CHUNKS_A_STEP = 8
"""Catch-up chunks between two turns of the event loop."""


def now_ms() -> int:
    """The wall clock, Unix ms: what devices and ingestors compare with."""
    return time.time_ns() // 1_000_000


class Pulse:
    """Drives one shard on one event loop, from `start` to `stop`.

    `want` is told which lanes to read, whenever that may have changed.
    """

    def __init__(self, shard: Shard, want: Callable[[frozenset[int]], None]) -> None:
        self._shard = shard
        self._want = want
        self._wanted: frozenset[int] | None = None
        self._loop = asyncio.get_running_loop()
        self._settling = False
        self._walking = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        ceiling_ms = shard.settings.tick_ceiling_ms
        self.clocks = {
            tier: TickClock(tier.interval_ms or ceiling_ms, ceiling_ms, self._loop.time() * 1000)
            for tier in shard.tiers
        }

    def start(self) -> None:
        """From here ticks and sweeps come by themselves."""
        for tier in self._shard.tiers:
            self._arm_tick(tier)
        self._sweep()

    def stop(self) -> None:
        """No more of them."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def records_came(self) -> None:
        """Records were handed to the shard: it settles once this turn of the loop is over."""
        if not self._settling:
            self._settling = True
            self._loop.call_soon(self._settle)

    def devices_moved(self) -> None:
        """A device spoke, drained or left: lanes may be wanted, walks may be due."""
        self._tell_wanted(now_ms())
        self._walk_soon()

    def _settle(self) -> None:
        self._settling = False
        self._shard.settle(now_ms())
        self._walk_soon()

    def _arm_tick(self, tier: Tier) -> None:
        due_s = self.clocks[tier].due_ms / 1000
        self._timers[f"tier-{tier.index}"] = self._loop.call_at(due_s, self._tick, tier)

    def _tick(self, tier: Tier) -> None:
        clock = self.clocks[tier]
        began_ms = self._loop.time() * 1000
        self._shard.flush(tier, now_ms(), clock.lag_ms())
        clock.flushed(began_ms, self._loop.time() * 1000)
        self._arm_tick(tier)

    def _sweep(self) -> None:
        moment_ms = now_ms()
        self._shard.sweep(moment_ms)
        self._tell_wanted(moment_ms)
        self._timers["sweep"] = self._loop.call_later(SWEEP_INTERVAL_S, self._sweep)

    def _tell_wanted(self, moment_ms: int) -> None:
        wanted = self._shard.wanted_lanes(moment_ms)
        if wanted != self._wanted:
            self._wanted = wanted
            self._want(wanted)

    def _walk_soon(self) -> None:
        if not self._walking:
            self._walking = True
            self._loop.call_soon(self._walk)

    def _walk(self) -> None:
        self._walking = False
        if self._shard.step_walks(now_ms(), CHUNKS_A_STEP):
            self._walk_soon()
