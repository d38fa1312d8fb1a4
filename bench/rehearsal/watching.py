"""One drill as users see it: for how long some device had no fresh odds, for how long nobody's bet was taken, and when
everything was whole again. Looked at all the time, not only where somebody expects a fault."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import msgspec

from bench.chaos.load import Load
from bench.chaos.view import View
from bench.rehearsal.cluster import Cluster
from bench.rehearsal.drills import AWAY_S, Drill
from bench.scenario import CannotMeasure

LOOK_S = 0.05
FRESH_S = 1.6
"""A device that heard nothing for so long has no fresh odds: a heartbeat comes every second."""

SERVED_S, WHOLE_S = 45.0, 60.0
"""Within which service must be back, and everything whole; longer is a failed drill."""

STEADY_S = 2.0
"""Back is who stays so."""


class Drilled(msgspec.Struct, frozen=True):
    """What became of a drill: seconds without fresh odds on some device, and without a bet, at most at a stretch; until
    all was whole after it was mended. `ends`: how connections of devices ended meanwhile. `failed`: why it is none."""

    name: str
    says: str
    promised_s: float
    source: str
    odds_s: float
    bets_s: float
    whole_s: float
    ends: dict[str, int]
    failed: str = ""

    @property
    def kept(self) -> bool:
        """Whether the promise was."""
        return not self.failed and max(self.odds_s, self.bets_s) <= self.promised_s


@dataclass
class _Watch:
    """What is seen from `begin` on."""

    load: Load
    odds_s: float = 0.0
    bets_s: float = 0.0

    def begin(self) -> None:
        now_s = time.monotonic()
        self._bets, self._bet_at_s, self._fresh_at_s, self._steady_from_s = self.load.heard.bets, now_s, now_s, now_s

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        now_s, wall_s = time.monotonic(), time.time()
        if self.load.heard.bets > self._bets:
            self._bets, self._bet_at_s = self.load.heard.bets, now_s
        self.bets_s = max(self.bets_s, now_s - self._bet_at_s)
        if all(is_fresh(device.view, wall_s) for device in self.load.devices):
            self._fresh_at_s = now_s
        else:
            self._steady_from_s = now_s
        self.odds_s = max(self.odds_s, now_s - self._fresh_at_s)
        if now_s - self._bet_at_s > STEADY_S:
            self._steady_from_s = now_s

    @property
    def steady(self) -> bool:
        return time.monotonic() - self._steady_from_s >= STEADY_S


def is_fresh(view: View, now_s: float) -> bool:
    """Whether a device shows odds of sources that are live, and heard so a moment ago."""
    if not view.live or not view.heard:
        return False
    at_s, not_live = view.heard[-1]
    return now_s - at_s < FRESH_S and not not_live


async def drilled(drill: Drill, cluster: Cluster, load: Load) -> Drilled:
    """Breaks, waits until service is back, mends, and waits until all is whole."""
    watch = _Watch(load)
    watch.begin()
    looking = asyncio.create_task(watch.run())
    before = _ends(load)
    failed, mended_s = "", 0.0
    try:
        began_s = time.monotonic()
        await drill.breaks(cluster)
        failed = await _until_steady(watch, SERVED_S, "service is not back")
        await asyncio.sleep(max(0.0, AWAY_S - (time.monotonic() - began_s)) if drill.promised_s > STEADY_S else 0.0)
        mended_s = time.monotonic()
        await drill.mends(cluster)
        await _whole(cluster)
        failed = failed or await _until_steady(watch, WHOLE_S, "it does not become whole")
    except (CannotMeasure, OSError, TimeoutError) as error:
        failed = f"{type(error).__name__} {error}"
    finally:
        looking.cancel()
    whole_s = max(0.0, time.monotonic() - mended_s - STEADY_S)
    return Drilled(
        name=drill.name,
        says=drill.says,
        promised_s=drill.promised_s,
        source=drill.source,
        odds_s=watch.odds_s,
        bets_s=watch.bets_s,
        whole_s=whole_s,
        ends=dict(_ends(load) - before),
        failed=failed,
    )


def _ends(load: Load) -> Counter[str]:
    return sum((device.socket.ends for device in load.devices), Counter[str]())


async def _until_steady(watch: _Watch, within_s: float, otherwise: str) -> str:
    watch.look()
    try:
        async with asyncio.timeout(within_s):
            while not watch.steady:  # noqa: ASYNC110 it lies in views, which know of no event
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        views = [device.view for device in watch.load.devices]
        fresh = sum(is_fresh(view, time.time()) for view in views)
        return f"{otherwise} within {within_s:g} s: {fresh} of {len(views)} devices have fresh odds"
    return ""


async def _whole(cluster: Cluster) -> None:
    async with asyncio.timeout(WHOLE_S):
        for part in cluster.parts.values():
            if part.wanted:
                await part.ready()
