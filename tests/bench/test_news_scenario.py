"""The scenario of account news, small. No time is asserted, only that everything came."""

from __future__ import annotations

import argparse

import pytest

from bench.scenarios.news import NEWS

pytestmark = pytest.mark.journey


async def test_a_small_run_loses_nothing() -> None:
    options = argparse.Namespace(accounts=10, rate=50, seconds=0.5)
    measured = await NEWS.run(options, lambda _: None)
    assert {limit.figure for limit in NEWS.limits} <= set(measured.figures)
    assert measured.figures["after_a_kill_missing"].value == measured.figures["holes"].value == 0
    assert measured.figures["transaction_to_device_p99_ms"].value > 0
