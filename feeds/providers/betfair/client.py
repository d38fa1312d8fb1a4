"""A recording of Betfair's stream, played as if it came from the socket: the thin shell around reader and translator.

Owns pace, health and the count of what was understood. Decides nothing about meaning: `parse` reads lines, `mapping`
makes states. Reads the file in a thread, a bounded number of lines ahead, so that unpacking never holds up the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from feeds.contract.errors import Refused
from feeds.contract.model import Market
from feeds.mapping import Names
from feeds.ports import FeedSink
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import Change, StreamReader
from feeds.providers.betfair.telling import Teller
from feeds.providers.clock import unix_ms
from feeds.providers.endings import not_offered
from feeds.providers.refusals import RefusalLog
from feeds.recording import LOOP_PAUSE_S, Pace, Recording, Tally

READ_AHEAD_LINES: Final = 512
"""Lines unpacked at once."""

TURN_LINES_MAX: Final = 32
"""Lines played without letting the loop run, however far behind the recording's clock the player is."""

_PACKING: Final = (".bz2", ".gz", ".jsonl", ".json")

_log = structlog.get_logger(__name__)


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
        names: Names | None = None,
        now_ms: Callable[[], int] = unix_ms,
    ) -> None:
        assert speed > 0
        self.feed = feed
        self.tally = Tally()
        self._path = path
        self._lanes = lanes
        self._speed = speed
        self._loop = loop
        self._names = names
        self._now_ms = now_ms
        self._refusals = RefusalLog(str(path))

    async def run(self, sink: FeedSink) -> None:
        """Play to the end and say `down`, or for ever if looped. Raises Refused where no market can be read."""
        catalogue = await asyncio.to_thread(_catalogue, self._path)
        translator = Translator(feed=self.feed, lanes=self._lanes, catalogue=catalogue, names=self._names)
        player = _Player(Teller(sink, translator, self._now_ms), self._speed)
        player.begin()
        while True:
            await self._pass(player)
            if not player.complete:
                raise Refused("no_market", f"{self._path}: no market is defined in this recording")
            if not self._loop:
                player.teller.say("down")
                return
            player.begin()
            await asyncio.sleep(LOOP_PAUSE_S)

    def absent(self, market: Market, now_ms: int) -> Market:
        """What the log holds and the recording does not mention is not offered: suspended."""
        return not_offered(market, now_ms)

    async def _pass(self, player: _Player) -> None:
        recording = Recording(self._path)
        try:
            while lines := await asyncio.to_thread(recording.take, READ_AHEAD_LINES):
                for line in lines:
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
        player.teller.flush()

    def _refuse(self, refusal: Refused, line: int | None) -> None:
        self.tally.refuse(refusal.code)
        self._refusals.add(refusal.code, line=line, detail=str(refusal)[:200], refused=self.tally.refused)


class _Player:
    """One pass through the recording: waits until a change is due, then tells what it makes.

    `complete` from the first whole image on.
    """

    def __init__(self, teller: Teller, speed: float) -> None:
        self.reader = StreamReader()
        self.teller = teller
        self.complete = False
        self._pace = Pace(speed)
        self._turn_lines = 0

    def begin(self) -> None:
        """Nothing is known yet, or any more: a fresh reader, a fresh clock, `recovering`."""
        self.reader = StreamReader()
        self._pace.begin()
        self.complete = False
        self.teller.begin()

    async def play(self, change: Change) -> None:
        """Wait until a change that the reader has applied is due, and tell it. The loop gets its turn."""
        if change.pt is not None:
            await self._until_due(change.pt)
        self.teller.learn(self.reader, change)
        self.complete = self.complete or change.image
        if self.complete:
            self.teller.say("recovering" if self.reader.degraded else "live")

    async def _until_due(self, pt: int) -> None:
        wait_s = self._pace.wait_s(pt, asyncio.get_running_loop().time())
        self._turn_lines += 1
        if wait_s > 0 or self._turn_lines >= TURN_LINES_MAX:
            self._turn_lines = 0
            self.teller.flush()
            await asyncio.sleep(max(wait_s, 0))


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
