"""Runs a plan: stage after stage, restarts what dies, and ends everything in reverse order, whatever the reason.

Structured concurrency is the order: every stage is a TaskGroup around the stages after it, so a cancelled or failed
stack unwinds from the shards to nats-server, and beside it from the archive to its database. `run` returns only when no
process is left.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

from gateway.local.console import Console
from gateway.local.datadir import PartLog, announced
from gateway.local.errors import PartFailed
from gateway.local.plan import Part, Plan
from gateway.local.process import PartProcess
from gateway.local.restarts import DEATHS_MAX, WINDOW_S, Restarts

START_S = 60.0
"""A part that does not serve within this ends the stack."""

GRACE_S = 5.0
"""Between SIGTERM and SIGKILL, for every part of a stage at once: three stages end within 15 s."""

SAME_SIGNAL_S = 0.5
"""Signals this close to the first are the same wish: timeout(1) and make(1) send theirs to us and to our group."""

EXIT_BAD_INPUT = 2
"""Exit status of a part that refuses what it was given: starting it again would change nothing."""


class Supervisor:
    """The processes of one stack."""

    def __init__(self, plan: Plan, data_dir: Path, console: Console, last_words: Sequence[str] = ()) -> None:
        self._plan = plan
        self._last_words = last_words
        self._data_dir = data_dir
        self._console = console
        self._processes: set[PartProcess] = set()
        self._started_s = time.monotonic()
        self._told_s: float | None = None
        self._killed = False

    async def run(self) -> None:
        """Until SIGINT or SIGTERM; a second one kills at once. Raises PartFailed, or OSError if none can start."""
        with self._signals():
            try:
                await self._run_all()
            except asyncio.CancelledError:
                self._console.say("stopped")
            except ExceptionGroup as group:
                raise _first(group) from None

    async def _run_all(self) -> None:
        """The line, and beside it what the line does not wait for."""
        beside = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_stages(self._plan.beside, partial(_set_and_stay, beside)), name="beside")
            await self._run_stages(self._plan.stages, partial(self._stay_up, beside))

    async def _run_stages(
        self, stages: tuple[tuple[Part, ...], ...], stay_up: Callable[[], Coroutine[None, None, NoReturn]]
    ) -> None:
        if not stages:
            await stay_up()
        async with asyncio.TaskGroup() as group:
            self._console.busy(f"starting {', '.join(part.name for part in stages[0])}")
            ready = [(part, asyncio.Event()) for part in stages[0]]
            for part, event in ready:
                group.create_task(self._keep(part, event), name=part.name)
            for part, event in ready:
                await event.wait()
                self._console.say(part.line)
            await self._run_stages(stages[1:], stay_up)

    async def _stay_up(self, beside: asyncio.Event) -> NoReturn:
        plan = self._plan
        await beside.wait()
        with announced(
            self._data_dir,
            plan.streams,
            nats_url=plan.nats_url,
            database_url=plan.database_url,
            coordination=plan.coordination,
        ):
            for line in self._last_words:
                self._console.say(line)
            self._console.say(f"ready in {time.monotonic() - self._started_s:.1f} s")
            await _stay()

    async def _keep(self, part: Part, ready: asyncio.Event) -> None:
        """One part for the life of the stack. `ready` is set when it first serves. Raises PartFailed."""
        restarts = Restarts()
        with closing(PartLog(self._data_dir, part.name)) as log:
            while True:
                status = await self._live_once(part, log, ready)
                if self._killed:
                    return
                how = _exit_words(status)
                if status == EXIT_BAD_INPUT and not ready.is_set():
                    raise PartFailed(f"{part.name} does not start, {how}", log=log.path)
                wait_s = restarts.died(time.monotonic())
                if wait_s is None:
                    raise PartFailed(f"{part.name} died {DEATHS_MAX} times in {WINDOW_S:g} s, last {how}", log=log.path)
                self._console.say(f"{part.name} died, {how}; starting it again in {wait_s:g} s")
                await asyncio.sleep(wait_s)

    async def _live_once(self, part: Part, log: PartLog, ready: asyncio.Event) -> int:
        """One life of a part; gives its exit status. Raises PartFailed if it lives but does not serve."""
        process = await PartProcess.start(part, log)
        self._processes.add(process)
        try:
            await asyncio.wait((process.ready, process.exited), timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
            if process.ready.done():
                if ready.is_set():
                    self._console.say(f"{part.name} is ready again")
                ready.set()
            elif not process.exited.done():
                raise PartFailed(f"{part.name} is not ready after {START_S:g} s", log=log.path)
            return await asyncio.shield(process.exited)
        finally:
            await process.end(GRACE_S)
            self._processes.discard(process)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first SIGINT or SIGTERM cancels the stack, a further one kills every process."""
        loop = asyncio.get_running_loop()
        stack = asyncio.current_task()
        assert stack is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, stack)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _on_signal(self, stack: asyncio.Task[None]) -> None:
        now_s = time.monotonic()
        if self._told_s is None:
            self._told_s = now_s
            self._console.busy("stopping")
            stack.cancel()
        elif now_s - self._told_s >= SAME_SIGNAL_S:
            self._killed = True
            for process in self._processes:
                process.signal(signal.SIGKILL)


async def _set_and_stay(event: asyncio.Event) -> NoReturn:
    event.set()
    await _stay()


async def _stay() -> NoReturn:
    while True:
        await asyncio.get_running_loop().create_future()


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _exit_words(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
