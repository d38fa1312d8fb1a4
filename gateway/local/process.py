"""One process of a part: a child that cannot outlive us. Starts it, keeps its output, tells when it serves, ends it.

It lives in a process group of its own: Ctrl-C in a terminal reaches `oddswire up` alone, which decides what ends when.
Signals go to the whole group, so what a part starts itself ends with it.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import suppress
from typing import cast

from gateway.local import child
from gateway.local.datadir import PartLog
from gateway.local.plan import Part

_SCANNED_BYTES = 4_096
"""The ready line must come whole within this much output."""

_LAST_OUTPUT_S = 1.0
"""How long output is awaited after the process has ended, should a stranger hold its pipe."""


class PartProcess(asyncio.SubprocessProtocol):
    """A running process. `ready` is done with its ready line; `exited` when it is gone and all its output was kept, and
    gives its exit status, negative for a signal."""

    def __init__(self, part: Part, log: PartLog) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        self.ready: asyncio.Future[None] = loop.create_future()
        self._end_signal = part.end_signal
        self._ready_line = re.compile(part.ready_line.encode(), re.MULTILINE)
        self._scanned = b""
        self._log = log

    @classmethod
    async def start(cls, part: Part, log: PartLog) -> PartProcess:
        """Starts it. Raises OSError."""
        loop = asyncio.get_running_loop()
        interpreter = (sys.executable, "-P", *part.argv)
        _, process = await loop.subprocess_exec(
            lambda: cls(part, log),
            *(sys.executable, "-IS", child.__file__, str(os.getpid()), *interpreter),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.STDOUT,
            env={**dict(part.environment), **os.environ, "PYTHONUNBUFFERED": "1"},
            process_group=0,
        )
        return process

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process and all it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._pid, number)

    async def end(self, grace_s: float) -> None:
        """Its end signal, then SIGKILL after the grace. Afterwards it is gone and all its output kept."""
        if not self.exited.done():
            self.signal(self._end_signal)
            await asyncio.wait((self.exited,), timeout=grace_s)
        if not self.exited.done():
            self.signal(signal.SIGKILL)
            await asyncio.wait((self.exited,))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process runs."""
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002
        """It wrote something."""
        self._log.write(data)
        if not self.ready.done():
            self._scanned = (self._scanned + data)[-_SCANNED_BYTES:]
            if self._ready_line.search(self._scanned):
                self.ready.set_result(None)

    def process_exited(self) -> None:
        """It ended. What it started and left behind ends too, so that nobody holds its output open."""
        self.signal(signal.SIGKILL)
        self._last_output = asyncio.get_running_loop().call_later(_LAST_OUTPUT_S, self._transport.close)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """It ended and all its output has come."""
        self._last_output.cancel()
        self._transport.close()
        self.exited.set_result(cast("int", self._transport.get_returncode()))
