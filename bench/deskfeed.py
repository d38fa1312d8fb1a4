"""`python -m bench.deskfeed`: what the desk's page is measured on. Games of three main lines, two selections each, that
all change in turn, both prices at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import msgspec

from bench import steady
from bench.feeding import Asked, main
from bench.pace import paced
from feeds.contract.model import Event, Market, Score, Side
from feeds.contract.subjects import lane_of, source_id
from feeds.ports import FeedSink

GAMES = 334
SELECTIONS = GAMES * 6
LINES: tuple[tuple[str, str | None, tuple[Side, Side]], ...] = (
    ("moneyline", None, ("home", "away")),
    ("spread", "-3.5", ("home", "away")),
    ("total", "47.5", ("over", "under")),
)


class DeskProvider:
    """The slate as a provider (feeds/ports.py)."""

    feed = steady.FEED

    def __init__(self, rate: int, *, lanes: int) -> None:
        self._rate = rate
        self._lanes = lanes

    async def run(self, sink: FeedSink) -> None:
        """Everything once, then one market after the other."""
        sink.put([_game(number) for number in range(GAMES)])
        sink.put(list(self._markets()))
        sink.health("live")
        count = GAMES * len(LINES)
        async for due in paced(self._rate):
            sink.put([self._market(number % count, number // count) for number in due])

    def absent(self, market: Market, now_ms: int) -> Market:
        """The log is empty when we begin."""
        del now_ms
        return market

    def _markets(self) -> Iterator[Market]:
        return (self._market(number, 0) for number in range(GAMES * len(LINES)))

    def _market(self, number: int, turn: int) -> Market:
        game, place = divmod(number, len(LINES))
        kind, line, sides = LINES[place]
        event = f"G{game:03}"
        moved = steady.market(number, turn, lanes=self._lanes, ts=time.time_ns() // 1_000_000)
        return msgspec.structs.replace(
            moved,
            event=event,
            topic=f"{steady.TOPIC}.{event}",
            src=source_id(self.feed, lane_of(event, self._lanes)),
            type=kind,
            line=line,
            selections=tuple(
                msgspec.structs.replace(one, name=side, side=side, line=line)
                for one, side in zip(moved.selections, sides, strict=True)
            ),
        )


def _game(number: int) -> Event:
    return Event(
        id=f"G{number:03}",
        topic=f"{steady.TOPIC}.G{number:03}",
        name=f"Away {number} @ Home {number}",
        start="2026-09-21T20:00:00Z",
        state="live",
        ts=0,
        home=f"Home {number}",
        away=f"Away {number}",
        score=Score(7, 3),
        clock="Q2 04:31",
    )


def _provider(asked: Asked, lanes: int) -> DeskProvider:
    return DeskProvider(asked.rate, lanes=lanes)


if __name__ == "__main__":
    sys.exit(main(_provider))
