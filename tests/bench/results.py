"""Results for tests: small ones, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from bench.machine import Machine
from bench.result import (
    Curve,
    Limit,
    Measured,
    Phase,
    Reading,
    Result,
    Series,
    Timeline,
    Usage,
    figures_of,
    held_against,
    processes_of,
)

MACHINE = Machine(cpu="Some & CPU", cores=2, memory_bytes=8 << 30, kernel="6.1", python="3.11.9")
LIMITS = (Limit("streams_p99_ms", 200), Limit("reads_per_s", 1_000, how="least"), Limit("lost", 0, "every"))
TIMELINE = Timeline(
    took_s=30.0,
    phases=(Phase("before", 0, 10), Phase("spike", 10, 30)),
    series=(
        Series("latency", "streams p99", "ms", ((1.0, 90.0), (2.0, 110.0), (20.0, 100.0))),
        Series("cpu", "fanout-1", "cores", ((1.0, 0.3), (2.0, 0.4))),
        Series("memory", "fanout-1", "MiB", ((1.0, 40.0), (2.0, 41.0))),
        Series("queue", "waiting <here>", "1", ((1.0, 4.0), (2.0, 5.0))),
    ),
    curves=(Curve("streams", ((0.0, 10.0), (50.0, 50.0), (99.0, 110.0), (99.9, 130.0))),),
)


def run(p99_ms: float, *, reads: float = 2_000, lost: float = 0, mood: float = 1) -> Measured:
    """One run."""
    latency = {f"streams_{name}_ms": Reading(p99_ms, "ms") for name in ("p50", "p99", "p999", "max")}
    figures = {**latency, "reads_per_s": Reading(reads, "1/s"), "lost": Reading(lost, "1"), "mood": Reading(mood, "1")}
    used = Usage(name="fanout-1", cores=(1,), cpu_s=3, cpu_system_s=1, rss_bytes=100 << 20, uss_bytes=50 << 20)
    return Measured(figures, [used])


def result(*runs: Measured, name: str = "spike", timelines: Sequence[Timeline] = (TIMELINE,), rate: int = 5) -> Result:
    """What they become."""
    figures = figures_of(runs)
    return Result(
        name=name,
        version="1.0",
        commit=None,
        machine=MACHINE,
        command="oddswire bench spike --rate <5>",
        started="2026-01-01T00:00:00+00:00",
        parameters={"rate": rate},
        figures=figures,
        bounds=held_against(LIMITS, figures),
        processes=processes_of(runs),
        timelines=tuple(timelines),
    )
