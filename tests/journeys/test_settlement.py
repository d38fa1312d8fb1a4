"""A bet from the price to the payout: `oddswire up` with short games, play money, and a settler that was killed."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.stack_process import ODDSWIRE, StackProcess, stack

pytestmark = pytest.mark.journey

GAME_S = 10
HERE = {"lat": "39.9526", "lon": "-75.1652"}
SETTLED_WITHIN_S = 120


def dev(home: Path, *words: str) -> str:
    done = subprocess.run(
        [str(ODDSWIRE), "dev", *words, "--account", "alice"], capture_output=True, check=True, cwd=home, text=True
    )
    return done.stdout.strip()


class Alice:
    """Somebody in Philadelphia with 1,000.00."""

    def __init__(self, client: httpx.Client, home: Path) -> None:
        self._client = client
        token = dev(home, "token", "--scopes", "odds,bets")
        client.headers.update({"authorization": f"Bearer {token}", "device-id": "laptop", "session-id": "laptop"})
        packet = dev(home, "locate", "--lat", HERE["lat"], "--lon", HERE["lon"])
        self._geo = self.post("/v1/geo/verifications", {"packet": packet}, expect=201)["receipt"]
        self._keys = 0
        self.post("/v1/wallet/deposits", {"amount": "1000.00", "currency": "USD", "geo": self._geo}, expect=201)

    def post(self, path: str, body: dict[str, Any], *, expect: int | None = None) -> dict[str, Any]:
        self._keys = getattr(self, "_keys", 0) + 1
        said = self._client.post(path, json=body, headers={"idempotency-key": f"journey-key-{self._keys:06d}"})
        assert expect is None or said.status_code == expect, said.text
        told: dict[str, Any] = said.json() | {"status": said.status_code}
        return told

    def get(self, path: str) -> Any:
        said = self._client.get(path)
        assert said.status_code == 200, said.text
        return said.json()

    def bet(self, event: str) -> str | None:
        """A bet of 10.00 on an open main market of an event; None where none is taken now."""
        for market in self.get(f"/v1/events/{event}/markets?class=main")["items"]:
            if market["st"] != "open":
                continue
            first = market["x"][0]
            leg = {"market": market["id"], "selection": first["id"], "price": first["d"], "s": 0, "policy": "any"}
            body = {"type": "single", "stake": "10.00", "currency": "USD", "legs": [leg], "geo": self._geo}
            placed = self.post("/v1/bets", body)
            if placed["status"] == 201:
                return str(placed["id"])
        return None


def until_settled(alice: Alice, up: StackProcess) -> list[dict[str, Any]]:
    """Bets on every event there is, again and again, until some of them were settled."""
    until_s = time.monotonic() + SETTLED_WITHIN_S
    bet_on: set[str] = set()
    while time.monotonic() < until_s:
        for event in alice.get("/v1/events")["items"]:
            if event["state"] != "ended" and event["id"] not in bet_on and alice.bet(event["id"]):
                bet_on.add(event["id"])
        settled = [bet for bet in alice.get("/v1/bets")["items"] if bet["state"] in ("won", "lost", "void")]
        if settled:
            return settled
        time.sleep(0.2)
    pytest.fail(f"nothing was settled: {alice.get('/v1/bets')}")


def test_bets_are_settled_by_what_the_simulator_says(port: int, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODDSWIRE_FEED_GAME_S", str(GAME_S))
    options = ("--events", "6", "--rate", "200", "--shards", "1", "--port", str(port))
    with stack(*options, cwd=home) as up, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        up.until("ready in")
        up.part("gateway settler").kill()
        up.until("settler is ready again")
        alice = Alice(client, home)
        for bet in until_settled(alice, up):
            assert (bet["payout"] == "0.00") == (bet["state"] == "lost")
            assert bet["revision"] >= 1
        verified = subprocess.run(
            [str(ODDSWIRE), "ledger", "verify"], capture_output=True, check=False, cwd=home, text=True
        )
        assert verified.returncode == 0, verified.stdout
        assert "bets recounted" in verified.stdout
        assert json.loads(client.get("/v1/wallet").text)["receivable"] == "0.00"
        assert up.end() == 0
