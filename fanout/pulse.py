"""What makes a shard move: ticks of its tiers, writing in turns, settling after records, walks, a sweep of deadlines.

The thin side of scheduler.py and shard.py: it owns timers on the event loop and reads the clock. Nothing here awaits.
Nothing takes the loop for longer than a turn: frames go out at most `WRITES_A_TURN` at a time, between other work.
Ticks take turns: one begins when the frames of the one before are written, so that what it says is of that moment,
however long it had to wait. Under load they go round, and all of them stretch alike.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from fanout.admission import Admission, AdmissionLimits
from fanout.scheduler import TickClock
from fanout.shard import Shard
from fanout.tiers import Tier

SWEEP_INTERVAL_S = 0.1
CHUNKS_A_TURN = 8
"""Catch-up chunks between two turns of the event loop."""

WRITES_A_TURN = 500
"""Writes between two turns of the event loop: about 4 ms. A record of the log takes three turns to the board."""


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
        self._writing = False
        self._sweeping: asyncio.TimerHandle | None = None
        self._ticks: dict[Tier, asyncio.TimerHandle] = {}
        self._due: dict[Tier, None] = {}
        self._ticking: Tier | None = None
        self._began_ms: dict[Tier, float] = {}
        settings = shard.settings
        self.admission = Admission(AdmissionLimits(settings.admission_lag_ms, settings.admission_images))
        ceiling_ms, began_ms = settings.tick_ceiling_ms, self._loop.time() * 1000
        self.clocks = {
            tier: TickClock(tier.interval_ms, ceiling_ms, began_ms, phase=tier.phase) for tier in shard.tiers
        }
        for tier, clock in self.clocks.items():
            tier.lag_ms = clock.lag_ms
        self._held_to_ceiling = [tier for tier in shard.tiers if tier.interval_ms <= ceiling_ms]

    def start(self) -> None:
        """From here ticks and sweeps come by themselves."""
        for tier in self._shard.tiers:
            self._arm(tier)
        self._sweep()

    def stop(self) -> None:
        """No more of them."""
        for timer in self._ticks.values():
            timer.cancel()
        self._ticks.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()

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
        self._ask_undelayed()
        self._write()
        self._shard.serve_waiting(now_ms())
        self._walk_soon()

    def _ask_undelayed(self) -> None:
        """The tier without delay, if there is one, flushes as soon as it may."""
        tier = self._shard.tiers[0]
        if tier.interval_ms == 0 and tier not in self._began_ms:
            moment_ms = self._loop.time() * 1000
            if self.clocks[tier].ask(moment_ms) <= moment_ms:
                self._begin(tier)
            else:
                self._arm(tier)

    def _arm(self, tier: Tier) -> None:
        timer = self._ticks.get(tier)
        if timer is not None:
            timer.cancel()
        self._ticks[tier] = self._loop.call_at(self.clocks[tier].due_ms / 1000, self._tick, tier)

    def _tick(self, tier: Tier) -> None:
        if tier.interval_ms:
            self._due[tier] = None
            self._begin_due()
        elif tier not in self._began_ms:
            self._begin(tier)
        self._write()

    def _begin_due(self) -> None:
        """Of the ticks that are due the one that was heard of least lately, unless another is not written yet."""
        if self._ticking is None and self._due:
            tier = min(self._due, key=_began_ms)
            del self._due[tier]
            self._ticking = tier
            self._begin(tier)

    def _begin(self, tier: Tier) -> None:
        self._began_ms[tier] = self._loop.time() * 1000
        self._shard.flush(tier, now_ms())

    def _write(self) -> None:
        """What is on its way goes on: now, or in the turn that is due anyway."""
        if not self._writing:
            self._write_turn()

    def _write_turn(self) -> None:
        """A turn of writing; while there is more, another after everybody else had one."""
        moment_ms = now_ms()
        for tier in self._shard.write_some(moment_ms, WRITES_A_TURN):
            clock = self.clocks[tier]
            ended_ms = self._loop.time() * 1000
            clock.flushed(self._began_ms.pop(tier), ended_ms)
            if tier in self._held_to_ceiling:
                self.admission.flushed(clock.lags_ms[-1], ended_ms)
            if tier is self._ticking:
                self._ticking = None
                self._arm(tier)
                self._begin_due()
            self._walk_soon()
        self._writing = self._shard.writing
        if self._writing:
            self._loop.call_soon(self._write_turn)

    def _sweep(self) -> None:
        moment_ms = now_ms()
        self._shard.sweep(moment_ms)
        self._tell_wanted(moment_ms)
        self._ask_undelayed()
        self._write()
        self.admission.look(self._overdue_ms(), self._loop.time() * 1000)
        self._sweeping = self._loop.call_later(SWEEP_INTERVAL_S, self._sweep)

    def _overdue_ms(self) -> float:
        """How late the latest of the flushes is that were to have ended by now."""
        due = (self.clocks[tier].due_ms for tier in self._held_to_ceiling if tier.interval_ms or tier in self._began_ms)
        return max(0.0, self._loop.time() * 1000 - min(due, default=math.inf))

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
        if self._shard.step_walks(now_ms(), CHUNKS_A_TURN):
            self._walk_soon()


def _began_ms(tier: Tier) -> int:
    return tier.began_ms
