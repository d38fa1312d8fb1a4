"""The scenario of settling over real processes, small. No time is asserted, only that all of it was measured."""

import json
from pathlib import Path

import pytest

from tests.bench.test_fanout_scenario import bench

pytestmark = [pytest.mark.journey, pytest.mark.proof]

SMALL = ("resettle", "--bets", "600", "--seconds", "1")


def test_a_small_run_measures_everything_and_leaves_nothing(tmp_path: Path) -> None:
    running = bench(*SMALL, "--json", "result.json", cwd=tmp_path)
    _, err = running.communicate(timeout=170)
    assert running.returncode in {0, 1}, err
    result = json.loads((tmp_path / "result.json").read_bytes())
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    assert (figures["bets_refused"], figures["ledger_differences"]) == (0, 0)
    assert figures["naive_bets_per_s"] > 0
    assert figures["place_alone_p99_ms"] > 0
    assert figures["settled_bets_per_s"] > 0
    assert all(bound["value"] is not None for bound in result["bounds"])
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
