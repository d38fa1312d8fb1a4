"""Scenarios over the real line, small. No time is asserted, only that all of it was measured."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.journey

LITTLE = ("--events", "6", "--rate", "200", "--seconds", "2")
SMALL = ("fanout", "--sockets", "20", *LITTLE)
FAILOVER = ("failover", "--sockets", "60", *LITTLE)
SLOW = ("slow", "--sockets", "20", "--pairs", "2", "--events", "6", "--rate", "5000", "--seconds", "1")
SOAK = ("soak", "--sustains", "20", "--warm-up", "1", *LITTLE)
GROWTH = ("growth", "--sockets", "10", "--rates", "200", "--events", "6", "--seconds", "1")


def bench(*words: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *words],
        cwd=cwd,
        env=os.environ | {"TMPDIR": str(cwd)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_small_run_measures_everything_and_leaves_nothing(tmp_path: Path) -> None:
    running = bench(*SMALL, "--json", "result.json", cwd=tmp_path)
    out, err = running.communicate(timeout=90)
    assert running.returncode in {0, 1}, err
    result = json.loads((tmp_path / "result.json").read_bytes())
    assert result["schema"] == 1
    assert result["parameters"]["sockets"] == 20
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    assert figures["closed"] == figures["gaps"] == 0
    assert figures["deliveries_per_s"] > 0
    assert figures["frames_per_s"] > 0
    assert figures["connects_per_s"] > 0
    assert 0 < figures["writes_per_s"] <= figures["deliveries_per_s"] + figures["frames_per_s"]
    assert figures["bare_write_us"] > 0
    assert figures["writes_share_of_bare"] > 0
    assert [bound["name"] for bound in result["bounds"]] == [
        "ingest_to_device_p99_ms",
        "shard_memory_per_socket",
        "closed",
        "gaps",
    ]
    assert [process["name"] for process in result["processes"]] == ["nats", "feed", "fanout-1", "swarm"]
    assert all(process["uss_bytes"] > 0 for process in result["processes"])
    assert "ingest_to_device_p99_ms" in out
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


Told = dict[str, Any]


def measured(words: tuple[str, ...], cwd: Path) -> Told:
    """The result of a run, in which every bound was measured, and after which nothing is left."""
    running = bench(*words, "--json", "result.json", cwd=cwd)
    out, err = running.communicate(timeout=180)
    assert running.returncode in {0, 1}, err
    assert "not measured" not in out
    result: Told = json.loads((cwd / "result.json").read_bytes())
    assert all(bound["ok"] is not None for bound in result["bounds"])
    assert running.returncode == (not all(bound["ok"] for bound in result["bounds"]))
    assert {path.suffix for path in cwd.iterdir()} <= {".json", ".svg"}
    return result


def values(result: Told) -> dict[str, float]:
    return {name: figure["value"] for name, figure in result["figures"].items()}


def test_devices_of_a_killed_shard_go_on_at_the_other_from_their_cursors(tmp_path: Path) -> None:
    result = measured((*FAILOVER, "--seconds", "8"), tmp_path)
    figures = values(result)
    assert figures["back_share"] == figures["fresh_in_15_s_share"] == figures["with_cursor_share"] == 1
    assert 0 < figures["back_p50_s"] <= figures["back_p95_s"] <= figures["back_max_s"] < 8
    assert figures["closed"] == figures["gaps"] == 0
    assert figures["others_p99_ms"] > 0
    assert figures["returned_p99_ms"] > 0
    assert [process["name"] for process in result["processes"]] == ["nats", "feed", "fanout-1", "swarm"]


def test_slow_devices_are_slow_and_the_others_do_not_lose_anything(tmp_path: Path) -> None:
    figures = values(measured(SLOW, tmp_path))
    assert figures["slow_full_share"] > 0
    assert figures["p99_without_ms"] > 0
    assert figures["p99_with_slow_ms"] > 0
    assert figures["closed"] == figures["gaps"] == 0


def test_a_soak_of_two_runs_tells_how_memory_grew_in_each(tmp_path: Path) -> None:
    result = measured((*SOAK, "--runs", "2"), tmp_path)
    assert len(result["figures"]["shard_memory_growth"]["runs"]) == 2
    figures = values(result)
    assert figures["sockets"] == 14
    assert figures["shard_memory_began"] > 0
    assert figures["entries_began"] > 0
    assert figures["deliveries_per_s"] > 0


def test_growth_measures_and_draws_every_load(tmp_path: Path) -> None:
    figures = values(measured((*GROWTH, "--grid", "--picture", "drawn.svg"), tmp_path))
    assert figures["cells_failed"] == figures["closed"] == 0
    assert figures["ingest_to_device_p99_ms_10_sockets_200_a_second"] > 0
    assert "p99 from ingest to device, at 200 updates/s (ms)" in (tmp_path / "drawn.svg").read_text()


@pytest.mark.parametrize(
    ("words", "children", "how"),
    [
        (FAILOVER, 4, signal.SIGKILL),
        (SLOW, 3, signal.SIGTERM),
        (SOAK, 3, signal.SIGTERM),
        (GROWTH, 3, signal.SIGKILL),
    ],
)
def test_whatever_is_measured_its_processes_end_with_it(
    words: tuple[str, ...], children: int, how: signal.Signals, tmp_path: Path
) -> None:
    ends_with_its_processes(words, children, how, tmp_path)


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_however_it_ends_its_processes_end_with_it(how: signal.Signals, status: int, tmp_path: Path) -> None:
    assert ends_with_its_processes(SMALL, 3, how, tmp_path) == status


def ends_with_its_processes(words: tuple[str, ...], children: int, how: signal.Signals, cwd: Path) -> int:
    """Sent the signal while it runs, nothing that it started is left. Gives its exit status."""
    running = bench(*words, "--seconds", "60", cwd=cwd)
    assert running.stderr is not None
    assert "fanout-1 pid" in running.stderr.readline()
    started = psutil.Process(running.pid).children(recursive=True)
    assert len(started) == children
    running.send_signal(how)
    running.communicate(timeout=60)
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
    return running.returncode
