"""Recording what a provider says, raw, as it came: one file a UTC day, a message a line, packed by gzip.

A recording is read and played by the same code as any other (feeds/recording.py). Recording must never hold up or end a
feed: a disk that fails ends the day's recording, said aloud, and the next day is tried anew.
"""

from __future__ import annotations

import contextlib
import gzip
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

FLUSH_INTERVAL_S: Final = 1.0
"""A process that is killed loses what it was told within this; all before it can be read."""

_LEVEL: Final = 3
_PARTS_MAX: Final = 10_000

_LINE_ENDS: Final = bytes.maketrans(b"\r\n", b"  ")

log = structlog.get_logger(__name__)


class Recorder:
    """Writes `<directory>/<feed>-<day>.jsonl.gz`; a process that starts again that day writes `.1`, `.2` and so on.

    It never appends: behind the torn end that a kill leaves, nothing could be read.
    """

    def __init__(self, directory: Path, feed: str, *, now_s: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._feed = feed
        self._now_s = now_s
        self._day = ""
        self._file: gzip.GzipFile | None = None
        self._flushed_s = 0.0

    def write(self, message: bytes) -> None:
        """One message, as it came, but for line ends, which are spaces within it and nothing at its end: no format that
        is recorded has any that mean something. Never raises."""
        now_s = self._now_s()
        try:
            self._turn(f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%d}")
            if self._file is None:
                return
            self._file.write(message.strip(b"\r\n").translate(_LINE_ENDS) + b"\n")
            if now_s - self._flushed_s >= FLUSH_INTERVAL_S:
                self._flushed_s = now_s
                self._file.flush(zlib.Z_SYNC_FLUSH)
        except OSError as error:
            with contextlib.suppress(OSError):  # what it would say is being said
                self.close()
            log.error("recording_ended", day=self._day, error=str(error))  # noqa: TRY400 the error is all there is

    def lines(self) -> LineRecorder:
        """For a provider whose stream is lines, as it comes from the socket."""
        return LineRecorder(self)

    def close(self) -> None:
        """No more is written."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _turn(self, day: str) -> None:
        if day == self._day:
            return
        self._day = day
        self.close()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._file = gzip.GzipFile(self._free(day), "xb", compresslevel=_LEVEL)

    def _free(self, day: str) -> Path:
        for part in range(_PARTS_MAX):
            path = self._directory / f"{self._feed}-{day}{f'.{part}' if part else ''}.jsonl.gz"
            if not path.exists():
                return path
        raise FileExistsError(f"{self._directory}: {_PARTS_MAX} recordings of {day}")


class LineRecorder:
    """Records the lines of a stream. A line that a connection's end cut off is recorded as it is."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._rest = b""

    def begin(self) -> None:
        """Another connection begins."""
        if self._rest:
            self._recorder.write(self._rest)
        self._rest = b""

    def write(self, data: bytes) -> None:
        """What came from the socket."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._recorder.write(line)
