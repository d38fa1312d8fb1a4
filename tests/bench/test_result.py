"""Several runs become one result, limits are held against it, and the exit status says whether they were kept."""

import json
from pathlib import Path

import msgspec
import pytest

from bench import report
from bench.latency import Latency
from bench.machine import this_machine
from bench.result import Limit, Measured, Reading, Result, Usage, figures_of, held_against, processes_of


def used(cpu_s: float) -> Usage:
    return Usage(name="shard", cores=(1,), cpu_s=cpu_s, cpu_system_s=cpu_s / 2, rss_bytes=100, uss_bytes=50)


def run(p99_ms: float, closed: int, cpu_s: float) -> Measured:
    return Measured({"p99_ms": Reading(p99_ms, "ms"), "closed": Reading(closed, "1")}, [used(cpu_s)])


RUNS = [run(90, 0, 3.0), run(300, 1, 1.0), run(110, 0, 2.0)]
LIMITS = (Limit("p99_ms", 200), Limit("closed", 0, "every"))


def result(runs: list[Measured]) -> Result:
    figures = figures_of(runs)
    return Result(
        name="fanout",
        version="1.0",
        commit=None,
        machine=this_machine(),
        command="oddswire bench fanout",
        started="2026-01-01T00:00:00+00:00",
        parameters={"sockets": 10},
        figures=figures,
        bounds=held_against(LIMITS, figures),
        processes=processes_of(runs),
    )


def test_a_figure_is_the_median_of_its_runs() -> None:
    figure = figures_of(RUNS)["p99_ms"]
    assert (figure.value, figure.unit, figure.runs) == (110, "ms", (90, 300, 110))
    assert figures_of(RUNS[:2])["p99_ms"].value == 90


def test_a_process_is_the_median_of_its_runs() -> None:
    assert processes_of(RUNS) == (used(2.0),)


def test_a_limit_holds_for_the_median_or_for_every_run() -> None:
    p99, closed = held_against(LIMITS, figures_of(RUNS))
    assert (p99.value, p99.ok) == (110, True)
    assert (closed.value, closed.ok) == (1, False)


def test_a_limit_may_be_the_least_that_is_allowed() -> None:
    median, every = held_against(
        (Limit("p99_ms", 110, how="least"), Limit("p99_ms", 110, "every", "least")), figures_of(RUNS)
    )
    assert (median.value, median.ok) == (110, True)
    assert (every.value, every.ok) == (90, False)


def test_a_limit_of_what_was_not_measured_is_told_and_not_missed() -> None:
    [bound] = held_against((Limit("over_best", 3, how="least"),), figures_of(RUNS))
    assert (bound.value, bound.ok) == (None, None)
    partly = msgspec.structs.replace(result(RUNS[:1]), bounds=(bound,))
    assert partly.exit_status == 0
    assert "not measured over_best, at least 3" in "\n".join(report.lines(partly))


def test_a_figure_that_some_runs_lack_is_the_median_of_the_others() -> None:
    lacking = Measured({"closed": Reading(0, "1")}, [])
    assert figures_of([lacking, RUNS[0]])["p99_ms"].runs == (90,)
    assert processes_of([lacking, RUNS[0]]) == (used(3.0),)


@pytest.mark.parametrize(("runs", "status"), [(RUNS, 1), (RUNS[:1], 0)])
def test_the_exit_status_tells_whether_all_bounds_were_met(runs: list[Measured], status: int) -> None:
    assert result(runs).exit_status == status


def test_the_file_holds_the_whole_result(tmp_path: Path) -> None:
    report.write_json(result(RUNS), tmp_path / "result.json")
    told = (tmp_path / "result.json").read_bytes()
    assert msgspec.json.decode(told, type=Result) == result(RUNS)
    assert json.loads(told)["bounds"][1] == {"name": "closed", "limit": 0, "how": "most", "value": 1, "ok": False}


def test_the_text_names_every_figure_bound_and_process() -> None:
    text = "\n".join(report.lines(result(RUNS)))
    for words in ("p99_ms", "MISSED closed 1, at most 0", "met    p99_ms 110, at most 200", "shard"):
        assert words in text


def test_latency_is_told_in_milliseconds() -> None:
    latency = Latency()
    for microseconds in range(1_000, 101_000, 1_000):
        latency.record_us(microseconds)
    figures = latency.figures("lag")
    assert figures["lag_p50_ms"].value == pytest.approx(50, rel=0.01)
    assert figures["lag_max_ms"].value == pytest.approx(100, rel=0.01)
    latency.reset()
    assert len(latency) == 0


def test_latency_outside_its_range_counts_as_the_nearest_within() -> None:
    latency = Latency()
    latency.record_us(-5)
    latency.record_us(10**12)
    assert len(latency) == 2
