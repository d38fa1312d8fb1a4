"""From a provider to the lanes: takes over every lane, lets the provider recover, then passes on what changes.

In this order: the lead record, a beat `recovering`, the board, what desks have laid over it since, the provider's
recovery of which only what differs is written, what it did not mention, and only then a beat `live`. Waits for nobody
while it is fed. What of it is another feed's to write is looked at again and again (feeds/ownership.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import structlog

from feeds.contract.model import Event, FeedState, Market
from feeds.contract.results import MarketResult
from feeds.contract.subjects import lane_of
from feeds.feed_lane import FeedLane
from feeds.follow import FollowedLanes, now_ms
from feeds.metrics import FeedMetrics
from feeds.ownership import CONTEND_INTERVAL_MS
from feeds.ports import Provider, State
from feeds.recovery import ended
from feeds.settling import LaneSettler

log = structlog.get_logger(__name__)

STOP_TIMEOUT_S = 3.0
"""How long an end waits until the beats `down` are stored, and the results that wait are published."""


class Pipeline:
    """A FeedSink (feeds/ports.py) in front of all lanes."""

    def __init__(
        self,
        provider: Provider,
        *,
        lanes: Mapping[int, FeedLane],
        settlers: Mapping[int, LaneSettler],
        followed: FollowedLanes,
        metrics: FeedMetrics,
    ) -> None:
        self._provider = provider
        self._lanes = lanes
        self._settlers = settlers
        self._followed = followed
        self._states_in = metrics.states_in
        self._stopped = asyncio.Event()

    def put(self, states: Iterable[State]) -> None:
        """See FeedSink. The end of an event goes after the other states of the call, its markets among them."""
        at_ms = now_ms()
        count = 0
        ends: list[Event] = []
        for state in states:
            count += 1
            if isinstance(state, Market):
                self._lane(state.event).put(state, at_ms)
            elif ended(state):
                ends.append(state)
            else:
                self._lane(state.id).put(state, at_ms)
        for event in ends:
            self._lane(event.id).put(event, at_ms)
        self._states_in.inc(count)

    def _lane(self, event_id: str) -> FeedLane:
        return self._lanes[lane_of(event_id, len(self._lanes))]

    def results(self, results: Iterable[MarketResult]) -> None:
        """See FeedSink."""
        for result in results:
            self._settlers[lane_of(result.event, len(self._lanes))].put(result)

    def health(self, state: FeedState) -> None:
        """See FeedSink."""
        log.info("feed_health", feed=self._provider.feed, state=state)
        at_ms = now_ms()
        absent = partial(_absent, self._provider, at_ms)
        for lane in self._lanes.values():
            if state == "live":
                lane.recovered(absent, at_ms)
            lane.health(state)

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Leads and feeds until `stop`; `on_ready` when the first beat `live` is stored in every lane.

        Raises NotLeader in a group when another process took over.
        """
        async with asyncio.TaskGroup() as group:
            leading = [group.create_task(lane.leader.run()) for lane in self._lanes.values()]
            settling = [group.create_task(settler.run()) for settler in self._settlers.values()]
            working = [
                group.create_task(self._feed()),
                group.create_task(self._contend()),
                group.create_task(self._announce(on_ready)),
                *(group.create_task(lane.run_overlays()) for lane in self._lanes.values()),
            ]
            await self._stopped.wait()
            for task in working:
                task.cancel()
            for lane in self._lanes.values():
                lane.leader.stop()
            published = [group.create_task(settler.published()) for settler in self._settlers.values()]
            await asyncio.wait([*leading, *published], timeout=STOP_TIMEOUT_S)
            for task in (*leading, *settling, *published):
                task.cancel()

    def stop(self) -> None:
        """The feed says `down` in every lane, and `run` returns."""
        self._stopped.set()

    async def _feed(self) -> None:
        for lane in self._lanes.values():
            await lane.take_over(self._followed)
        await self._provider.run(self)
        log.info("provider_finished", feed=self._provider.feed)

    async def _contend(self) -> None:
        while True:
            await asyncio.sleep(CONTEND_INTERVAL_MS / 1000)
            for lane in self._lanes.values():
                lane.contend(now_ms())

    async def _announce(self, on_ready: Callable[[], None]) -> None:
        for lane in self._lanes.values():
            await lane.leader.live.wait()
        on_ready()


def _absent(provider: Provider, now_ms: int, market: Market) -> Market:
    return provider.absent(market, now_ms)
