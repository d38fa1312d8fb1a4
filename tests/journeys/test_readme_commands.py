"""What README tells a newcomer to type: every command line for the API and the stream runs against a running stack,
whose API has two workers; and schemathesis finds no answer there that is not described."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.journeys.stack_process import ODDSWIRE, StackProcess, stack

pytestmark = pytest.mark.journey

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "fanout/PROTOCOL.md")
STREAMING = "curl -N"
WITHIN_S = 60

HOOKS = """
import schemathesis

@schemathesis.hook
def filter_query(context, query):
    return query is None or sum(len(str(value)) for value in query.values()) < 2_000
"""
"""An address of more than 64 KB is refused by Granian itself, with a bare 414."""


def commands() -> list[list[str]]:
    """The blocks of both pages that ask something by curl, a command a line."""
    blocks: list[list[str]] = [[]]
    for page in PAGES:
        for line in (ROOT / page).read_text().splitlines():
            if line.startswith("```"):
                blocks.append([])
            elif line.startswith("curl "):
                blocks[-1].append(line)
    return [block for block in blocks if block]


def betting() -> str:
    """README's block about a bet: one script."""
    [block] = [text for text in (ROOT / "README.md").read_text().split("```") if "/bets -i" in text]
    return block


def run(lines: list[str], *, port: int, event: dict[str, str], place: Path) -> list[str]:
    """What each line of a block says; what streams is heard until it is live."""
    told = []
    for line in lines:
        words = line.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("127.0.0.1:8100", f"127.0.0.1:{port + 100}")
        words = words.replace("football.nfl.E1", event["topic"]).replace("E1", event["id"])
        command = ["bash", "-c", f"exec {words}"]
        if STREAMING in line:
            told.append(_heard(command, place))
        else:
            done = subprocess.run(command, capture_output=True, check=True, cwd=place, text=True, timeout=WITHIN_S)
            told.append(done.stdout)
    return told


def _heard(command: list[str], place: Path) -> str:
    listening = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ending = threading.Timer(WITHIN_S, listening.kill)
    ending.start()
    heard = ""
    with listening:
        assert listening.stdout is not None
        for line in listening.stdout:
            heard += line
            if line.startswith("event: live"):
                break
        listening.kill()
        ending.cancel()
    return heard


def fuzz(url: str, key: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Runs schemathesis, bounded in examples. A refusal is a refusal by whichever limit it is met first."""
    (place / "hooks.py").write_text(HOOKS)
    (place / "schemathesis.toml").write_text('[checks.negative_data_rejection]\nexpected-statuses = ["4xx"]\n')
    words = ("run", f"{url}/openapi.json", "--checks", "all", "--max-examples", "6", "--generation-deterministic")
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *words,
            # A page token that is well formed may be made up; two credentials at once are refused before the method is.
            *("--exclude-checks", "positive_data_acceptance,unsupported_method"),
            *("--phases", "coverage,fuzzing", "--no-color", "-H", f"X-API-Key: {key}"),
        ],
        capture_output=True,
        check=False,
        cwd=place,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "hooks"},
        text=True,
        timeout=100,
    )


def key_of(lines: list[str]) -> str:
    [key] = [line.removeprefix("api key: ") for line in lines if line.startswith("api key: ")]
    return key


def workers_told(client: httpx.Client) -> set[str]:
    """The workers whose metrics are told, whichever was asked."""
    return set(re.findall(r'oddswire_gateway_records_total\{worker="(\d)"\}', client.get("/metrics").text))


def test_what_readme_says_can_be_typed(port: int, home: Path, tmp_path: Path) -> None:
    options = ("--events", "20", "--rate", "50", "--api-workers", "2", "--port", str(port))
    with stack(*options, cwd=home) as up, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        lines = up.until("ready in")
        _type_all(client, port, tmp_path)
        _bet(client, port, home)
        _ask_with_a_key(client, key_of(lines))
        _workers(up, client)
        done = fuzz(f"http://127.0.0.1:{port}", key_of(lines), tmp_path)
        assert done.returncode == 0, done.stdout[-3_000:]
        assert "❌" not in done.stdout, done.stdout[-3_000:]
        assert up.end() == 0


def _type_all(client: httpx.Client, port: int, place: Path) -> None:
    first = client.get("/v1/events").json()["items"][0]["id"]
    event = client.get(f"/v1/events/{first}").json()
    told = [run(lines, port=port, event=event, place=place) for lines in commands()]
    flat = "\n".join(text for block in told for text in block)
    assert len(told) >= 3, "README and PROTOCOL.md have three blocks of them"
    assert '"items":[' in flat
    assert "event: live" in flat
    [board_then_stream] = [block for lines, block in zip(commands(), told) if any("head.txt" in line for line in lines)]
    assert "event: img" not in board_then_stream[1], "it goes on from the board: no image"
    assert "event: live" in board_then_stream[1]


def _bet(client: httpx.Client, port: int, home: Path) -> None:
    """One bet and its replay, word for word; and the same from the other bank of the river."""
    event = _college_game(client)
    script = betting().replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("E1", event)
    script = script.replace(".venv/bin/oddswire", str(ODDSWIRE))
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, check=False, cwd=home, text=True, timeout=WITHIN_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^HTTP/1.1 (\d+)", done.stdout, re.MULTILINE) == ["201", "201"], done.stdout
    assert done.stdout.count("idempotency-replayed: true") == 1
    [first, second] = re.findall(r'^{"id":"B.*$', done.stdout, re.MULTILINE)
    assert first == second
    assert '"cash":"90.00","open_stakes":"10.00"' in done.stdout
    assert '"code":"geo_market_not_allowed"' in done.stdout, done.stdout
    assert re.search(r"^\S+  check  accepted  US-NJ  network 127.0.0.0/24", done.stdout, re.MULTILINE)
    assert re.search(
        r"^\S+  bet  geo_market_not_allowed  US-NJ  \S+  by nj-no-\S+  network 127", done.stdout, re.MULTILINE
    )


def _college_game(client: httpx.Client) -> str:
    """One of which something can be bet on, most of it; before it begins, where there is one: then it stays so."""

    def open_markets(event: str) -> int:
        items = client.get(f"/v1/events/{event}/markets?class=main").json()["items"]
        return sum(market["st"] == "open" for market in items)

    found = client.get("/v1/events?league=ncaaf").json()["items"]
    games: list[str] = [item["id"] for item in found if item["state"] != "live"] or [item["id"] for item in found]
    return max(games, key=open_markets)


def _ask_with_a_key(client: httpx.Client, key: str) -> None:
    """Every address of the API once, by who may."""
    client.headers["X-API-Key"] = key
    board = client.get("/v1/events").json()["items"][0]["id"]
    market = client.get(f"/v1/events/{board}/markets").json()["items"][0]["id"]
    for path in (
        *("/v1/sports", "/v1/leagues", "/v1/futures", f"/v1/events/{board}/markets?class=alternate"),
        *(f"/v1/markets/{market}", f"/v1/markets/{market}/history", f"/v1/markets/{market}/history?interval=1h"),
        *(
            f"/v1/markets/{market}/line",
            f"/v1/events/{board}/markets?as_of=2200-01-01T00:00:00Z",
            "/v1/stream/endpoint",
        ),
    ):
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
    assert client.post("/v1/stream/tickets").status_code == 201
    del client.headers["X-API-Key"]
    assert client.post("/v1/stream/tickets").status_code == 401


def _workers(up: StackProcess, client: httpx.Client) -> None:
    """Metrics tell both; one that is killed comes back, and meanwhile the other answers."""
    up.until_true(lambda: workers_told(client) == {"1", "2"})
    killed = up.part("--worker 1 ")
    killed.kill()
    up.until_true(lambda: _answers(client) and workers_told(client) == {"2"})
    up.until_true(lambda: _answers(client) and workers_told(client) == {"1", "2"})


def _answers(client: httpx.Client) -> bool:
    """Whether a worker does: the connection to the one that was killed is gone."""
    try:
        return client.get("/ready").status_code == 200
    except httpx.TransportError:
        return False
