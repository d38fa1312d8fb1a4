"""Once a second: CPU and memory of every process of a run, and what is counted elsewhere. Read from /proc (proc(5)).

A process counts with all it has started, down to the next one that is watched by itself: PostgreSQL has one for every
connection, and a gateway its workers. Memory is what is not shared with files, over all of them, so nothing is counted
twice; PostgreSQL's shared buffers are counted by none of its processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.recording import CPU, LATENCY, MEMORY, Key, Recording
from bench.result import Usage

INTERVAL_S = 1.0
OWN = "bench"
MACHINE = "all of the machine"

_PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1 << 20


class Sample(NamedTuple):
    """Of one process and what it started: CPU seconds so far, of them in the kernel; memory now."""

    cpu_s: float = 0.0
    system_s: float = 0.0
    memory_bytes: int = 0

    def plus(self, other: Sample) -> Sample:
        """Both."""
        return Sample(self.cpu_s + other.cpu_s, self.system_s + other.system_s, self.memory_bytes + other.memory_bytes)


class _Row(NamedTuple):
    parent: int
    sample: Sample


def read_trees(roots: Mapping[int, str], proc: Path = _PROC) -> dict[int, Sample]:
    """A sample of every root that lives."""
    rows = {}
    for place in proc.iterdir():
        if place.name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended
                rows[int(place.name)] = _row(place)
    found = {root: Sample() for root in roots if root in rows}
    for pid, row in rows.items():
        root = _root_of(pid, rows, roots)
        if root in found:
            found[root] = found[root].plus(row.sample)
    return found


def _row(place: Path) -> _Row:
    fields = (place / "stat").read_text().rpartition(") ")[2].split()
    user, system = (int(text) * _TICK_S for text in fields[11:13])
    resident, shared = map(int, (place / "statm").read_text().split()[1:3])
    return _Row(int(fields[1]), Sample(user + system, system, (resident - shared) * _PAGE))


def _root_of(pid: int, rows: Mapping[int, _Row], roots: Mapping[int, str]) -> int | None:
    while pid in rows:
        if pid in roots:
            return pid
        pid = rows[pid].parent
    return None


def rose(before: Sample, after: Sample) -> Sample:
    """What was used in between. What ended meanwhile took its CPU along: never less than nothing."""
    return Sample(max(0.0, after.cpu_s - before.cpu_s), max(0.0, after.system_s - before.system_s))


class Sampler:
    """Asks and notes, for one recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._used: dict[int, Sample] = {}
        self._last: dict[int, Sample] = {}
        self._counts: dict[Key, float] = {}
        self._at_s = time.monotonic()
        self._busy_s = _busy_s()
        recording.watch(OWN, os.getpid())

    async def sample(self) -> None:
        """Once."""
        watched = dict(self._recording.watched)
        now = await asyncio.to_thread(read_trees, watched)
        at_s, busy_s = time.monotonic(), _busy_s()
        took_s = at_s - self._at_s
        if took_s < INTERVAL_S / 2:
            return  # too short for a rate
        self._note_processes(watched, now, took_s)
        self._recording.note(CPU, MACHINE, (busy_s - self._busy_s) / took_s, "cores")
        self._note_counts(took_s)
        self._note_latencies()
        self._at_s, self._busy_s = at_s, busy_s

    def _note_processes(self, watched: Mapping[int, str], now: Mapping[int, Sample], took_s: float) -> None:
        for pid, sample in now.items():
            if not sample.memory_bytes:
                continue  # it has ended and nobody has asked how
            before = self._last.get(pid)
            self._last[pid] = sample
            self._used.setdefault(pid, Sample())
            if before is not None:
                used = rose(before, sample)
                self._used[pid] = self._used[pid].plus(used)
                self._recording.note(CPU, watched[pid], round(used.cpu_s / took_s, 4), "cores")
            self._recording.note(MEMORY, watched[pid], round(sample.memory_bytes / _MIB, 2), "MiB")

    def _note_counts(self, took_s: float) -> None:
        for key, asked in tuple(self._recording.gauges.items()):
            self._recording.note(*key[:2], sum(ask() for ask in asked), key.unit)
        for key, counts in tuple(self._recording.rates.items()):
            count = sum(ask() for ask in counts)
            before = self._counts.get(key, 0.0)
            self._counts[key] = count
            more = count - before if count >= before else count  # it began anew
            self._recording.note(*key[:2], round(more / took_s, 3), key.unit)

    def _note_latencies(self) -> None:
        for name, ask in self._recording.quantiles.items():
            seen = ask()
            if seen is not None:
                for quantile, value in zip(("p50", "p99"), seen):
                    self._recording.note(LATENCY, f"{name} {quantile}", value, "ms")

    def usages(self) -> list[Usage]:
        """What every process used from the first look at it to the last, and held then."""
        return [
            Usage(
                name=self._recording.watched[pid],
                cores=(),
                cpu_s=round(used.cpu_s, 3),
                cpu_system_s=round(used.system_s, 3),
                rss_bytes=self._last[pid].memory_bytes,
                uss_bytes=self._last[pid].memory_bytes,
            )
            for pid, used in self._used.items()
        ]


@contextlib.asynccontextmanager
async def sampling(sampler: Sampler, told: asyncio.Event) -> AsyncIterator[None]:
    """Samples meanwhile; `told` is set after each."""

    async def go_on() -> None:
        while True:
            await sampler.sample()
            told.set()
            await asyncio.sleep(INTERVAL_S)

    task = asyncio.create_task(go_on(), name="sampling")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _busy_s() -> float:
    """CPU seconds of all cores that were neither idle nor waiting for a disk."""
    user, nice, system, _, _, irq, soft = map(int, (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + irq + soft) * _TICK_S
