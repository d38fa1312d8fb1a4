"""A result as people read it, and as a file. Pure but for `write_json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.result import Bound, Figure, Result

_MIB = 1 << 20


def write_json(result: Result, path: Path) -> None:
    """The result as indented JSON. Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def lines(result: Result, table: Callable[[Result], Iterator[str]] | None = None) -> Iterator[str]:
    """The result as text: figures, by `table` where a scenario has one; bounds, processes."""
    machine = result.machine
    yield f"{result.name} {result.version} {result.commit or 'no checkout'}"
    yield f"{machine.cpu}, {machine.cores} cores, Linux {machine.kernel}, Python {machine.python}"
    yield " ".join(f"{name}={value}" for name, value in result.parameters.items())
    yield ""
    yield from (table or _figures)(result)
    yield ""
    for bound in result.bounds:
        yield f"  {_verdict(bound)}, at {bound.how} {number(bound.limit)}"
    yield ""
    yield f"  {'process':<16} {'cores':<6} {'CPU s':>8} {'of it kernel':>12} {'RSS MiB':>8} {'USS MiB':>8}"
    for process in result.processes:
        yield (
            f"  {process.name:<16} {','.join(map(str, process.cores)):<6} {process.cpu_s:>8.2f} "
            f"{process.cpu_system_s:>12.2f} {process.rss_bytes / _MIB:>8.1f} {process.uss_bytes / _MIB:>8.1f}"
        )


def _verdict(bound: Bound) -> str:
    if bound.value is None:
        return f"not measured {bound.name}"
    return f"{'met   ' if bound.ok else 'MISSED'} {bound.name} {number(bound.value)}"


class LatencyRow(NamedTuple):
    """A latency of which all is told (latency.py): its quantiles, in milliseconds."""

    name: str
    quantiles: tuple[Figure, ...]


QUANTILES = ("p50", "p99", "p999", "max")


def latencies(figures: Mapping[str, Figure]) -> tuple[list[LatencyRow], dict[str, Figure]]:
    """Latencies in a row each, and all other figures."""
    rows, others = [], dict(figures)
    for name in figures:
        stem = name.removesuffix("_p50_ms")
        parts = [f"{stem}_{quantile}_ms" for quantile in QUANTILES]
        if stem != name and all(part in figures for part in parts):
            rows.append(LatencyRow(stem, tuple(others.pop(part) for part in parts)))
    return rows, others


def _figures(result: Result) -> Iterator[str]:
    rows, others = latencies(result.figures)
    if rows:
        yield f"  {'ms':<32}" + "".join(f" {name:>10}" for name in QUANTILES)
    for row in rows:
        yield f"  {row.name:<32}" + "".join(f" {number(figure.value):>10}" for figure in row.quantiles)
    if rows and others:
        yield ""
    for name, figure in others.items():
        spread = f"  of {' '.join(map(number, figure.runs))}" if len(figure.runs) > 1 else ""
        yield f"  {name:<32} {number(figure.value):>12} {figure.unit}{spread}"


def number(value: float) -> str:
    """Four digits where there are so few, all of a larger number, no trailing zeros."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
