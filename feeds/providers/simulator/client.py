"""The simulator as a provider: gives a slate its time and its budget. Holds no rule of any game."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from msgspec.structs import replace

from feeds.contract.model import Market
from feeds.ports import FeedSink
from feeds.providers.clock import unix_ms
from feeds.providers.simulator.listing import Chance
from feeds.providers.simulator.pacing import Pacer, check_limits, game_ms
from feeds.providers.simulator.slate import Slate
from feeds.providers.simulator.spec import GAME_MS

_UPDATES_AT_ONCE = 1_000
"""Most updates made between two turns of the event loop."""


class Simulator:
    """A provider (feeds.ports.Provider) of `events` simulated games at `rate` updates a second, of `game_s` at least.
    The same `chance` gives the same games under the same ids; without its `run` every start is a run of its own.
    Raises Refused("events_out_of_range" | "rate_out_of_range").
    """

    def __init__(
        self,
        *,
        feed: str,
        lanes: int,
        events: int,
        rate: int,
        chance: Chance,
        game_s: int = GAME_MS // 1000,
        now_ms: Callable[[], int] = unix_ms,
    ) -> None:
        check_limits(events, rate)
        self.feed = feed
        self.dropped = 0
        self._lanes = lanes
        self._events = events
        self._rate = rate
        self._game_ms = game_ms(events, rate, least_ms=game_s * 1000)
        self._chance = chance if chance.run else chance._replace(run=secrets.token_hex(4))
        self._starts = 0
        self._now_ms = now_ms

    async def run(self, sink: FeedSink) -> None:
        """Puts the whole slate, then what changes, until cancelled. Started again, it is another run: other ids.

        `dropped` counts the updates that were not made because the process was more than a second late.
        """
        sink.health("recovering")
        slate = self._next_slate()
        for part in slate.parts():
            sink.put(part)
            await asyncio.sleep(0)
        sink.health("live")
        await self._play(slate, sink)

    def absent(self, market: Market, now_ms: int) -> Market:
        """A market of a former run is over: closed and gone."""
        return replace(market, ts=now_ms, st="closed", reason=None, gone=True)

    async def _play(self, slate: Slate, sink: FeedSink) -> None:
        loop = asyncio.get_running_loop()
        dropped_before = self.dropped
        pacer = Pacer(self._rate, loop.time())
        while True:
            await asyncio.sleep(pacer.tick_s)
            updates = pacer.due(loop.time())
            self.dropped = dropped_before + pacer.dropped
            while updates > _UPDATES_AT_ONCE:
                sink.put(slate.advance(self._now_ms(), _UPDATES_AT_ONCE))
                updates -= _UPDATES_AT_ONCE
                await asyncio.sleep(0)
            sink.put(slate.advance(self._now_ms(), updates))
            if results := slate.results():
                sink.results(results)

    def _next_slate(self) -> Slate:
        self._starts += 1
        run = self._chance.run
        return Slate(
            chance=self._chance if self._starts == 1 else self._chance._replace(run=f"{run}.{self._starts}"),
            events=self._events,
            feed=self.feed,
            lanes=self._lanes,
            now_ms=self._now_ms(),
            game_ms=self._game_ms,
        )
