"""The one schema of what a measurement gives, whatever was measured; and how several runs become one result. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Literal, NamedTuple

import msgspec

from bench.machine import Machine

SCHEMA = 1

EXIT_OK, EXIT_FAILED = 0, 1

ParameterValue = int | float | str | bool


class Reading(NamedTuple):
    """One number of one run, with its unit."""

    value: float
    unit: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one process used. CPU over the measured window; memory at its end: resident, and of that its own alone."""

    name: str
    cores: tuple[int, ...]
    cpu_s: float
    cpu_system_s: float
    rss_bytes: int
    uss_bytes: int


class Measured(NamedTuple):
    """One run: its figures by name, and every process that took part."""

    figures: Mapping[str, Reading]
    processes: Sequence[Usage]


class Series(msgspec.Struct, frozen=True):
    """A number over time: pairs of seconds since the run began, and value. `plot`: those of one are drawn together."""

    plot: str
    name: str
    unit: str
    points: tuple[tuple[float, float], ...]


class Phase(msgspec.Struct, frozen=True):
    """A part of a run that has a name, by seconds since the run began."""

    name: str
    began_s: float
    ended_s: float


class Curve(msgspec.Struct, frozen=True):
    """All of a latency: pairs of percentile and milliseconds, rising."""

    name: str
    points: tuple[tuple[float, float], ...]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one run while it went on."""

    took_s: float
    phases: tuple[Phase, ...] = ()
    series: tuple[Series, ...] = ()
    curves: tuple[Curve, ...] = ()


class Limit(NamedTuple):
    """A bound: the figure may be `limit` at most, or must be that at least, in the median run or in every run."""

    figure: str
    limit: float
    runs: Literal["median", "every"] = "median"
    how: Literal["most", "least"] = "most"


class Figure(msgspec.Struct, frozen=True):
    """A number: of several runs the median, which is always one that was measured. `runs` are all of them, in order."""

    value: float
    unit: str
    runs: tuple[float, ...]


class Bound(msgspec.Struct, frozen=True):
    """Whether a limit was kept. `value` is the one that was held against it; both are None where none was measured."""

    name: str
    limit: float
    how: Literal["most", "least"]
    value: float | None
    ok: bool | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement, as `--json` writes it. `started` is RFC 3339 in UTC; `commit` is null outside a checkout.

    `timelines` are of the runs, in order; files from before there were any lack them.
    """

    schema: int = SCHEMA
    name: str
    version: str
    commit: str | None
    machine: Machine
    command: str
    started: str
    parameters: dict[str, ParameterValue]
    figures: dict[str, Figure]
    bounds: tuple[Bound, ...]
    processes: tuple[Usage, ...]
    timelines: tuple[Timeline, ...] = ()

    @property
    def exit_status(self) -> int:
        """1 where a bound was missed, else 0: what was not measured was not missed, and is told as that."""
        return EXIT_FAILED if any(bound.ok is False for bound in self.bounds) else EXIT_OK


def figures_of(runs: Sequence[Measured]) -> dict[str, Figure]:
    """Every figure over all runs that have it; a part that could not be measured is missing in its run."""
    readings: dict[str, list[Reading]] = {}
    for run in runs:
        for name, reading in run.figures.items():
            readings.setdefault(name, []).append(reading)
    return {
        name: Figure(median_low(values), measured[0].unit, values)
        for name, measured in readings.items()
        for values in [tuple(reading.value for reading in measured)]
    }


def processes_of(runs: Sequence[Measured]) -> tuple[Usage, ...]:
    """Every process by its name, each number the median over the runs that have it."""
    usages: dict[str, list[Usage]] = {}
    for run in runs:
        for usage in run.processes:
            usages.setdefault(usage.name, []).append(usage)
    return tuple(map(_median_usage, usages.values()))


def held_against(limits: Sequence[Limit], figures: Mapping[str, Figure]) -> tuple[Bound, ...]:
    """The limits, and whether they were kept."""
    return tuple(_held(limit, figures.get(limit.figure)) for limit in limits)


def _held(limit: Limit, figure: Figure | None) -> Bound:
    if figure is None:
        return Bound(limit.figure, limit.limit, limit.how, None, None)
    most = limit.how == "most"
    value = figure.value if limit.runs == "median" else (max if most else min)(figure.runs)
    return Bound(limit.figure, limit.limit, limit.how, value, value <= limit.limit if most else value >= limit.limit)


def _median_usage(usages: Sequence[Usage]) -> Usage:
    return Usage(
        name=usages[0].name,
        cores=usages[0].cores,
        cpu_s=median_low(usage.cpu_s for usage in usages),
        cpu_system_s=median_low(usage.cpu_system_s for usage in usages),
        rss_bytes=median_low(usage.rss_bytes for usage in usages),
        uss_bytes=median_low(usage.uss_bytes for usage in usages),
    )
