"""From a provider to the lanes: takes over every lane, lets the provider recover, then passes on what changes.

In this order: the lead record, a beat `recovering`, the board, the provider's recovery of which only what differs is
written, what it did not mention, and only then a beat `live`. Encodes a state once. Waits for nobody while it is fed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import structlog

from feeds.contract.model import Event, FeedState, Market
from feeds.contract.results import MarketResult
from feeds.contract.subjects import lane_of
from feeds.follow import FollowedLanes
from feeds.leader import LaneLeader
from feeds.metrics import FeedMetrics
from feeds.ports import Provider, State
from feeds.recovery import HeldStates, ended
from feeds.settling import LaneSettler

log = structlog.get_logger(__name__)

STATE_BYTES_MAX = 262_144
"""A larger state is refused, counted and logged: the log would refuse it, and it would hold up its lane."""

STOP_TIMEOUT_S = 3.0
"""How long an end waits until the beats `down` are stored, and the results that wait are published."""


class Pipeline:
    """A FeedSink (feeds/ports.py) in front of the leaders of all lanes."""

    def __init__(
        self,
        provider: Provider,
        *,
        held: Mapping[int, HeldStates],
        leaders: Mapping[int, LaneLeader],
        settlers: Mapping[int, LaneSettler],
        followed: FollowedLanes,
        metrics: FeedMetrics,
    ) -> None:
        self._provider = provider
        self._held = held
        self._leaders = leaders
        self._settlers = settlers
        self._followed = followed
        self._lanes = len(leaders)
        self._states_in = metrics.states_in
        self._states_refused = metrics.states_refused
        self._stopped = asyncio.Event()

    def put(self, states: Iterable[State]) -> None:
        """See FeedSink. The end of an event goes after the other states of the call, its markets among them."""
        ends: list[State] = []
        for state in states:
            if isinstance(state, Event) and ended(state):
                ends.append(state)
            else:
                self._put(state)
        for state in ends:
            self._put(state)

    def _put(self, state: State) -> None:
        self._states_in.inc()
        lane = lane_of(state.event if isinstance(state, Market) else state.id, self._lanes)
        held = self._held[lane]
        message = held.put(state)
        if message is None:
            return
        if len(message.data) > STATE_BYTES_MAX:
            held.forget(message.subject)
            self._states_refused.inc()
            log.error("state_too_large", subject=message.subject, size=len(message.data))
            return
        self._leaders[lane].put(message, ends_event=isinstance(state, Event) and ended(state))

    def results(self, results: Iterable[MarketResult]) -> None:
        """See FeedSink."""
        for result in results:
            self._settlers[lane_of(result.event, self._lanes)].put(result)

    def health(self, state: FeedState) -> None:
        """See FeedSink."""
        log.info("feed_health", feed=self._provider.feed, state=state)
        absent = partial(_absent, self._provider, time.time_ns() // 1_000_000)
        for held in self._held.values():
            if state == "live":
                self.put(held.recovered(absent))
            else:
                held.recovering()
        for leader in self._leaders.values():
            leader.health(state)

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Leads and feeds until `stop`; `on_ready` when the first beat `live` is stored in every lane.

        Raises NotLeader in a group when another process took over.
        """
        async with asyncio.TaskGroup() as group:
            leading = [group.create_task(leader.run()) for leader in self._leaders.values()]
            settling = [group.create_task(settler.run()) for settler in self._settlers.values()]
            working = [group.create_task(self._feed()), group.create_task(self._announce(on_ready))]
            await self._stopped.wait()
            for task in working:
                task.cancel()
            for leader in self._leaders.values():
                leader.stop()
            published = [group.create_task(settler.published()) for settler in self._settlers.values()]
            await asyncio.wait([*leading, *published], timeout=STOP_TIMEOUT_S)
            for task in (*leading, *settling, *published):
                task.cancel()

    def stop(self) -> None:
        """The feed says `down` in every lane, and `run` returns."""
        self._stopped.set()

    async def _feed(self) -> None:
        for lane, leader in self._leaders.items():
            await leader.led.wait()
            self._held[lane].board_read(await self._followed.reached(lane, leader.lead_s))
        await self._provider.run(self)
        log.info("provider_finished", feed=self._provider.feed)

    async def _announce(self, on_ready: Callable[[], None]) -> None:
        for leader in self._leaders.values():
            await leader.live.wait()
        on_ready()


def _absent(provider: Provider, now_ms: int, market: Market) -> Market:
    return provider.absent(market, now_ms)
