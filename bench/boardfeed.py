"""`python -m bench.boardfeed`: boards of 500 markets that change all the time, one market after the other."""

from __future__ import annotations

import sys
import time

import msgspec

from bench import steady
from bench.feeding import main
from bench.pace import paced
from feeds.contract.model import Event, Market
from feeds.contract.subjects import lane_of, source_id
from feeds.ports import FeedSink

BOARDS = 20
BOARD_MARKETS = 500


def board_event(number: int) -> str:
    """The event of a board."""
    return f"EBOARD{number}"


class BoardsProvider:
    """The boards as a provider (feeds/ports.py)."""

    feed = steady.FEED

    def __init__(self, rate: int, *, lanes: int) -> None:
        self._rate = rate
        self._lanes = lanes

    async def run(self, sink: FeedSink) -> None:
        """All boards once, then change after change, spread over the boards."""
        for number in range(BOARDS):
            event = board_event(number)
            sink.put([Event(event, f"{steady.TOPIC}.{event}", "Away @ Home", "2026-09-21T20:00:00Z", "live", 0)])
        sink.put(self._market(count) for count in range(BOARDS * BOARD_MARKETS))
        sink.health("live")
        async for due in paced(self._rate):
            sink.put(self._market(BOARDS * BOARD_MARKETS + count) for count in due)

    def absent(self, market: Market, now_ms: int) -> Market:
        """The log is empty when we begin."""
        del now_ms
        return market

    def _market(self, count: int) -> Market:
        turn, place = divmod(count, BOARDS * BOARD_MARKETS)
        number, board = divmod(place, BOARDS)
        event = board_event(board)
        return msgspec.structs.replace(
            steady.market(number, turn, lanes=self._lanes, ts=time.time_ns() // 1_000_000),
            id=f"B{board}-{number:03}",
            event=event,
            topic=f"{steady.TOPIC}.{event}",
            src=source_id(self.feed, lane_of(event, self._lanes)),
        )


if __name__ == "__main__":
    sys.exit(main(lambda asked, lanes: BoardsProvider(asked.rate, lanes=lanes)))
