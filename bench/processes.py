"""Child processes that are measured: started on given cores, ready when they say so, ended whatever happens.

They die with us, `kill -9` included: gateway/local/child.py asks the kernel for that before the program begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import psutil

from bench.recording import recording
from bench.result import Usage
from bench.scenario import CannotMeasure
from gateway.local import child

_READY_S = 60.0
_END_S = 10.0
_WORDS_KEPT = 20
"""Lines of a process's output that are kept, to be told if it fails."""


class Program(NamedTuple):
    """What is started: `words` follow the Python interpreter; a line that matches `ready` says that it serves.
    `before`: words ahead of the interpreter, which become it in the end."""

    name: str
    words: Sequence[str]
    ready: str
    environment: Mapping[str, str] = {}
    end_signal: signal.Signals = signal.SIGTERM
    before: Sequence[str] = ()


class Cores(NamedTuple):
    """Who runs where: what is measured, and everything beside it."""

    measured: frozenset[int]
    beside: frozenset[int]


class Cpu(NamedTuple):
    """CPU seconds since a process began."""

    user_s: float
    system_s: float


class Child:
    """A running process of ours. `heard` is told every line that it says."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process, cores: Collection[int]) -> None:
        self.name = program.name
        self.pid = process.pid
        self.cores = tuple(sorted(cores))
        self.output: deque[str] = deque(maxlen=_WORDS_KEPT)
        self.heard: Callable[[str], None] | None = None
        self._process = process
        self._ready = asyncio.Event()
        self._pattern = re.compile(program.ready)
        self._end_signal = program.end_signal

    async def read(self) -> None:
        """Keeps its last words, to the end of its output."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            text = line.decode(errors="replace").rstrip()
            self.output.append(text)
            if self.heard is not None:
                self.heard(text)
            if self._pattern.search(text):
                self._ready.set()
        self._ready.set()

    async def served(self) -> None:
        """Returns when it serves. Raises CannotMeasure."""
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise CannotMeasure(f"{self.name} does not come up: {self.last_words}") from None
        if not any(map(self._pattern.search, self.output)):
            raise CannotMeasure(f"{self.name} ended: {self.last_words}")

    def check(self) -> None:
        """Raises CannotMeasure if it has ended."""
        if self._process.returncode is not None:
            raise CannotMeasure(f"{self.name} ended with {self._process.returncode}: {self.last_words}")

    async def kill(self) -> None:
        """SIGKILL: it has no time for anything. Afterwards it is gone. Raises CannotMeasure if it was before."""
        self.check()
        os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()

    async def gone(self) -> int:
        """Returns when it is, however that came about. Gives its exit status."""
        return await self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP to it and whatever it started: it is there, and does nothing."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on as if nothing had been."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """Children have groups of their own, where they are PostgreSQL's."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            for each in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.send_signal(number)

    async def end(self) -> None:
        """Its end signal, then SIGKILL. Afterwards it is gone."""
        for number in (self._end_signal, signal.SIGKILL):
            if self._process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                os.killpg(self.pid, number)
                async with asyncio.timeout(_END_S):
                    await self._process.wait()

    @property
    def last_words(self) -> str:
        """What it said last."""
        return " | ".join(self.output) or "it said nothing"


@contextlib.asynccontextmanager
async def running(program: Program, cores: Collection[int]) -> AsyncIterator[Child]:
    """The program, serving, on these cores alone. Raises CannotMeasure."""
    with on_cores(cores):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-IS", child.__file__, str(os.getpid())),
            *(*program.before, sys.executable, "-P", *program.words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **program.environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    part = Child(program, process, cores)
    recording().watch(part.name, part.pid)
    reading = asyncio.create_task(part.read())
    try:
        await part.served()
        yield part
    finally:
        await part.end()
        await reading


async def output_of(name: str, words: Sequence[str], cores: Collection[int], *, within_s: float) -> str:
    """What a program that ends by itself writes to stdout. Raises CannotMeasure."""
    with on_cores(cores):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-IS", child.__file__, str(os.getpid()), sys.executable, "-P", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    except TimeoutError:
        raise CannotMeasure(f"{name} did not end within {within_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise CannotMeasure(f"{name} ended with {process.returncode}: {err.decode(errors='replace')[-500:]}")
    return out.decode()


@contextlib.contextmanager
def on_cores(cores: Collection[int]) -> Iterator[None]:
    """This thread on these cores meanwhile. Threads and processes that it starts stay there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def split_cores(cores: Collection[int], measured: int = 1) -> Cores:
    """The last cores for what is measured, at least one for everything beside it; where there is one, that for both."""
    ranked = sorted(cores)
    split = max(len(ranked) - measured, min(1, len(ranked) - 1))
    return Cores(frozenset(ranked[split:]), frozenset(ranked[:split] or ranked))


def cpu(pid: int) -> Cpu:
    """What it has used so far. Raises CannotMeasure."""
    with _ended():
        times = psutil.Process(pid).cpu_times()
    return Cpu(times.user, times.system)


def uss_bytes(pid: int) -> int:
    """Memory that is its own alone, and would be free if it ended. Raises CannotMeasure."""
    with _ended():
        return int(psutil.Process(pid).memory_full_info().uss)


def usage(name: str, pid: int, *, since: Cpu, cores: Collection[int]) -> Usage:
    """What it has used since then, and holds now. Raises CannotMeasure."""
    now = cpu(pid)
    with _ended():
        memory = psutil.Process(pid).memory_full_info()
    system_s = now.system_s - since.system_s
    return Usage(
        name=name,
        cores=tuple(sorted(cores)),
        cpu_s=round(now.user_s - since.user_s + system_s, 3),
        cpu_system_s=round(system_s, 3),
        rss_bytes=memory.rss,
        uss_bytes=memory.uss,
    )


@contextlib.contextmanager
def _ended() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess as error:
        raise CannotMeasure(f"process {error.pid} has ended") from error
