"""A leader's own reading of its lanes, and the refresh that keeps them whole.

It must never overwrite: a repeated record expects the position it repeats, and a refusal means somebody was faster.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import structlog

from feeds.contract.errors import LogUnavailable
from feeds.contract.lane import Board, Stored
from feeds.contract.subjects import desk_subject, is_event, kind_of, lead_subject
from feeds.lane_log import Fence, LaneLog, Message, WriteRefused
from feeds.metrics import FeedMetrics
from feeds.overlay import LaneOverlays
from feeds.ownership import LaneOwnership
from feeds.refresh import SPREAD_PART, LaneRecords

log = structlog.get_logger(__name__)

REFRESHES_IN_FLIGHT_MAX = 50
REFRESHES_PER_TURN_MAX = 500
TURN_S_MAX = 1.0
TURNS_PER_SPREAD = 10

_DESK = desk_subject(0, "")[len("odds.0") :]


class FollowedLanes:
    """A LaneSink (feeds/contract/lane.py) that keeps every lane's records which have not ended, and tells the lane's
    ownership of each, and its overlays of those that concern them."""

    def __init__(
        self, *, log_age_s: float, ownership: Mapping[int, LaneOwnership], overlays: Mapping[int, LaneOverlays]
    ) -> None:
        self.lanes = {lane: LaneRecords(log_age_s=log_age_s) for lane in ownership}
        self.overlays = overlays
        self._ownership = ownership
        self._moved = asyncio.Event()

    async def reached(self, lane: int, s: int) -> LaneRecords:
        """Waits until everything up to `s` was read; gives the lane's records."""
        while self.lanes[lane].position < s:
            self._moved.clear()
            await self._moved.wait()
        return self.lanes[lane]

    def board(self, lane: int, board: Board) -> None:
        """See LaneSink."""
        self.lanes[lane].board(board, time.monotonic())
        self._ownership[lane].board(board, now_ms())
        self.overlays[lane].board(board)
        self._moved.set()

    def record(self, lane: int, record: Stored) -> None:
        """See LaneSink."""
        self.lanes[lane].record(record, time.monotonic())
        ownership = self._ownership[lane]
        if ownership.own_mark not in record.data or not ownership.alone:
            ownership.record(record, now_ms())
        overlays = self.overlays[lane]
        if _DESK in record.subject and kind_of(record.subject) == "desk":
            overlays.record(record)
        elif overlays.present and is_event(record.subject):
            overlays.event(record)
        self._moved.set()

    def floor(self, lane: int, floor: int) -> None:
        """See LaneSink. What ages has ended, or was repeated before."""

    def epoch(self, epoch: str) -> None:
        """See LaneSink."""
        del epoch
        for records in self.lanes.values():
            records.forget()
        for ownership in self._ownership.values():
            ownership.forget()
        for overlays in self.overlays.values():
            overlays.forget()


class Refresher:
    """Repeats what is due in every lane, but for the lead records of `feed`: its leaders renew those themselves, since
    a repetition moves what their writes are fenced by. Overlays that a lost log took along are repeated into the new
    one, and those of which nothing counts any more are written `over`, expecting likewise. `run` until cancelled."""

    def __init__(
        self,
        followed: FollowedLanes,
        logs: Mapping[int, LaneLog],
        *,
        feed: str,
        log_age_s: float,
        metrics: FeedMetrics,
    ) -> None:
        self._followed = followed
        self._logs = logs
        self._own = frozenset(lead_subject(lane, feed) for lane in logs)
        self._turn_s = min(TURN_S_MAX, log_age_s * SPREAD_PART / TURNS_PER_SPREAD)
        self._refreshed = metrics.refreshed

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for lane, records in self._followed.lanes.items():
                due = records.due(time.monotonic(), REFRESHES_PER_TURN_MAX)
                due += self._followed.overlays[lane].to_write(now_ms())
                for start in range(0, len(due), REFRESHES_IN_FLIGHT_MAX):
                    part = due[start : start + REFRESHES_IN_FLIGHT_MAX]
                    await asyncio.gather(*(self._repeat(lane, record) for record in part))
            await asyncio.sleep(self._turn_s)

    async def _repeat(self, lane: int, record: Stored) -> None:
        if record.subject in self._own:
            return
        try:
            await self._logs[lane].write([Message(record.subject, record.data)], Fence(record.subject, record.s))
        except WriteRefused:
            return
        except LogUnavailable as error:
            log.info("refresh_failed", subject=record.subject, error=str(error))
            return
        self._refreshed.labels(str(lane)).inc()


def now_ms() -> int:
    """The wall clock, Unix ms: what beats are compared with."""
    return time.time_ns() // 1_000_000
