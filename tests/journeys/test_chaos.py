"""Random faults over a whole stack in use, by seeds; everything that must hold does. `bench chaos` is the same."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import pytest

from bench.chaos.run import Outcome
from bench.main import _parser
from bench.scenarios.chaos import CHAOS
from bench.scenarios.mixed_soak import MIXED_SOAK

pytestmark = pytest.mark.journey

BUSY = ("--converged-s", "20", "--slack-s", "5")
"""What S4 and S7 promise in time is for a machine that does nothing else; tests share theirs."""


def options(*words: str) -> argparse.Namespace:
    return _parser().parse_args([*words, *BUSY])


async def chaos(tmp_path: Path, *words: str) -> list[Outcome]:
    report = tmp_path / "chaos.json"
    measured = await CHAOS.run(options("chaos", *words, "--report", str(report)), print)
    outcomes = msgspec.json.decode(report.read_bytes(), type=list[Outcome])
    assert [outcome.violations for outcome in outcomes if outcome.violations] == []
    assert measured.figures["violations"].value == 0
    return outcomes


@pytest.mark.timeout(600)
async def test_six_seeds_leave_nothing_that_must_not_be(tmp_path: Path) -> None:
    load = (
        "--devices",
        "8",
        "--customers",
        "5",
        "--readers",
        "1",
        "--rate",
        "40",
        "--pause-s",
        "0.7",
        "--workers",
        "1",
    )
    outcomes = await chaos(tmp_path, "--seeds", "6", "--seconds", "15", *load)
    assert [outcome.plan.seed for outcome in outcomes] == [1, 2, 3, 4, 5, 6]
    assert all(outcome.bets and outcome.frames for outcome in outcomes)


@pytest.mark.proof
@pytest.mark.timeout(3_000)
async def test_sixty_seeds(tmp_path: Path) -> None:
    assert len(await chaos(tmp_path, "--seeds", "60", "--seconds", "15")) == 60


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_a_short_soak_with_every_process_restarted() -> None:
    measured = await MIXED_SOAK.run(options("mixed-soak", "--duration", "90"), print)
    assert measured.figures["violations"].value == 0
    assert measured.figures["deaths_by_themselves"].value == 0
    assert measured.figures["restarts"].value == 13
    assert measured.figures["answered_in_time"].value >= 0.99
