"""The scenario of overlays, small. No time is asserted, only that all of it was measured."""

from __future__ import annotations

import argparse

from bench.scenarios.overlays import OVERLAYS


async def test_a_small_run_measures_every_way() -> None:
    told: list[str] = []
    measured = await OVERLAYS.run(argparse.Namespace(events=3), told.append)
    ways = ("no", "other_events", "a_market_of_each_event", "every_event")
    assert set(measured.figures) == {"click_on_a_sport", *(f"state_under_{way}" for way in ways)}
    assert all(figure.value > 0 for figure in measured.figures.values())
    assert len(told) == len(ways)
