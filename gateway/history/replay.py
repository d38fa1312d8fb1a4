"""An archived day as a feed of its own: what stood at its beginning, then every change at the pace it had, or faster.

It is a provider like any other (feeds/ports.py), so it goes through the normal fenced writer, and what is faster than
that can write is conflated there. It must never claim to be the feed that was archived: `src` is its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from feeds.contract.model import Event, FeedState, Market
from feeds.contract.subjects import lane_of, source_id
from gateway.history.changes import Archived, Span, State, changes, standing
from gateway.store.pool import Database

_STEP_S = 0.01
"""Changes due within this are put together."""
_PUT_MAX = 1_000
"""No more than so many: then the writer has its turn."""


class Sink(Protocol):
    """What a provider puts into (feeds/ports.py)."""

    def put(self, states: list[State]) -> None:
        """Whole states, newest last."""

    def health(self, state: FeedState) -> None:
        """How the provider is."""


class ArchivedDay:
    """The provider. `finished` is called when the last change was put."""

    def __init__(
        self, database: Database, span: Span, *, feed: str, lanes: int, speed: float, finished: Callable[[], None]
    ) -> None:
        self.feed = feed
        self.put = 0
        self._database = database
        self._span = span
        self._lanes = lanes
        self._speed = speed
        self._finished = finished

    async def run(self, sink: Sink) -> None:
        """See Provider."""
        sink.put([self._own(one) for one in await standing(self._database, self._span.from_us)])
        sink.health("live")
        began_s = time.monotonic()
        due: list[State] = []
        first_us: int | None = None
        async for change in changes(self._database, self._span):
            first_us = change.at_us if first_us is None else first_us  # the day's silence before is not waited for
            wait_s = (change.at_us - first_us) / 1e6 / self._speed - (time.monotonic() - began_s)
            if wait_s > _STEP_S or len(due) == _PUT_MAX:
                self._put(sink, due)
                due = []
                await asyncio.sleep(max(0.0, wait_s))
            due.append(self._own(change))
        self._put(sink, due)
        self._finished()

    def _put(self, sink: Sink, states: list[State]) -> None:
        if states:
            self.put += len(states)
            sink.put(states)

    def _own(self, change: Archived) -> State:
        """The state as this feed has it: received now."""
        now_ms = time.time_ns() // 1_000_000
        state = change.state
        if isinstance(state, Event):
            return msgspec.structs.replace(state, ts=now_ms)
        return msgspec.structs.replace(state, ts=now_ms, src=source_id(self.feed, lane_of(state.event, self._lanes)))

    def absent(self, market: Market, now_ms: int) -> Market:
        """What the log holds of an earlier replay has ended."""
        return msgspec.structs.replace(market, st="closed", gone=True, ts=now_ms)
