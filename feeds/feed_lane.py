"""Everything one feed has in one lane, put together: what it holds, what of it it may write, and who writes that.

A state is encoded once, kept as the newest, and goes to the leader where this feed may write it; else it waits here,
also over a recovery, until the feed may. Never waits for anybody.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from feeds.contract.model import Event, FeedState, Market
from feeds.contract.subjects import is_event
from feeds.follow import FollowedLanes
from feeds.leader import LaneLeader
from feeds.metrics import FeedMetrics
from feeds.ownership import LaneOwnership
from feeds.ports import State
from feeds.recovery import HeldStates, ended

log = structlog.get_logger(__name__)

STATE_BYTES_MAX = 262_144
"""A larger state is refused, counted and logged: the log would refuse it, and it would hold up its lane."""


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

    async def take_over(self, followed: FollowedLanes) -> None:
        """Waits until this feed leads the lane and has read everything before that; then holds what it left there."""
        await self.leader.led.wait()
        self._held.board_read(await followed.reached(self._lane, self.leader.lead_s))

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

    def recovered(self, absent: Callable[[Market], Market], now_ms: int) -> None:
        """The provider has put all it knows: what becomes of the rest is written."""
        for state in self._held.recovered(absent):
            self.put(state, now_ms)

    def health(self, state: FeedState) -> None:
        """How the feed is, told with a beat that goes behind all that waits. `recovered` goes before `live`."""
        if state != "live":
            self._held.recovering()
        self.leader.health(state)
