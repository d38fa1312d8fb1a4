"""A server of somebody else's as a child process, on loopback: for a laptop, for tests and for measuring.

What it is called, what it is started with, and when it serves, the classes say that are made of this one.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.01
_WORDS_LINES = 3


class ChildServer(ABC):
    """One server, of no event loop in particular. `async with ... as server:` starts and stops it."""

    name: ClassVar[str]
    start_timeout_s: ClassVar[float]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    failure: ClassVar[type[Exception]]
    """What `start` raises, with the server's last words."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def words(self) -> Path:
        """The file of what it says, standard output and error."""

    @abstractmethod
    def prepare(self) -> list[str]:
        """Makes what it needs, the directory of `words` too; gives its command line. Called in a thread."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether it serves."""

    async def start(self) -> None:
        """Starts it on its port and data, and waits until it serves. Raises `failure`."""
        command = await asyncio.to_thread(self.prepare)
        self._process = await asyncio.to_thread(self._begin, command)
        try:
            async with asyncio.timeout(self.start_timeout_s):
                while not await self.answers():
                    if self._process.poll() is not None:
                        raise self.failure(f"{self.name} ended: {self._last_words()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await self.kill()
            raise self.failure(f"{self.name} does not answer: {self._last_words()}") from None

    async def stop(self) -> None:
        """Ends it properly."""
        await self._end(self.stop_signal)

    async def kill(self) -> None:
        """Ends it as a crash would."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """A crash and a start on the same port and data."""
        await self.kill()
        await self.start()

    def freeze(self) -> None:
        """It holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was frozen."""
        self._signal(signal.SIGCONT)

    def _begin(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self.words.open("wb") as words:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            await asyncio.to_thread(process.wait, _STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)

    def _last_words(self) -> str:
        lines = self.words.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-_WORDS_LINES:]) or "it said nothing"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
