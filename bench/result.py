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
    """Whether a limit was kept. `value` is the one that was held against it."""

    name: str
    limit: float
    how: Literal["most", "least"]
    value: float
    ok: bool


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement, as `--json` writes it. `started` is RFC 3339 in UTC; `commit` is null outside a checkout."""

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

    @property
    def exit_status(self) -> int:
        """0 where every bound was met, else 1."""
        return EXIT_OK if all(bound.ok for bound in self.bounds) else EXIT_FAILED


def figures_of(runs: Sequence[Measured]) -> dict[str, Figure]:
    """Every figure over all runs. Each run has the same figures."""
    return {
        name: Figure(median_low(values), reading.unit, values)
        for name, reading in runs[0].figures.items()
        for values in [tuple(run.figures[name].value for run in runs)]
    }


def processes_of(runs: Sequence[Measured]) -> tuple[Usage, ...]:
    """Every process, each number the median over all runs. Each run has the same processes in the same order."""
    return tuple(_median_usage([run.processes[place] for run in runs]) for place in range(len(runs[0].processes)))


def held_against(limits: Sequence[Limit], figures: Mapping[str, Figure]) -> tuple[Bound, ...]:
    """The limits, and whether they were kept. What could not be measured here (nobody to compare with) has none."""
    bounds = []
    for limit in limits:
        if limit.figure not in figures:
            continue
        figure = figures[limit.figure]
        most = limit.how == "most"
        value = figure.value if limit.runs == "median" else (max if most else min)(figure.runs)
        ok = value <= limit.limit if most else value >= limit.limit
        bounds.append(Bound(limit.figure, limit.limit, limit.how, value, ok))
    return tuple(bounds)


def _median_usage(usages: Sequence[Usage]) -> Usage:
    return Usage(
        name=usages[0].name,
        cores=usages[0].cores,
        cpu_s=median_low(usage.cpu_s for usage in usages),
        cpu_system_s=median_low(usage.cpu_system_s for usage in usages),
        rss_bytes=median_low(usage.rss_bytes for usage in usages),
        uss_bytes=median_low(usage.uss_bytes for usage in usages),
    )
