"""The fan-out scenario over real processes, small. No time is asserted, only that all of it was measured."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.journey

SMALL = ("fanout", "--sockets", "20", "--events", "6", "--rate", "200", "--seconds", "2")


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


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_however_it_ends_its_processes_end_with_it(how: signal.Signals, status: int, tmp_path: Path) -> None:
    running = bench(*SMALL, "--seconds", "60", cwd=tmp_path)
    assert running.stderr is not None
    assert "fanout-1 pid" in running.stderr.readline()
    children = psutil.Process(running.pid).children(recursive=True)
    assert len(children) == 3
    running.send_signal(how)
    running.communicate(timeout=60)
    assert running.returncode == status
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
