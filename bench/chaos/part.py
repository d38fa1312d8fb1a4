"""A process of a stack that is kept running, unless it is meant to be down: what dies by itself is started again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection

from bench.processes import Child, Program, running
from bench.scenario import CannotMeasure, Tell

AGAIN_S = 0.25
"""Between a death and the next start."""

READY_S = 60.0


class Part:
    """`deaths` counts how often it ended though nobody meant it to, `words` are its last then."""

    def __init__(self, program: Program, cores: Collection[int], tell: Tell) -> None:
        self.name = program.name
        self.deaths = 0
        self.words = ""
        self._program = program
        self._cores = cores
        self._tell = tell
        self._child: Child | None = None
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._meant = False

    @property
    def child(self) -> Child | None:
        """The process; None while there is none that serves."""
        return self._child

    @property
    def wanted(self) -> bool:
        """Whether it is meant to run."""
        return self._wanted.is_set()

    async def ready(self) -> None:
        """Returns when it serves. Raises CannotMeasure."""
        try:
            async with asyncio.timeout(READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise CannotMeasure(f"{self.name} does not come up: {self.words}") from None

    async def kill(self) -> None:
        """Gone at once, until `let_run`."""
        self._wanted.clear()
        self._meant = True
        if self._child is not None:
            with contextlib.suppress(CannotMeasure):  # it has ended by itself this moment
                await self._child.kill()
        await self._idle.wait()

    async def end(self) -> None:
        """Asked to end, as for a new version; until `let_run`."""
        self._wanted.clear()
        self._meant = True
        if self._child is not None:
            await self._child.end()
        await self._idle.wait()

    def let_run(self) -> None:
        """It may run again."""
        self._wanted.set()

    def become(self, program: Program) -> None:
        """What it is from its next start on."""
        self._program = program

    def freeze(self) -> None:
        """It stands still, until `thaw`."""
        if self._child is not None:
            self._child.freeze()

    def thaw(self) -> None:
        """It goes on."""
        if self._child is not None:
            self._child.thaw()

    async def keep(self) -> None:
        """One life after another, until cancelled."""
        while True:
            await self._wanted.wait()
            self._meant = False
            try:
                async with running(self._program, self._cores) as child:
                    self._child = child
                    self._idle.clear()
                    self._ready.set()
                    status = await child.gone()
                    self._died(f"exit status {status}: {child.last_words}")
            except CannotMeasure as error:
                self._died(str(error))
            finally:
                self._ready.clear()
                self._child = None
                self._idle.set()
            await asyncio.sleep(AGAIN_S)

    def _died(self, words: str) -> None:
        if self._meant:
            return
        self.deaths += 1
        self.words = words
        self._tell(f"{self.name} died by itself, {words[-600:]}")


@contextlib.asynccontextmanager
async def kept(part: Part) -> AsyncIterator[Part]:
    """It runs meanwhile; it need not serve yet."""
    keeping = asyncio.create_task(part.keep(), name=part.name)
    try:
        yield part
    finally:
        part.thaw()
        keeping.cancel()
        await asyncio.wait([keeping])
