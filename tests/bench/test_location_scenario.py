"""The scenario of locations, small. No time is asserted, only that all of it was measured."""

from __future__ import annotations

import argparse

from bench.scenarios.location import LOCATION


async def test_a_small_run_measures_everything() -> None:
    measured = await LOCATION.run(argparse.Namespace(packets=20, seconds=0.01), lambda _: None)
    wanted = {limit.figure for limit in LOCATION.limits} | {"es256_per_cpu_s", "half_rate"}
    assert wanted <= set(measured.figures)
    assert all(measured.figures[name].value > 0 for name in wanted)
