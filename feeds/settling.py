"""Publishes one lane's results, each after the state it rests on, again and again until it is acknowledged.

It must never publish for a leader that stood down, nor a result whose market's state is still on its way to the log. A
leader that was taken over while it was frozen finds another's lead record before it says anything.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import structlog

from feeds.contract.errors import LogUnavailable
from feeds.contract.records import encode_settlement
from feeds.contract.results import MarketResult, Settlement, saying_id
from feeds.contract.subjects import market_subject, settle_subject
from feeds.lane_log import Message, Positions, ResultLog
from feeds.leader import LaneLeader
from feeds.metrics import FeedMetrics
from feeds.results import WaitingResults

log = structlog.get_logger(__name__)

TURN_S = 0.05
"""How often results that wait for their state are looked at."""

IN_FLIGHT_MAX = 64
"""Results on their way at once, each of another market."""

RETRY_S = (0.1, 2.0)
"""Wait after a failure: from, doubling, up to; half of it at random."""


class LaneSettler:
    """Publishes `feed`'s results of one lane. `owns(subject)`: whether this feed speaks for a market now."""

    def __init__(
        self,
        leader: LaneLeader,
        results: ResultLog,
        *,
        feed: str,
        lane: int,
        owns: Callable[[str], bool],
        metrics: FeedMetrics,
    ) -> None:
        self._leader = leader
        self._results = results
        self._feed = feed
        self._lane = lane
        self._owns = owns
        self._waiting = WaitingResults()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._dropped = 0
        label = str(lane)
        self._published = metrics.results_published.labels(label)
        self._drops = metrics.results_dropped.labels(label)
        metrics.results_waiting.labels(label).set_function(self._waiting.__len__)

    def put(self, result: MarketResult) -> None:
        """A result to publish."""
        self._waiting.put(result, _now_ms())
        self._idle.clear()
        self._wake.set()

    async def published(self) -> None:
        """Waits until nothing waits."""
        await self._idle.wait()

    async def run(self) -> None:
        """Until cancelled."""
        wait_s, wait_s_max = RETRY_S
        while True:
            await self._wake.wait()
            try:
                due = self._due()
                if due and await self._leads():
                    await self._publish(due)
                    continue
                wait_s = RETRY_S[0]
            except LogUnavailable as error:
                log.warning("results_unavailable", lane=self._lane, error=str(error))
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(2 * wait_s, wait_s_max)
            if not self._waiting:
                self._wake.clear()
                self._idle.set()
            await asyncio.sleep(TURN_S)

    def _due(self) -> list[MarketResult]:
        due = self._waiting.due(self._ready, IN_FLIGHT_MAX, _now_ms())
        if self._waiting.dropped > self._dropped:
            log.error("results_dropped", lane=self._lane, count=self._waiting.dropped - self._dropped)
            self._drops.inc(self._waiting.dropped - self._dropped)
            self._dropped = self._waiting.dropped
        return due

    def _ready(self, result: MarketResult) -> bool:
        subject = self._subject(result)
        return not self._leader.writer.pending(subject) and self._owns(subject)

    async def _leads(self) -> bool:
        """Whether the lead record is ours, by the log itself. Where it is not, the leader learns that by its beat."""
        if not self._leader.writer.leading:
            return False
        subject, s = self._leader.writer.lead_subject, self._leader.lead_s
        return (await self._results.positions(self._lane, [subject])).s[subject] == s

    async def _publish(self, due: list[MarketResult]) -> None:
        at = await self._results.positions(self._lane, map(self._subject, due))
        outcomes = await asyncio.gather(*(self._say(result, at) for result in due), return_exceptions=True)
        for error in outcomes:
            if error is not None:
                raise error

    async def _say(self, result: MarketResult, at: Positions) -> None:
        settlement = Settlement(self._feed, self._lane, at.created, at.s[self._subject(result)], result)
        message = Message(settle_subject(self._lane, result.event, result.market), encode_settlement(settlement))
        await self._results.publish(message, saying_id(self._feed, result))
        self._waiting.published(result)
        self._published.inc()

    def _subject(self, result: MarketResult) -> str:
        return market_subject(self._lane, result.topic, result.market)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
