"""Everything one feed has in one lane, put together: what it holds, what of it it may write, and who writes that.

A state is encoded once, kept as the newest, and goes to the leader where this feed may write it; else it waits here,
also over a recovery, until the feed may. Never waits for anybody.

What a desk changes is written as soon as it is read, or its end has come, over all that it concerns: a part at a time,
so that an overlay of a whole sport holds up no price.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from itertools import islice

import structlog

from feeds.contract.lane import Stored
from feeds.contract.model import Event, FeedState, Market
from feeds.contract.subjects import is_event
from feeds.follow import FollowedLanes, now_ms
from feeds.leader import LaneLeader
from feeds.metrics import FeedMetrics
from feeds.ownership import LaneOwnership
from feeds.ports import State
from feeds.recovery import HeldStates, ended

log = structlog.get_logger(__name__)

STATE_BYTES_MAX = 262_144
"""A larger state is refused, counted and logged: the log would refuse it, and it would hold up its lane."""

OVERSEE_MAX = 500
"""Markets that are looked at in one turn after their overlays changed; between two turns prices come through."""

LOOK_S_MAX = 10.0
"""Ends are looked for at least this often: the clock they stand in may be set."""


class FeedLane:
    """Takes the states of one lane. `now_ms` is the wall clock's, Unix ms: others' beats are judged by it."""

    def __init__(
        self, lane: int, leader: LaneLeader, *, held: HeldStates, ownership: LaneOwnership, metrics: FeedMetrics
    ) -> None:
        self.leader = leader
        self._lane = lane
        self._held = held
        self._ownership = ownership
        self._states_refused = metrics.states_refused
        self._withheld = metrics.states_withheld.labels(str(lane))
        self._rewritten = metrics.states_rewritten.labels(str(lane))
        self._overlaid = metrics.states_overlaid.labels(str(lane))
        self._overlays = held.overlays
        self._concerned: dict[str, None] = {}
        self._taken_over = asyncio.Event()
        self._moved = asyncio.Event()
        self._overlays.listen(self._moved.set)

    async def take_over(self, followed: FollowedLanes) -> None:
        """Waits until this feed leads the lane and has read everything before that; then holds what it left there, and
        has it written as desks want it now."""
        await self.leader.led.wait()
        self.hold(await followed.reached(self._lane, self.leader.lead_s))
        more = True
        while more:
            more = self.oversee(now_ms())
            await asyncio.sleep(0)
        self._taken_over.set()

    def hold(self, records: Iterable[Stored]) -> None:
        """What the log holds of this feed; all that a desk had a hand in is to be looked at again."""
        self._held.board_read(records)
        self._concern(self._held.overlaid())

    def put(self, state: State, now_ms: int) -> None:
        """A state of this lane."""
        message = self._held.put(state)
        if message is None:
            return
        if len(message.data) > STATE_BYTES_MAX:
            self._held.forget(message.subject)
            self._states_refused.inc()
            log.error("state_too_large", subject=message.subject, size=len(message.data))
            return
        ends = ended(state)
        claim = self._ownership.claim(message.subject, now_ms, ends=ends)
        if claim == "write":
            self.leader.put(message, ends_event=ends and isinstance(state, Event))
            return
        self._withheld.inc()
        if claim == "keep" and ends:
            self._held.keep_end(message)

    def contend(self, now_ms: int) -> None:
        """Writes what was kept back, or lost to another feed, and may be written now."""
        count = 0
        for subject in self._ownership.due(now_ms):
            newest = self._held.newest(subject)
            if newest is not None:
                count += 1
                self.leader.put(newest.message, ends_event=newest.ends and is_event(subject))
        if count:
            self._rewritten.inc(count)
            log.info("states_taken_over", lane=self._lane, count=count)

    async def run_overlays(self) -> None:
        """After the takeover, until cancelled: writes anew what desks change, and again when that ends."""
        await self._taken_over.wait()
        while True:
            self._moved.clear()
            if self.oversee(now_ms()):
                await asyncio.sleep(0)
                continue
            end_ms = self._overlays.next_end_ms
            wait_s = LOOK_S_MAX if end_ms is None else max(0, end_ms - now_ms()) / 1000
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, LOOK_S_MAX)):
                    await self._moved.wait()

    def oversee(self, at_ms: int) -> bool:
        """Writes anew what overlays changed, of so many markets. Gives whether there are more to be looked at."""
        scopes = self._overlays.due(at_ms)
        if scopes:
            self._concern(self._held.under(scopes))
        count = 0
        for subject in list(islice(self._concerned, OVERSEE_MAX)):
            del self._concerned[subject]
            message = self._held.again(subject)
            if message is not None and self._ownership.claim(subject, at_ms, ends=False) == "write":
                self.leader.put(message)
                count += 1
        self._overlaid.inc(count)
        return bool(self._concerned)

    def _concern(self, subjects: Iterable[str]) -> None:
        self._concerned.update(dict.fromkeys(subjects))

    def recovered(self, absent: Callable[[Market], Market], now_ms: int) -> None:
        """The provider has put all it knows: what becomes of the rest is written."""
        for state in self._held.recovered(absent):
            self.put(state, now_ms)

    def health(self, state: FeedState) -> None:
        """How the feed is, told with a beat that goes behind all that waits. `recovered` goes before `live`."""
        if state != "live":
            self._held.recovering()
        self.leader.health(state)
