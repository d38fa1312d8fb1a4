"""Witnesses of a shard, as a scenario sees them: a process that only times (bench/witness.py), asked by signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from bench.device import Tally
from bench.processes import Child, Program, running
from bench.recording import LATENCY, recording
from bench.scenario import CannotMeasure
from bench.swarm import READ_EVERY, Address
from bench.witness import LIVE, SECOND, TOLD

_ANSWER_S = 20.0
_LOOK_S = 0.02
SECOND_NAMES = ("streams p50", "streams p99", "streams max")


class Witnesses:
    """Those of one shard."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._recording = recording()
        child.heard = self._hear

    def _hear(self, line: str) -> None:
        if line.startswith(SECOND):
            for name, value in zip(SECOND_NAMES, json.loads(line.removeprefix(SECOND)), strict=True):
                self._recording.note(LATENCY, name, value, "ms")

    def rest(self) -> None:
        """What comes from now on is nobody's business, as where a feed is frozen on purpose."""
        self._child.heard = None

    def reset(self) -> None:
        """A measured window begins. Raises CannotMeasure."""
        self._child.check()
        os.kill(self._child.pid, signal.SIGUSR1)

    async def told(self) -> Tally:
        """What they saw since then. Raises CannotMeasure."""
        self._child.check()
        self._child.output.clear()
        os.kill(self._child.pid, signal.SIGUSR2)
        try:
            async with asyncio.timeout(_ANSWER_S):
                while not (told := [line for line in self._child.output if line.startswith(TOLD)]):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise CannotMeasure(f"{self._child.name} does not tell what it saw") from None
        seen = json.loads(told[-1].removeprefix(TOLD))
        tally = Tally()
        for latency, encoded in zip(
            (tally.ingest_to_device, tally.ingest_to_flush, tally.flush_to_device), seen["latencies"], strict=True
        ):
            latency.add(encoded)
        tally.gaps = seen["gaps"]
        tally.closed.update({int(code): count for code, count in seen["closed"].items()})
        return tally


@asynccontextmanager
async def watching(
    address: Address, spread: Sequence[str], *, conflate_ms: int, cores: Collection[int]
) -> AsyncIterator[Witnesses]:
    """One for every `READ_EVERY` devices of the spread, all of them live. Raises CannotMeasure."""
    topics = json.dumps(list(spread[::READ_EVERY]))
    words = ("-m", "bench.witness", address.host, str(address.port), str(conflate_ms), topics)
    async with running(Program("witnesses", words, rf"^{LIVE}$"), cores) as child:
        yield Witnesses(child)
