"""`oddswire up` with its real parts: it comes up, heals, refuses, and leaves nothing behind however it ends."""

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.journeys.stack_process import ODDSWIRE, files_beside_data_dir, free_port_base, stack

pytestmark = pytest.mark.journey

SMALL = ("--events", "6", "--rate", "50")


def test_it_says_where_everything_is_and_ends_without_a_trace(port: int, home: Path) -> None:
    with stack(*SMALL, "--port", str(port), cwd=home) as up:
        lines = up.until("ready in")
        beside = [line for line in lines if line.startswith(("postgres ", "archive ", "news ", "settler "))]
        line = [said for said in lines if said not in beside]
        assert re.fullmatch(r"nats nats://127\.0\.0\.1:\d+", line[0])
        assert line[1:-2] == [
            "feed simulator, 6 events, 50 updates/s",
            f"fanout-1 ws://127.0.0.1:{port + 100}/v1/stream",
            f"fanout-2 ws://127.0.0.1:{port + 101}/v1/stream",
            f"gateway http://127.0.0.1:{port}, desk http://127.0.0.1:{port}/desk, docs http://127.0.0.1:{port}/docs",
        ]
        assert re.fullmatch(r"api key: ow_[0-9a-f]{12}_[0-9a-f]{64}", line[-2])
        assert re.fullmatch(r"postgres postgresql://127\.0\.0\.1:\d+", beside[0])
        assert sorted(beside[1:]) == [
            "archive keeps every change",
            "news tells accounts what becomes of their bets",
            "settler settles bets by what feeds say",
        ]
        assert re.fullmatch(r"ready in \d+\.\d s", lines[-1])
        for offset in (0, 100, 101):
            socket.create_connection(("127.0.0.1", port + offset), timeout=5).close()
        assert len(up.pids()) == 9
        assert up.end(signal.SIGTERM) == 0
        assert up.processes() == []
        assert up.rest() == ["stopped"]
    assert files_beside_data_dir(home) == []


def test_kill_9_of_up_leaves_no_process_and_the_next_up_starts(port: int, home: Path) -> None:
    options = (*SMALL, "--port", str(port), "--shards", "1")
    with stack(*options, cwd=home) as up:
        up.until("ready in")
        assert up.end(signal.SIGKILL) == -signal.SIGKILL
        up.until_gone()
    with stack(*options, cwd=home) as up:
        up.until("ready in")
        assert up.end(signal.SIGINT) == 0
        assert up.processes() == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nats", "nats-server -c"),
        ("feed", "feeds run"),
        ("fanout-1", "--name fanout-1"),
        ("archive", "gateway archive"),
        ("news", "gateway news"),
        ("gateway", "gateway serve"),
    ],
)
def test_a_part_that_is_killed_comes_back_alone(name: str, words: str, port: int, home: Path) -> None:
    with stack(*SMALL, "--port", str(port), cwd=home) as up:
        up.until("ready in")
        before = up.pids()
        killed = up.part(words)
        killed.kill()
        assert up.until(f"{name} is ready again") == [
            f"{name} died, by SIGKILL; starting it again in 0.25 s",
            f"{name} is ready again",
        ]
        assert before - up.pids() == {killed.pid}
        assert up.end() == 0


def test_a_killed_leader_is_replaced_once_and_comes_back(port: int, home: Path) -> None:
    options = (*SMALL, "--ingestors", "2", "--shards", "1", "--port", str(port))
    with stack(*options, cwd=home) as up:
        up.until("ready in")
        logs = {name: home / ".oddswire" / "logs" / f"{name}.log" for name in ("feed-1", "feed-2")}
        [leader] = [name for name, log in logs.items() if "feed simulator ready" in log.read_text()]
        [owner] = re.findall(r'"owner":"[^"]*-(\d+)-[0-9a-f]+-1"', logs[leader].read_text())
        psutil.Process(int(owner)).kill()
        up.until(f"{leader} is ready again")
        # Usually the other one leads by then; on a busy machine the first may be back before its lease is over.
        up.until_true(lambda: sum(log.read_text().count("feed simulator ready") for log in logs.values()) == 2)
        assert up.end() == 0


def test_watch_finds_the_stack_and_sees_prices(port: int, home: Path) -> None:
    with stack("--port", str(port), cwd=home) as up:
        up.until("ready in")
        watch = [str(ODDSWIRE), "watch", "football", "--json", "--for", "3"]
        watched = subprocess.run(watch, capture_output=True, check=False, cwd=home, text=True, timeout=30)
        assert watched.returncode == 0
        assert re.search(f":({port + 100}|{port + 101})/v1/stream", watched.stderr)
        for command in (["history", "holes"], ["migrate"]):
            asked = subprocess.run([str(ODDSWIRE), *command], capture_output=True, check=False, cwd=home, timeout=30)
            assert (asked.returncode, asked.stdout) == (0, b""), asked.stderr
        kinds = {json.loads(line)["t"] for line in watched.stdout.splitlines()}
        assert {"img", "live", "d"} <= kinds
        assert up.end() == 0


def test_a_busy_port_is_named_before_anything_starts(port: int, home: Path) -> None:
    with socket.create_server(("127.0.0.1", port + 101)), stack("--port", str(port), cwd=home) as up:
        assert up.wait() == 2
        assert up.rest() == [
            f"oddswire up: port {port + 101} on 127.0.0.1, for fanout-2, is busy; choose others with --port"
        ]


def test_two_stacks_cannot_share_a_data_dir(port: int, home: Path) -> None:
    with stack("--parts", "nats", "--port", str(port), cwd=home) as up:
        up.until("ready in")
        with stack("--parts", "nats", "--port", str(free_port_base()), cwd=home) as second:
            assert second.wait() == 2
            assert second.rest() == [f"oddswire up: data dir .oddswire is in use by `oddswire up`, process {up.pid}"]
        assert up.end() == 0


def test_shards_can_follow_a_nats_that_runs_elsewhere(port: int, home: Path) -> None:
    with stack(*SMALL, "--parts", "nats,feeds", "--port", str(port), "--data-dir", "log", cwd=home) as log:
        nats, feed, _ = log.until("ready in")
        assert feed.startswith("feed ")
        url = nats.removeprefix("nats ")
        shards = ("--nats", url, "--parts", "fanout", "--shards", "1", "--port", str(port), "--data-dir", "shards")
        with stack(*shards, cwd=home) as up:
            assert up.until("ready in")[:-1] == [f"fanout-1 ws://127.0.0.1:{port + 100}/v1/stream"]
            assert up.end() == 0
        assert log.end() == 0
