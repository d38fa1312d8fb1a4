"""Recorded messages: a file of one message or of one a line, or a folder of such files, played as if they came in.

Owns pace and health of a recording. Fixtures, descriptions and players among the files are learned first; names that
are nowhere in it are made up. Decides nothing about meaning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from feeds.contract.errors import Refused
from feeds.contract.model import Market
from feeds.mapping import MappingTable
from feeds.ports import FeedSink
from feeds.providers.clock import unix_ms
from feeds.providers.endings import not_offered
from feeds.providers.sportradar.documents import parse_document
from feeds.providers.sportradar.mapping import Told, Translator
from feeds.providers.sportradar.parse import parse
from feeds.providers.sportradar.refusals import Refusals
from feeds.providers.sportradar.spec import AnyEventMessage, Document, EventMessage, Message, SystemMessage
from feeds.providers.sportradar.xml import DOCUMENT_BYTES_MAX, read_xml
from feeds.recording import LOOP_PAUSE_S, Line, Recording, Tally

FILES_MAX: Final = 10_000
PAUSE_S_MAX: Final = 60.0
"""Longest wait between two messages, at the recording's own pace."""

LINES_AT_ONCE: Final = 512
TURN_MESSAGES_MAX: Final = 32
_SUFFIXES: Final = (".xml", ".xml.gz", ".xml.bz2", ".xmll", ".xmll.gz", ".xmll.bz2")


def messages_in(path: Path) -> Iterator[Line]:
    """The documents of one file: the whole of it where it is one, else its lines. Raises as Recording does, after
    all that could be read."""
    recording = Recording(path)
    head: list[Line] = []
    size = 0
    broken: Refused | None = None
    try:
        while size <= DOCUMENT_BYTES_MAX and (taken := recording.take(LINES_AT_ONCE)):
            head += taken
            size += sum(len(line.data) + 1 for line in taken)
    except Refused as refusal:
        broken = refusal
    whole = b"\n".join(line.data for line in head)
    if _is_xml(whole) or not any(_is_message(line.data) for line in head):
        head = [Line(1, whole)] if head else []
    yield from head
    if broken is not None:
        raise broken
    while taken := recording.take(LINES_AT_ONCE):
        yield from taken


def _is_xml(data: bytes) -> bool:
    try:
        read_xml(data)
    except Refused:
        return False
    return True


def _is_message(data: bytes) -> bool:
    """Whether a line stands for itself, and is no element of a message over many lines."""
    try:
        read_any(data)
    except Refused as refusal:
        return refusal.code in ("bad_value", "bad_specifiers")
    return True


def files_of(path: Path) -> list[Path]:
    """A file, or the XML files of a folder by name. Raises Refused("unreadable")."""
    if path.is_file():
        return [path]
    try:
        found = sorted(one for one in path.iterdir() if one.name.endswith(_SUFFIXES) and one.is_file())
    except OSError as error:
        raise Refused("unreadable", f"{path}: {error.strerror or error}") from error
    if not found or len(found) > FILES_MAX:
        raise Refused("unreadable", f"{path}: {len(found)} recorded files, 1 to {FILES_MAX} are read")
    return found


def read_any(data: bytes) -> Message | Document:
    """A message, or else a document. Raises Refused with the code of the message, or of a document that is one."""
    try:
        return parse(data)
    except Refused as refusal:
        if refusal.code != "unknown_message":
            raise
    try:
        return parse_document(data)
    except Refused as refusal:
        if refusal.code == "unknown_document":
            raise Refused("unknown_message", str(refusal)) from None
        raise


class SportradarRecording:
    """Plays recorded messages at `speed` times their own pace, once or in a `loop`. A `feeds.ports.Provider`."""

    def __init__(
        self,
        path: Path,
        *,
        feed: str,
        lanes: int,
        mapping: MappingTable,
        speed: float,
        loop: bool,
        now_ms: Callable[[], int] = unix_ms,
    ) -> None:
        assert speed > 0
        self.feed = feed
        self._path = path
        self._speed = speed
        self._loop = loop
        self._now_ms = now_ms
        self._translator = Translator(feed=feed, lanes=lanes, mapping=mapping, product=None)
        self._refusals = Refusals(str(path))

    @property
    def tally(self) -> Tally:
        """What was understood and what was refused."""
        return self._refusals.tally

    def absent(self, market: Market, now_ms: int) -> Market:
        """What the log holds and the recording does not mention is not offered: suspended."""
        return not_offered(market, now_ms)

    async def run(self, sink: FeedSink) -> None:
        """Play to the end and say `down`, or for ever if looped. Raises Refused where nothing can be read."""
        sink.health("recovering")
        messages = await asyncio.to_thread(self._read)
        if not messages:
            raise Refused("unreadable", f"{self._path}: no message in it could be read")
        while True:
            await self._play(messages, sink)
            if not self._loop:
                sink.health("down")
                return
            await asyncio.sleep(LOOP_PAUSE_S)

    def _read(self) -> list[AnyEventMessage]:
        messages: list[AnyEventMessage] = []
        for path in files_of(self._path):
            try:
                for line in messages_in(path):
                    self._take(line, path, messages)
            except Refused as refusal:
                self._refusals.add(refusal, path.name)
        return messages

    def _take(self, line: Line, path: Path, messages: list[AnyEventMessage]) -> None:
        try:
            found = read_any(line.data)
        except Refused as refusal:
            self._refusals.add(refusal, f"{path.name}:{line.number}")
            return
        self.tally.understood += 1
        if isinstance(found, EventMessage):
            messages.append(found)
        elif not isinstance(found, SystemMessage):
            self._translator.learn(found, self._now_ms())

    async def _play(self, messages: list[AnyEventMessage], sink: FeedSink) -> None:
        before_ms = messages[0].timestamp
        for number, message in enumerate(messages):
            wait_s = min((message.timestamp - before_ms) / 1000, PAUSE_S_MAX) / self._speed
            before_ms = max(before_ms, message.timestamp)
            if wait_s > 0 or number % TURN_MESSAGES_MAX == 0:
                await asyncio.sleep(max(wait_s, 0))
            try:
                self._put(sink, self._translator.apply(message, self._now_ms()))
            except Refused as refusal:
                self._refusals.add(refusal, number)
            if not number:
                sink.health("live")

    def _put(self, sink: FeedSink, told: Told) -> None:
        wanted = list(self._translator.directory.wanted)
        for want in wanted:
            told = told.and_then(self._translator.give_up(want, self._now_ms()))
        if wanted:
            self._put(sink, told)
            return
        if told.states:
            sink.put(told.states)
        if told.results:
            sink.results(told.results)
