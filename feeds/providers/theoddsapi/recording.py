"""A recording of The Odds API, one answer a line, played as if it had been asked for: nothing but the socket differs.

Owns pace and health. An answer is of the time it tells (historical ones), else of the newest update in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from feeds.contract.errors import Refused
from feeds.contract.model import Market
from feeds.ports import FeedSink
from feeds.providers.clock import unix_ms
from feeds.providers.refusals import RefusalLog
from feeds.providers.theoddsapi.mapping import Translator, scopes
from feeds.providers.theoddsapi.parse import Snapshot, newest_update, parse
from feeds.providers.times import unix_ms_of
from feeds.recording import LOOP_PAUSE_S, Pace, Recording, Tally

READ_AHEAD_LINES: Final = 16
"""Lines unpacked at once; a line is a whole answer."""


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
        now_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self.feed = feed
        self.tally = Tally()
        self._path = path
        self._translator = translator
        self._pace = Pace(speed)
        self._loop = loop
        self._now_ms = now_ms
        self._refusals = RefusalLog(feed)
        self._at_ms: int | None = None
        self._live = False

    async def run(self, sink: FeedSink) -> None:
        """Play to the end and say `down`, or for ever if looped. Raises Refused where no answer can be read."""
        while True:
            self._pace.begin()
            self._at_ms, self._live = None, False
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
        at_ms = self._at_ms = self._at_ms if of is None else unix_ms_of(of)
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
        wait_s = 0.0 if at_ms is None else self._pace.wait_s(at_ms, asyncio.get_running_loop().time())
        await asyncio.sleep(max(wait_s, 0.0))

    def _refuse(self, refusal: Refused, line: int | None) -> None:
        self.tally.refuse(refusal.code)
        self._refusals.add(refusal.code, line=line, detail=str(refusal)[:200], refused=self.tally.refused)
