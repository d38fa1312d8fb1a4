"""Processes of the product as tests run them: started until they say they serve, frozen, killed, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Part:
    """One `python -m ...` process that can be killed and started again."""

    def __init__(self, *argv: str) -> None:
        self._argv = (sys.executable, "-m", *argv)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        await self.says("ready", "standby")

    async def says(self, *words: str) -> str:
        """Waits for a line with one of these words; gives that."""
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while line := (await self._process.stdout.readline()).decode().strip():
                if found := set(line.split()) & set(words):
                    return found.pop()
        raise AssertionError(f"the part ended before it said {' or '.join(words)}")

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    def send(self, which: signal.Signals) -> None:
        """Sends a signal, where it still runs."""
        assert self._process is not None
        if self._process.returncode is None:
            os.kill(self._process.pid, which)

    async def end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self.send(how)
        await self._process.wait()


@asynccontextmanager
async def started(*argv: str) -> AsyncIterator[Part]:
    part = Part(*argv)
    try:
        await part.start()
        yield part
    finally:
        await part.end(signal.SIGKILL)
