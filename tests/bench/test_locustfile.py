"""Locust's users against a small stack, in processes of their own: nothing of gevent reaches this one."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.stack_process import free_port_base, stack

pytestmark = pytest.mark.journey

LOCUSTFILE = Path(__file__).parents[2] / "bench/locustfile.py"
SMALL = ("--events", "6", "--rate", "60", "--shards", "1", "--parts", "nats,feeds,fanout,gateway")
RUN_S = 5


@pytest.mark.proof
def test_apps_bet_cash_out_and_hear_of_it(tmp_path: Path) -> None:
    port = free_port_base()
    with stack("--events", "20", "--rate", "60", "--shards", "1", "--port", str(port), cwd=tmp_path) as up:
        if not any(line.startswith("news tells") for line in up.until("ready in")):
            up.until("news tells")
        how = ("--headless", "-u", "6", "-r", "6", "-t", "15s", "--stop-timeout", "5", "--csv", "run", "Bettor")
        where = ("-H", f"http://127.0.0.1:{port}", "--stream", f"ws://127.0.0.1:{port + 100}/v1/stream")
        ran = subprocess.run(
            [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *how, *where, "--data-dir", ".oddswire"],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            text=True,
            timeout=100,
        )
        assert ran.returncode == 0, ran.stdout[-2_000:] + ran.stderr[-2_000:]
    rows = {row["Name"]: row for row in csv.DictReader((tmp_path / "run_stats.csv").read_text().splitlines())}
    assert {name: row["Failure Count"] for name, row in rows.items() if row["Failure Count"] != "0"} == {}
    for seen in ("locate", "deposit", "bet", "news", "cash-out offer", "cash-out"):
        assert int(rows[seen]["Request Count"]) > 0, seen


def test_a_short_run_sees_boards_and_deltas_and_no_failure(tmp_path: Path) -> None:
    port = free_port_base()
    with stack(*SMALL, "--port", str(port), cwd=tmp_path) as up:
        up.until("ready in")
        how = ("--headless", "-u", "6", "-r", "6", "-t", f"{RUN_S}s", "--stop-timeout", "5", "--csv", "run")
        where = ("-H", f"http://127.0.0.1:{port}", "--stream", f"ws://127.0.0.1:{port + 100}/v1/stream")
        ran = subprocess.run(
            [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *how, *where],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            text=True,
            timeout=100,
        )
        assert ran.returncode == 0, ran.stdout[-2_000:] + ran.stderr[-2_000:]
    rows = {row["Name"]: row for row in csv.DictReader((tmp_path / "run_stats.csv").read_text().splitlines())}
    assert {name: row["Failure Count"] for name, row in rows.items() if row["Failure Count"] != "0"} == {}
    for seen in ("/v1/events", "board", "board, main", "connect", "catch-up", "delta", "provider to app"):
        assert int(rows[seen]["Request Count"]) > 0, seen
    assert "gevent" not in sys.modules
