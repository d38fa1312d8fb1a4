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
@pytest.mark.timeout(300)
def test_a_master_and_two_workers_share_the_users_and_count_together(tmp_path: Path) -> None:
    port = free_port_base()
    locust = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE)]
    at = ("--master-bind-port", str(port + 50))
    with stack(*SMALL, "--port", str(port), cwd=tmp_path) as up:
        up.until("ready in")
        how = ("--master", *at, "--expect-workers", "2", "--headless", "-u", "8", "-r", "8", "-t", "12s")
        where = ("-H", f"http://127.0.0.1:{port}", "--stream", f"ws://127.0.0.1:{port + 100}/v1/stream")
        master = subprocess.Popen([*locust, *how, "--stop-timeout", "5", "--csv", "run", *where], cwd=tmp_path)
        to = ("--worker", "--master-host", "127.0.0.1", "--master-port", str(port + 50))
        workers = [subprocess.Popen([*locust, *to], cwd=tmp_path) for _ in range(2)]
        try:
            assert master.wait(100) == 0
            assert [worker.wait(30) for worker in workers] == [0, 0]
        finally:
            for process in (master, *workers):
                process.kill()
                process.wait()
    rows = {row["Name"]: row for row in csv.DictReader((tmp_path / "run_stats.csv").read_text().splitlines())}
    assert {name: row["Failure Count"] for name, row in rows.items() if row["Failure Count"] != "0"} == {}
    assert int(rows["/v1/events"]["Request Count"]) >= 8
    for seen in ("board", "resume", "delta"):
        assert int(rows[seen]["Request Count"]) > 0, seen


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
    for seen in ("/v1/events", "board", "board, main", "connect", "catch-up", "resume", "delta", "provider to app"):
        assert int(rows[seen]["Request Count"]) > 0, seen
    assert "gevent" not in sys.modules
