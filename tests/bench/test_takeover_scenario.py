"""The takeover scenario over real processes, small. No time is asserted, only that both takeovers were measured."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.journey


def test_a_small_run_measures_every_part_of_a_takeover(tmp_path: Path) -> None:
    words = ("takeover", "--rounds", "2", "--events", "6", "--rate", "100", "--json", "result.json")
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
        timeout=90,
    )
    assert done.returncode in {0, 1}, done.stderr
    figures = json.loads((tmp_path / "result.json").read_bytes())["figures"]
    lead, state, live = (figures[f"{name}_max_ms"]["value"] for name in ("lead", "first_state", "live"))
    assert 0 < lead <= state <= live
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
