"""The scenario of coordination, small. No time is asserted, only that all that is there was measured."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from bench.scenarios.coordination import COORDINATION, HOSTS


@pytest.mark.journey
async def test_a_small_run_measures_what_is_there_and_says_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(HOSTS, raising=False)
    monkeypatch.setattr("bench.scenarios.coordination.installed", lambda: False)
    told: list[str] = []
    options = argparse.Namespace(operations=40, tasks=4, singles=3, keys=500, log_dir=str(tmp_path))
    measured = await COORDINATION.run(options, told.append)
    for name in ("memory", "nats"):
        assert measured.figures[f"{name}_claims"].value > 0
        assert measured.figures[f"{name}_gets"].value > 0
        assert measured.figures[f"{name}_claim_p99_ms"].value > 0
    assert measured.figures["ring_moved"].value > 0
    assert any(line.startswith("no Aerospike here, not measured") for line in told)
