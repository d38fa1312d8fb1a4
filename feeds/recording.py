"""Recordings of provider messages: files of one message a line, plain or packed by gzip or bzip2.

Owns opening, unpacking and cutting into lines, and the count of what was understood. Which packing a file has is read
from its first bytes, never from its name. Never looks into a message, and never holds more than a line and a block.
"""

from __future__ import annotations

import codecs
import zlib
from bz2 import BZ2File
from collections import Counter
from collections.abc import Iterator
from gzip import GzipFile
from io import BufferedReader
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from feeds.contract.errors import Refused

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
"""The rest of a longer line is dropped; it comes one byte over this, for the parser to refuse."""

DOCUMENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""Largest JSON document spread over many lines; a larger one is taken line by line."""

LOOP_PAUSE_S: Final = 1.0
"""Between two passes of a looped recording, so that a short one at a high speed does not spin."""

_BLOCK_BYTES: Final = 256 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BZIP2_MAGIC: Final = b"BZh"
_Utf8Decoder: Final = codecs.getincrementaldecoder("utf-8")
_CONTROL: Final = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


class Line(NamedTuple):
    """One line without its end. `number` counts from 1 and counts blank lines, which are not given."""

    number: int
    data: bytes


class Tally:
    """How many lines were read, understood, and refused for which reason."""

    def __init__(self) -> None:
        self.understood = 0
        self.reasons: Counter[str] = Counter()

    @property
    def refused(self) -> int:
        """Lines refused."""
        return self.reasons.total()

    @property
    def lines(self) -> int:
        """Lines read."""
        return self.understood + self.refused

    def add(self, tally: Tally) -> None:
        """What another one counted too."""
        self.understood += tally.understood
        self.reasons += tally.reasons

    def refuse(self, code: str) -> None:
        """One line was refused."""
        self.reasons[code] += 1


class Pace:
    """When what was recorded is due, at `speed` times its own pace, from the first time on."""

    def __init__(self, speed: float) -> None:
        assert speed > 0
        self._speed = speed
        self._origin: tuple[int, float] | None = None

    def begin(self) -> None:
        """Another pass: the next time is its first."""
        self._origin = None

    def wait_s(self, at_ms: int, now_s: float) -> float:
        """How long until what was recorded at `at_ms` (Unix ms) is due; below 0 where one is late. `now_s`: of a clock
        that only rises."""
        self._origin = self._origin or (at_ms, now_s)
        first_ms, began_s = self._origin
        return began_s + (at_ms - first_ms) / 1000 / self._speed - now_s


class Recording:
    """The lines of one file, in order. A whole JSON document (an object or a list over many lines) counts objects.

    Every way of reading raises Refused: `unreadable` when there is nothing to read (no such file, binary, empty),
    `truncated` or `corrupt` when a packed file ends too early or is damaged, after all lines before that place.
    """

    def __init__(self, path: Path) -> None:
        self._lines = _numbered(path)
        self._error: Refused | None = None

    def __iter__(self) -> Iterator[Line]:
        return self._lines

    def take(self, count: int) -> list[Line]:
        """The next lines, at most `count`; none at the end. What broke the file after them, the next call raises."""
        if self._error is not None:
            raise self._error
        taken: list[Line] = []
        try:
            for line in self._lines:
                taken.append(line)
                if len(taken) == count:
                    break
        except Refused as error:
            if not taken:
                raise
            self._error = error
        return taken


def _numbered(path: Path) -> Iterator[Line]:
    number = 0
    for number, data in enumerate(_lines(path), start=1):
        stripped = data.strip()
        if stripped:
            yield Line(number, stripped)
    if not number:
        raise Refused("unreadable", f"{path}: the file is empty")


def _lines(path: Path) -> Iterator[bytes]:
    blocks = _text(path)
    head = next(blocks, b"")
    if _is_binary(head):
        raise Refused("unreadable", f"{path}: not a recording: binary data, packed neither by gzip nor by bzip2")
    first = head.lstrip().split(b"\n", 1)[0].strip()
    if first == b"{" or first.startswith(b"["):
        yield from _document(head, blocks)
    else:
        yield from _split(head, blocks)


def _split(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = head
    while True:
        *lines, rest = rest.split(b"\n")
        yield from lines
        block = next(blocks, None)
        if block is None:
            break
        if len(rest) > LINE_BYTES_MAX:
            rest = rest[: LINE_BYTES_MAX + 1]
            end = block.find(b"\n")
            block = block[end:] if end >= 0 else b""
        rest += block
    if rest:
        yield rest


def _document(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    text = bytearray(head)
    for block in blocks:
        text += block
        if len(text) > DOCUMENT_BYTES_MAX:
            yield from _split(bytes(text), blocks)
            return
    try:
        yield from _objects(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _split(bytes(text), iter(()))


def _objects(document: bytearray) -> list[bytes]:
    if document.lstrip().startswith(b"["):
        return [bytes(part) for part in msgspec.json.decode(document, type=list[msgspec.Raw])]
    return [bytes(msgspec.json.decode(document, type=msgspec.Raw))]


def _is_binary(head: bytes) -> bool:
    """Whether nothing in it can be a line of text. A damaged line in a recording does not make the file binary."""
    if head.lstrip()[:1] in (b"{", b"[") or b"\n{" in head:
        return False
    if not _CONTROL.isdisjoint(head):
        return True
    try:
        _Utf8Decoder().decode(head)  # incremental: the block may end within a character
    except UnicodeDecodeError:
        return True
    return False


def _text(path: Path) -> Iterator[bytes]:
    """The unpacked file in blocks. What was unpacked before a packed file breaks is given before the refusal."""
    try:
        with path.open("rb") as file:
            yield from _unpacked(path, file)
    except OSError as error:
        raise Refused("unreadable", f"{path}: {error.strerror or error}") from error


def _unpacked(path: Path, file: BufferedReader) -> Iterator[bytes]:
    magic = file.peek(3)[:3]
    stream: BufferedReader | GzipFile | BZ2File = file
    if magic.startswith(_GZIP_MAGIC):
        stream = GzipFile(fileobj=file)
    elif magic == _BZIP2_MAGIC:
        stream = BZ2File(file)
    try:
        while block := stream.read1(_BLOCK_BYTES):
            yield block
    except EOFError as error:
        raise Refused("truncated", f"{path}: the packed file ends too early") from error
    except (OSError, zlib.error) as error:
        raise Refused("corrupt", f"{path}: the packed file is damaged: {error}") from error
