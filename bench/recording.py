"""What is seen of a run while it goes on: numbers over time, phases, curves. One recording at a time.

Whoever measures notes to `recording()`, wherever it is in the code, and need not know whether anybody keeps it: outside
a run, as in a witness's process, it is thrown away. Numbers that somebody else counts are asked for once a second
(`rate`, `gauge`, `latency`), and so is every process (`watch`); sampling.py asks. Nothing is drawn here.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import NamedTuple

from bench.result import Curve, Phase, Series, Timeline

POINTS_MAX = 3_600
"""Of one series; at the limit every other point is dropped, and from then on only every other is taken."""

NAMES_MAX = 200
"""Series of one recording; more are not taken."""

LATENCY, THROUGHPUT, DEVICES, CPU, MEMORY = "latency", "throughput", "devices", "cpu", "memory"
"""Plots of most recordings; a scenario may have others."""


Quantiles = tuple[float, float, float]


class Key(NamedTuple):
    """What a series is known by."""

    plot: str
    name: str
    unit: str


class Track:
    """The points of one series, within the limit."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self._step = 1
        self._passed = 0

    def note(self, at_s: float, value: float) -> None:
        """One more."""
        self._passed += 1
        if self._passed % self._step:
            return
        self.points.append((round(at_s, 3), value))
        if len(self.points) >= POINTS_MAX:
            del self.points[::2]
            self._step *= 2


class Recording:
    """Of one run, from now on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_s = clock()
        self._tracks: dict[Key, Track] = {}
        self._phases: list[Phase] = []
        self._curves: dict[str, tuple[tuple[float, float], ...]] = {}
        self.gauges: dict[Key, list[Callable[[], float]]] = {}
        self.rates: dict[Key, list[Callable[[], float]]] = {}
        self.quantiles: dict[str, Callable[[], Quantiles | None]] = {}
        self.watched: dict[int, str] = {}

    @property
    def now_s(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._began_s

    def note(self, plot: str, name: str, value: float, unit: str) -> None:
        """A number as it is now."""
        key = Key(plot, name, unit)
        track = self._tracks.get(key)
        if track is None:
            if len(self._tracks) >= NAMES_MAX:
                return
            track = self._tracks[key] = Track()
        track.note(self.now_s, value)

    def gauge(self, plot: str, name: str, unit: str, ask: Callable[[], float]) -> None:
        """A number that is asked for from time to time; those of one name are added."""
        self.gauges.setdefault(Key(plot, name, unit), []).append(ask)

    def rate(self, plot: str, name: str, count: Callable[[], float]) -> None:
        """How fast a number rises, a second; those of one name are added."""
        self.rates.setdefault(Key(plot, name, "1/s"), []).append(count)

    def latency(self, name: str, ask: Callable[[], Quantiles | None]) -> None:
        """p50, p99 and the longest of what came since the last time, in ms; None where nothing did."""
        self.quantiles[name] = ask

    def watch(self, name: str, pid: int) -> None:
        """A process, with all that it starts and that is not watched by itself."""
        self.watched[pid] = name

    def curve(self, name: str, points: Sequence[tuple[float, float]]) -> None:
        """The whole of a latency; the last one of a name stays."""
        if len(points) > 1 and (name in self._curves or len(self._curves) < NAMES_MAX):
            self._curves[name] = tuple(points)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A part of the run."""
        began_s = self.now_s
        try:
            yield
        finally:
            self._phases.append(Phase(name, round(began_s, 3), round(self.now_s, 3)))

    def latest(self) -> dict[Key, float]:
        """The last point of every series."""
        return {key: track.points[-1][1] for key, track in self._tracks.items() if track.points}

    def timeline(self) -> Timeline:
        """All of it."""
        series = [Series(*key, tuple(track.points)) for key, track in self._tracks.items() if track.points]
        curves = [Curve(name, points) for name, points in self._curves.items()]
        return Timeline(
            took_s=round(self.now_s, 3), phases=tuple(self._phases), series=tuple(series), curves=tuple(curves)
        )


_current: ContextVar[Recording | None] = ContextVar("recording", default=None)


def recording() -> Recording:
    """The recording of this run, or one that is thrown away."""
    return _current.get() or Recording()


@contextlib.contextmanager
def recorded() -> Iterator[Recording]:
    """A recording of what happens within, tasks that are begun there included."""
    one = Recording()
    token = _current.set(one)
    try:
        yield one
    finally:
        _current.reset(token)
