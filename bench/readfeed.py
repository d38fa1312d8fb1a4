"""`python -m bench.readfeed`: what reads are measured on. One event of 500 markets that stay, and 200 that change."""

from __future__ import annotations

import sys

import msgspec

from bench import steady
from bench.feeding import Asked, main
from bench.loadfeed import Load, SteadyProvider
from feeds.contract.model import Event, Market
from feeds.contract.subjects import lane_of, source_id
from feeds.ports import FeedSink

BOARD_EVENT = "EBOARD"
BOARD_MARKETS = 500
CHANGING_MARKETS = 200
"""At 2,000 updates a second each of them changes every 100 ms."""


class ReadsProvider:
    """The slate as a provider (feeds/ports.py)."""

    feed = steady.FEED

    def __init__(self, load: Load, *, lanes: int) -> None:
        self._steady = SteadyProvider(load, lanes=lanes)
        self._lanes = lanes

    async def run(self, sink: FeedSink) -> None:
        """The board once, then the steady slate."""
        topic = f"{steady.TOPIC}.{BOARD_EVENT}"
        sink.put([Event(BOARD_EVENT, topic, "Away @ Home", "2026-09-21T20:00:00Z", "live", 0)])
        sink.put(self._market(number, topic) for number in range(BOARD_MARKETS))
        await self._steady.run(sink)

    def absent(self, market: Market, now_ms: int) -> Market:
        """Nothing goes."""
        return self._steady.absent(market, now_ms)

    def _market(self, number: int, topic: str) -> Market:
        return msgspec.structs.replace(
            steady.market(number, number, lanes=self._lanes, ts=0),
            id=f"B{number:04}",
            event=BOARD_EVENT,
            topic=topic,
            src=source_id(self.feed, lane_of(BOARD_EVENT, self._lanes)),
        )


def _provider(asked: Asked, lanes: int) -> ReadsProvider:
    return ReadsProvider(Load("shard", asked.port, CHANGING_MARKETS, asked.rate, 0), lanes=lanes)


if __name__ == "__main__":
    sys.exit(main(_provider))
