"""A recording of Betfair's stream, played as if it came from the socket: the thin shell around reader and translator.

Owns pace, health and the count of what was understood. Decides nothing about meaning: `parse` reads lines, `mapping`
makes states. Reads the file in a thread, a bounded number of lines ahead, so that unpacking never holds up the loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from feeds.contract.errors import Refused
from feeds.contract.model import FeedState, Market
from feeds.ports import FeedSink, State
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.mapping import Translator, absent
from feeds.providers.betfair.parse import Change, StreamReader
from feeds.recorder import Recorder
from feeds.recording import Recording, Tally

READ_AHEAD_LINES: Final = 512
"""Lines unpacked at once."""

TURN_LINES_MAX: Final = 32
"""Lines played without letting the loop run, however far behind the recording's clock the player is."""

LOOP_PAUSE_S: Final = 1.0
"""Between two passes of a looped recording, so that a short one at a high speed does not spin."""

REFUSAL_LOG_INTERVAL_S: Final = 10.0
"""Refused lines are counted always, and logged at most this often."""

_PACKING: Final = (".bz2", ".gz", ".jsonl", ".json")

_log = structlog.get_logger(__name__)


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


class BetfairRecording:
    """Plays a recording at `speed` times its own pace (by `pt`), once or in a `loop`. A `feeds.ports.Provider`.

    Names come from `<stem>.catalogue.json` beside the recording, where there is one. Lines that are refused are counted
    in `tally`, logged at a bounded rate and passed over.
    """

    def __init__(
        self,
        path: Path,
        *,
        feed: str,
        lanes: int,
        speed: float,
        loop: bool,
        now_ms: Callable[[], int] = _unix_ms,
        recorder: Recorder | None = None,
    ) -> None:
        assert speed > 0
        self.feed = feed
        self.tally = Tally()
        self._path = path
        self._lanes = lanes
        self._speed = speed
        self._loop = loop
        self._now_ms = now_ms
        self._refusals = _RefusalLog(path)
        self._recorder = recorder

    async def run(self, sink: FeedSink) -> None:
        """Play to the end and say `down`, or for ever if looped. Raises Refused where no market can be read."""
        catalogue = await asyncio.to_thread(_catalogue, self._path)
        translator = Translator(feed=self.feed, lanes=self._lanes, catalogue=catalogue)
        player = _Player(sink, translator, self._speed, self._now_ms)
        player.begin()
        while True:
            await self._pass(player)
            if not player.complete:
                raise Refused("no_market", f"{self._path}: no market is defined in this recording")
            if not self._loop:
                player.say("down")
                return
            player.begin()
            await asyncio.sleep(LOOP_PAUSE_S)

    def absent(self, market: Market, now_ms: int) -> Market:
        """What the log holds and the recording does not mention is not offered: suspended."""
        return absent(market, now_ms)

    async def _pass(self, player: _Player) -> None:
        recording = Recording(self._path)
        try:
            while lines := await asyncio.to_thread(recording.take, READ_AHEAD_LINES):
                for line in lines:
                    if self._recorder is not None:
                        self._recorder.write(line.data)
                    try:
                        change = player.reader.read(line.data)
                    except Refused as refusal:
                        self._refuse(refusal, line.number)
                    else:
                        self.tally.understood += 1
                        await player.play(change)
        except Refused as refusal:
            if not self.tally.lines:
                raise
            self._refuse(refusal, None)
        player.flush()

    def _refuse(self, refusal: Refused, line: int | None) -> None:
        self.tally.refuse(refusal.code)
        self._refusals.add(refusal, line, self.tally.refused)


class _Player:
    """One pass through the recording: waits until a change is due, then puts the states it makes.

    `complete` from the first whole image on.
    """

    def __init__(self, sink: FeedSink, translator: Translator, speed: float, now_ms: Callable[[], int]) -> None:
        self.reader = StreamReader()
        self._sink = sink
        self._translator = translator
        self._speed = speed
        self._now_ms = now_ms
        self._told: FeedState | None = None
        self._origin: tuple[int, float] | None = None
        self._batch: list[State] = []
        self._turn_lines = 0
        self.complete = False

    def begin(self) -> None:
        """Nothing is known yet, or any more: a fresh reader, a fresh clock, `recovering`."""
        self.reader = StreamReader()
        self._origin = None
        self.complete = False
        self.say("recovering")
        self._batch += self._translator.restart(self._now_ms())
        self.flush()

    def say(self, state: FeedState) -> None:
        """Tell how the provider is, if that is new, after all it has told so far."""
        if state != self._told:
            self.flush()
            self._told = state
            self._sink.health(state)

    def flush(self) -> None:
        """Put what waits."""
        if self._batch:
            self._sink.put(self._batch)
            self._batch = []

    async def play(self, change: Change) -> None:
        """Wait until a change that the reader has applied is due, and make its states. The loop gets its turn."""
        if change.pt is not None:
            await self._until_due(change.pt)
        self._batch += self._translator.states(self.reader.markets, change.markets, self._now_ms())
        self.complete = self.complete or change.image
        if self.complete:
            self.say("recovering" if self.reader.degraded else "live")

    async def _until_due(self, pt: int) -> None:
        clock = asyncio.get_running_loop()
        if self._origin is None:
            self._origin = (pt, clock.time())
        first_pt, started = self._origin
        wait_s = started + (pt - first_pt) / 1000 / self._speed - clock.time()
        self._turn_lines += 1
        if wait_s > 0 or self._turn_lines >= TURN_LINES_MAX:
            self._turn_lines = 0
            self.flush()
            await asyncio.sleep(max(wait_s, 0))


class _RefusalLog:
    """Tells of refused lines, the first at once and then no more often than REFUSAL_LOG_INTERVAL_S."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next_at = 0.0

    def add(self, refusal: Refused, line: int | None, refused: int) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._next_at:
            return
        self._next_at = now + REFUSAL_LOG_INTERVAL_S
        _log.warning(
            "line_refused",
            recording=str(self._path),
            line=line,
            code=refusal.code,
            detail=str(refusal)[:200],
            refused=refused,
        )


def _catalogue(path: Path) -> Catalogue:
    """The catalogue beside a recording; one that cannot be read is told of and counts as none."""
    stem = path.name
    while stem.endswith(_PACKING):
        stem = stem.rsplit(".", 1)[0]
    beside = path.with_name(f"{stem}.catalogue.json")
    try:
        return Catalogue.parse(beside.read_bytes())
    except FileNotFoundError:
        return Catalogue()
    except (OSError, Refused) as error:
        _log.warning("catalogue_refused", catalogue=str(beside), detail=str(error)[:200])
        return Catalogue()
