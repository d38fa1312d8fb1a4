"""The scenario of locations, small. No time is asserted, only that all of it was measured."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.scenarios.location import LOCATION


async def test_a_small_run_measures_everything(tmp_path: Path) -> None:
    measured = await LOCATION.run(argparse.Namespace(packets=40, seconds=0.01, data_dir=str(tmp_path)), lambda _: None)
    wanted = {limit.figure for limit in LOCATION.limits} | {
        "es256_per_cpu_s",
        "half_rate",
        "recorded_per_cpu_s",
        "recorded_half_rate_p99_ms",
    }
    assert wanted <= set(measured.figures)
    assert all(measured.figures[name].value > 0 for name in wanted)
