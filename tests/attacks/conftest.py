"""A running stack, as `oddswire up` starts it, and who attacks it: an outsider, and customers of their own accounts."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.journeys.stack_process import ODDSWIRE, StackProcess, free_port_base, stack

PHILADELPHIA = ("39.9526", "-75.1652")
SCOPES = "odds,props,history,stream,bets"
ANSWER_S = 30.0
COMMAND_S = 60.0


class Customer:
    """One account with its device; `token` may be another's, or rubbish."""

    def __init__(self, target: Target, account: str, token: str) -> None:
        self.target = target
        self.account = account
        self.token = token
        headers = {"Authorization": f"Bearer {token}", "Device-Id": "laptop", "Session-Id": "laptop"}
        self.http = httpx.Client(base_url=target.api, headers=headers, timeout=ANSWER_S)

    def packet(self, *at: str) -> str:
        """A location packet of this account's device."""
        lat, lon = at or PHILADELPHIA
        return self.target.command("dev", "locate", "--account", self.account, "--lat", lat, "--lon", lon)

    def receipt(self) -> str:
        """A receipt of being in Philadelphia."""
        said = self.http.post("/v1/geo/verifications", json={"packet": self.packet()})
        assert said.status_code == 201, said.text
        return str(said.json()["receipt"])

    def deposit(self, key: str, geo: str, amount: str = "100.00") -> httpx.Response:
        """Play money."""
        body = {"amount": amount, "currency": "USD", "geo": geo}
        return self.http.post("/v1/wallet/deposits", json=body, headers={"Idempotency-Key": key})

    def bet(self, key: str, geo: str, stake: str = "1.00", **changed: Any) -> httpx.Response:
        """A single on an open market of the moment."""
        leg = self.target.leg() | changed
        body = {"type": "single", "stake": stake, "currency": "USD", "legs": [leg], "geo": geo}
        return self.http.post("/v1/bets", json=body, headers={"Idempotency-Key": key})

    def cash(self) -> str:
        """What it has."""
        said = self.http.get("/v1/wallet")
        assert said.status_code == 200, said.text
        return str(said.json()["cash"])


class Target(NamedTuple):
    """The stack under attack."""

    process: StackProcess
    port: int
    home: Path
    customers: list[Customer]

    @property
    def api(self) -> str:
        """Of the gateway."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def stream(self) -> str:
        """Of the first shard."""
        return f"ws://127.0.0.1:{self.port + 100}/v1/stream"

    def command(self, *words: str) -> str:
        """What an `oddswire` command says."""
        done = subprocess.run(
            [ODDSWIRE, *words], cwd=self.home, capture_output=True, text=True, timeout=COMMAND_S, check=True
        )
        return done.stdout.strip()

    def customer(self, account: str, scopes: str = SCOPES) -> Customer:
        """Somebody with a token of his own."""
        token = self.command("dev", "token", "--account", account, "--scopes", scopes)
        self.customers.append(Customer(self, account, token))
        return self.customers[-1]

    def leg(self) -> dict[str, Any]:
        """An open selection."""
        events = httpx.get(f"{self.api}/v1/events", params={"state": "live"}, timeout=ANSWER_S).json()["items"]
        for event in events:
            if event["topic"].split(".")[1] in ("ncaaf", "ncaab"):
                continue  # college games are not bet on everywhere
            board = httpx.get(f"{self.api}/v1/events/{event['id']}/markets?class=main", timeout=ANSWER_S).json()
            for market in board["items"]:
                if market["st"] == "open" and market["x"][0]["st"] == "open":
                    one = market["x"][0]
                    return {
                        "market": market["id"],
                        "selection": one["id"],
                        "price": one["d"],
                        "s": market["s"],
                        "policy": "any",
                    }
        raise AssertionError("no market is open")


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One stack for all attacks, which must stand them all."""
    home, port = tmp_path_factory.mktemp("attacked"), free_port_base()
    with stack("--port", str(port), "--events", "12", "--rate", "20", cwd=home) as process:
        process.until("ready")
        target = Target(process, port, home, [])
        process.until_true(lambda: _answers(target))
        yield target
        for customer in target.customers:
            customer.http.close()
        assert target.command("ledger", "verify").startswith("ledger clean")
        assert process.end() == 0


def _answers(target: Target) -> bool:
    return httpx.get(f"{target.api}/ready", timeout=ANSWER_S).status_code == 200


def raw(port: int, *parts: bytes, wait_s: float = ANSWER_S) -> bytes:
    """Everything that comes back for bytes sent to a port, until the other side closes or says nothing for so long."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as line:
        for part in parts:
            line.sendall(part)
        answer = b""
        try:
            while piece := line.recv(65_536):
                answer += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def code_of(response: httpx.Response) -> str:
    """The problem's code; empty where it is none."""
    try:
        return str(response.json().get("code", ""))
    except (json.JSONDecodeError, AttributeError):
        return ""
