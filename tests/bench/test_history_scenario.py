"""The scenario of the archive over real processes, small. No time is asserted, only that all of it was measured."""

import json
from pathlib import Path

import pytest

from tests.bench.test_fanout_scenario import bench

pytestmark = pytest.mark.journey

SMALL = ("history", "--rows", "5000", "--backlog", "3000", "--rate", "200", "--reads", "3")


def test_a_small_run_measures_everything_and_leaves_nothing(tmp_path: Path) -> None:
    running = bench(*SMALL, "--json", "result.json", cwd=tmp_path)
    _, err = running.communicate(timeout=110)
    assert running.returncode in {0, 1}, err
    result = json.loads((tmp_path / "result.json").read_bytes())
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    assert figures["holes"] == 0
    assert figures["archived_rows"] > 0
    assert figures["archive_cpu_per_million"] > 0
    assert figures["board_rows"] == 500
    assert figures["hour_rows"] == 3_600
    assert 100 < figures["bytes_per_change"] < 400
    assert [bound["name"] for bound in result["bounds"]] == [
        *("archived_rows_per_s", "hour_p95_ms", "board_p95_ms", "holes")
    ]
    assert [process["name"] for process in result["processes"]] == ["archive"]
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
