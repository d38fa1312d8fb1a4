"""What is kept of a run while it goes on: within limits, of the processes that run, and in one line for people."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import psutil
import pytest

from bench.latency import Latency, Recent
from bench.progress import progress_line
from bench.recording import CPU, POINTS_MAX, Key, Recording, recorded, recording
from bench.sampling import OWN, Sample, Sampler, read_trees, rose

BUSY = "while True: pass"


def test_a_series_longer_than_the_limit_is_thinned_and_keeps_its_span() -> None:
    now = [0.0]
    kept = Recording(lambda: now[0])
    for second in range(3 * POINTS_MAX):
        now[0] = float(second)
        kept.note("latency", "p99", second, "ms")
    [series] = kept.timeline().series
    assert POINTS_MAX / 4 < len(series.points) < POINTS_MAX
    assert series.points[-1][0] > 3 * POINTS_MAX - 10
    assert all(at == value for at, value in series.points)


def test_numbers_of_one_name_are_added_and_rates_are_a_second() -> None:
    async def twice() -> Recording:
        with recorded() as kept:
            counts = [0, 0]
            for place in (0, 1):
                recording().rate("throughput", "frames", lambda place=place: counts[place])  # type: ignore[misc]
                recording().gauge("devices", "live", "1", lambda: 7)
            sampler = Sampler(kept)
            await asyncio.sleep(0.6)
            counts[:] = [300, 300]
            await sampler.sample()
            return kept

    latest = asyncio.run(twice()).latest()
    assert latest[Key("devices", "live", "1")] == 14
    assert 100 < latest[Key("throughput", "frames", "1/s")] <= 1_000


def test_outside_a_run_what_is_noted_goes_nowhere() -> None:
    recording().note("latency", "p99", 1.0, "ms")
    assert not recording().timeline().series


def test_phases_and_curves_are_kept_in_their_order() -> None:
    with recorded() as kept:
        with recording().phase("before"), recording().phase("within"):
            pass
        latency = Latency()
        for microseconds in range(1_000, 2_001_000, 1_000):
            latency.record_us(microseconds)
        latency.figures("streams")
    timeline = kept.timeline()
    assert [phase.name for phase in timeline.phases] == ["within", "before"]
    [curve] = timeline.curves
    assert curve.points[0][0] == 0.0
    assert dict(curve.points)[50.0] == pytest.approx(1_000, rel=0.01)
    assert 99.9 in dict(curve.points)
    assert 99.99 not in dict(curve.points)


def test_a_process_counts_with_what_it_started_and_no_further_than_the_next_one_watched() -> None:
    words = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"]
    parent = subprocess.Popen(words)
    try:
        deadline_s = time.monotonic() + 20
        while read_trees({parent.pid: "a"})[parent.pid].cpu_s < 0.3:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        both = read_trees({os.getpid(): OWN, parent.pid: "a"})
        assert both[parent.pid].memory_bytes > 4 << 20
        assert both[os.getpid()].cpu_s < read_trees({os.getpid(): OWN})[os.getpid()].cpu_s
    finally:
        for child in psutil.Process(parent.pid).children():
            child.kill()
        parent.kill()
        parent.wait()
    assert parent.pid not in read_trees({parent.pid: "a"})


def test_a_process_that_lost_a_child_has_used_nothing_rather_than_less() -> None:
    assert rose(Sample(5.0, 2.0, 10), Sample(4.0, 1.0, 10)) == Sample(0.0, 0.0, 0)


def test_what_came_since_the_last_look_is_told_once() -> None:
    recent = Recent()
    for microseconds in (1_000, 2_000, 9_000):
        recent.record_us(microseconds)
    assert recent.recent_ms() == (2.0, 9.0, 9.0)
    assert recent.recent_ms() is None
    assert len(recent) == 3


def test_a_line_of_progress_has_numbers_first_and_then_the_busiest() -> None:
    latest = {
        Key("latency", "p99", "ms"): 112.0,
        Key("throughput", "reads", "1/s"): 400.0,
        Key(CPU, "gateway", "cores"): 0.2,
        Key(CPU, "fanout-1", "cores"): 0.47,
        Key(CPU, "news", "cores"): 0.0,
        Key("memory", "fanout-1", "MiB"): 40.0,
    }
    assert progress_line(12.2, latest) == "   12 s | p99 112 ms, reads 400/s | fanout-1 47%, gateway 20%"
