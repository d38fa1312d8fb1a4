"""The scenarios of a whole stack, small, against one that they start; and against one that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from bench.recording import recorded
from bench.scenarios import spike
from tests.journeys.stack_process import free_port_base, stack

pytestmark = pytest.mark.journey

SMALL = ("--devices", "30", "--events", "6", "--rate", "60", "--warm-up", "1")
SPIKE = ("--before", "2", "--after", "2", "--connects", "1", "--reads", "4", "--bets", "1", "--stay", "2")
SIZE = {
    "sockets": 30, "events": 6, "rate": 60, "warm_up": 0.5, "tier": 100, "target": None, "nats": None,
    "database": None, "data_dir": None, "before": 1.0, "seconds": 2.0, "after": 1.0, "connects": 1, "reads": 4,
    "bets": 1, "stay": 1.5, "accounts": 8, "api_key": "",
}  # fmt: skip


def values(measured: Any) -> dict[str, float]:
    return {name: one.value for name, one in measured.figures.items()}


@pytest.mark.timeout(180)
async def test_a_small_spike_leaves_every_bet_and_every_device_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spike, "SETTLES_S", 0.5)
    told: list[str] = []
    with recorded() as recording:
        figures = values(await spike.SPIKE.run(Namespace(**SIZE, log_dir=str(tmp_path)), told.append))
    assert figures["wrong_bets"] == figures["lost_updates"] == figures["bets_without_answer"] == 0, told
    assert figures["bets_placed"] > 20
    assert figures["devices_in_the_end"] >= 30
    assert figures["offered_share"] == 1
    assert {limit.figure for limit in spike.LIMITS} <= figures.keys()
    names = [phase.name for phase in recording.timeline().phases]
    assert names == ["joining", "warm-up", "before", "spike", "settling", "after", "checking"]
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 it is over


def bench(*words: str, cwd: Path) -> dict[str, Any]:
    """What a scenario measured whose bounds were all met."""
    words = (*words, "--json", "result.json", "--html", "result.html")
    ran = subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=cwd, capture_output=True, check=False, text=True, timeout=200
    )
    assert ran.returncode == 0, ran.stdout[-3_000:] + ran.stderr[-3_000:]
    assert "Latency over time" in (cwd / "result.html").read_text()
    result: dict[str, Any] = json.loads((cwd / "result.json").read_bytes())
    return {name: figure["value"] for name, figure in result["figures"].items()}


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_a_herd_comes_back_from_its_cursors(tmp_path: Path) -> None:
    figures = bench("herd", *SMALL, "--duration", "6", cwd=tmp_path)
    assert figures["back_share"] == figures["resumed_share"] == 1


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_devices_of_a_drained_shard_move_and_miss_nothing(tmp_path: Path) -> None:
    figures = bench("drain", *SMALL, "--duration", "8", "--window", "2", cwd=tmp_path)
    assert figures["moved_share"] == 1
    assert figures["answered_by_image"] == 0


@pytest.mark.proof
@pytest.mark.timeout(400)
def test_a_stack_that_runs_is_a_target(tmp_path: Path) -> None:
    port = free_port_base()
    with stack("--events", "6", "--rate", "60", "--shards", "1", "--port", str(port), cwd=tmp_path) as up:
        up.until("ready in")
        where = ("--target", f"http://127.0.0.1:{port}", "--data-dir", ".oddswire")
        figures = bench("spike", *SMALL, *SPIKE, "--duration", "4", "--accounts", "8", *where, cwd=tmp_path)
        assert figures["wrong_bets"] == 0
        assert figures["bets_placed"] > 20
        unknown = bench("spike", *SMALL, *SPIKE, "--duration", "4", "--target", where[1], cwd=tmp_path)
        assert unknown["lost_updates"] == 0
        assert "wrong_bets" not in unknown
