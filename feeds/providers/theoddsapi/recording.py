"""A recording of The Odds API, one answer a line, played as if it had been asked for: nothing but the socket differs.

Owns pace and health. An answer is of the time it tells (historical ones), else of the newest update in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from feeds.contract.errors import Refused
from feeds.contract.model import Market
from feeds.ports import FeedSink
from feeds.providers.theoddsapi.mapping import Translator, scopes
from feeds.providers.theoddsapi.parse import Snapshot, newest_update, parse
from feeds.providers.theoddsapi.refusals import RefusalLog
from feeds.providers.theoddsapi.tracks import unix_ms
from feeds.recording import Recording, Tally

READ_AHEAD_LINES: Final = 16
"""Lines unpacked at once; a line is a whole answer."""

LOOP_PAUSE_S: Final = 1.0
"""Between two passes of a looped recording, so that a short one at a high speed does not spin."""


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


class TheOddsApiRecording:
    """Plays a recording at `speed` times its own pace, once or in a `loop`. A `feeds.ports.Provider`.

    `live` after the first answer that holds odds. What is refused is counted in `tally`, logged and passed over.
    """

    def __init__(
        self,
        path: Path,
        translator: Translator,
        *,
        feed: str,
        speed: float,
        loop: bool,
        now_ms: Callable[[], int] = _unix_ms,
    ) -> None:
        assert speed > 0
        self.feed = feed
        self.tally = Tally()
        self._path = path
        self._translator = translator
        self._speed = speed
        self._loop = loop
        self._now_ms = now_ms
        self._refusals = RefusalLog(feed)
        self._origin: tuple[int, float] | None = None
        self._at_ms: int | None = None
        self._live = False

    async def run(self, sink: FeedSink) -> None:
        """Play to the end and say `down`, or for ever if looped. Raises Refused where no answer can be read."""
        while True:
            self._origin, self._at_ms, self._live = None, None, False
            sink.health("recovering")
            sink.put(self._translator.restart(self._now_ms()))
            await self._pass(sink)
            if not self._live:
                raise Refused("no_odds", f"{self._path}: no odds in this recording")
            if not self._loop:
                sink.health("down")
                return
            await asyncio.sleep(LOOP_PAUSE_S)

    def absent(self, market: Market, now_ms: int) -> Market:
        """What the log holds and no answer mentioned is suspended."""
        return self._translator.absent(market, now_ms)

    async def _pass(self, sink: FeedSink) -> None:
        recording = Recording(self._path)
        try:
            while lines := await asyncio.to_thread(recording.take, READ_AHEAD_LINES):
                for line in lines:
                    try:
                        snapshot = parse(line.data)
                    except Refused as refusal:
                        self._refuse(refusal, line.number)
                    else:
                        self.tally.understood += 1
                        await self._play(snapshot, sink)
        except Refused as refusal:
            if not self.tally.lines:
                raise
            self._refuse(refusal, None)

    async def _play(self, snapshot: Snapshot, sink: FeedSink) -> None:
        of = newest_update(snapshot)
        at_ms = self._at_ms = self._at_ms if of is None else unix_ms(of)
        await self._until_due(at_ms)
        now_ms = self._now_ms()
        told = scopes(snapshot)
        for scope in told:
            sink.put(self._translator.odds(snapshot, scope, now_ms, at_ms))
        sink.put([*self._translator.scores(snapshot, now_ms, at_ms), *self._translator.passed(now_ms, at_ms)])
        if told and not self._live:
            self._live = True
            sink.health("live")

    async def _until_due(self, at_ms: int | None) -> None:
        """Until an answer is due; the loop gets its turn in any case."""
        clock = asyncio.get_running_loop()
        wait_s = 0.0
        if at_ms is not None:
            self._origin = self._origin or (at_ms, clock.time())
            first_ms, started_s = self._origin
            wait_s = started_s + (at_ms - first_ms) / 1000 / self._speed - clock.time()
        await asyncio.sleep(max(wait_s, 0.0))

    def _refuse(self, refusal: Refused, line: int | None) -> None:
        self.tally.refuse(refusal.code)
        self._refusals.add(refusal.code, line=line, detail=str(refusal)[:200], refused=self.tally.refused)
