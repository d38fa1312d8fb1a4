"""The port between a provider and the pipeline, and between the pipeline and the log. Adapters stand behind it.

A provider turns its own messages into whole contract states and hands them to a sink; it never knows of NATS. States
may come at any rate: the writer keeps the newest state per market while a batch is on its way, so a provider is never
held up and overload conflates at the source.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from feeds.contract.model import Event, FeedState, Market
from feeds.contract.results import MarketResult

State = Market | Event


class FeedSink(Protocol):
    """Where a provider puts what it learns. The calls return at once and never fail."""

    def put(self, states: Iterable[State]) -> None:
        """Whole states, newest last. An event's markets are `gone` before, or in the same call as, its `ended`."""

    def results(self, results: Iterable[MarketResult]) -> None:
        """How markets ended, or what takes that back. The market's closed or settled state was `put` before."""

    def health(self, state: FeedState) -> None:
        """How the provider is: `recovering` until all it knows was put, then `live`; `down` when it is cut off."""


class Provider(Protocol):
    """A source of odds. `feed` is its name in subjects and in `src`, a slug."""

    feed: str

    async def run(self, sink: FeedSink) -> None:
        """Put everything known, say `live`, then put what changes until cancelled. Returning means there is no more."""

    def absent(self, market: Market, now_ms: int) -> Market:
        """What becomes of a market that the log holds and this provider, recovered, did not mention."""
