"""What `oddswire up` says: plain lines, flushed at once; on a terminal also what it is busy with, in a passing line."""

from __future__ import annotations

from typing import TextIO

_ERASE_LINE = "\r\x1b[K"


class Console:
    """Writes to one stream, usually standard output."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()

    def say(self, line: str) -> None:
        """A line that stays."""
        self._write(f"{_ERASE_LINE if self._terminal else ''}{line}\n")

    def busy(self, doing: str) -> None:
        """A line that the next one replaces; nothing where the output is not a terminal."""
        if self._terminal:
            self._write(f"{_ERASE_LINE}{doing} ...")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
