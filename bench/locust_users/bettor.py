"""An app of an account of its own: logs in, says where it is, follows its news, bets, cashes out now and then.

Its news come by websocket-client, Locust's own dependency, which gevent makes cooperative: a ticket is bought by REST
for every connection, in the user's own greenlet.
"""

from __future__ import annotations

import random
import secrets
import time
from pathlib import Path
from typing import Any

import gevent
import orjson
import websocket
from locust import between, task

from bench.locust_users import telling
from bench.locust_users.reader import Reader
from bench.residence import packet
from fanout.contract.account import AccountReplica
from fanout.contract.replica import Message
from gateway.access.development import development_keys
from gateway.location.development import development_keys as location_keys

CONNECT_S = 10.0
SILENCE_S = 15.0
"""Three heartbeats."""

TOKEN_S = 3_600
RECEIPT_USED_S = 30.0
"""A receipt is used for so long, which is less than it lives there."""

BUSY = 503
DEFERRED_S = 1.0
ATTEMPTS = 6
PAUSE_S = 0.2
RETRIED = frozenset({202, 429, 500, 502, 503, 504, 0})


class Bettor(Reader):
    """An app of an account of its own: logs in, says where it is, follows its news, bets, cashes out now and then."""

    weight = 2
    wait_time = between(0.5, 2.0)

    def on_start(self) -> None:
        """Logs in, locates, brings money in, and listens."""
        super().on_start()
        place = Path(self.environment.parsed_options.data_dir)
        self._account = f"locust-{secrets.token_hex(6)}"
        self._signer = location_keys(place)
        token = development_keys(place).token(self._account, ("odds", "bets", "stream"), ttl_s=TOKEN_S)
        self.headers = {"Authorization": f"Bearer {token}", "Device-Id": "locust", "Session-Id": self._account}
        self._receipt, self._receipt_ends_s = "", 0.0
        self.replica = AccountReplica()
        self._post("/v1/wallet/deposits", {"amount": "1000.00", "currency": "USD", "geo": self._geo()}, "deposit")
        self._listening = gevent.spawn(self._listen)

    def on_stop(self) -> None:
        """Hangs up."""
        self._listening.kill()

    @task(4)
    def bet(self) -> None:
        """A single on an open market of some game."""
        if not self.games:
            return
        board = self.board("main")
        items = () if board is None else board["items"]
        markets = [one for one in items if one["st"] == "open" and one["x"] and one["x"][0]["d"]]
        if not markets:
            self.look()
            return
        market = random.choice(markets)
        one = market["x"][0]
        leg = {"market": market["id"], "selection": one["id"], "price": one["d"], "s": market["s"], "policy": "any"}
        stake = f"1.{random.randrange(100):02d}"
        body = {"type": "single", "stake": stake, "currency": "USD", "legs": [leg], "geo": self._geo()}
        self._post("/v1/bets", body, "bet")

    @task(1)
    def cash_out(self) -> None:
        """Asks what is given for a running bet, and takes it."""
        if not self.games or not self.replica.bets:
            return
        path = f"/v1/bets/{random.choice(list(self.replica.bets))}/cash-out"
        with self.client.get(path, headers=self.headers, name="cash-out offer", catch_response=True) as answer:
            if answer.status_code in (404, 409):
                answer.success()  # the market is shut, or the bet has ended
            if answer.status_code != 200:
                return
            offer = orjson.loads(answer.content)
        self._post(path, {"offer": offer["offer"], "stake": offer["stake"], "geo": self._geo()}, "cash-out")

    def _post(self, path: str, body: dict[str, Any], name: str) -> None:
        """Under one key, until there is an answer: a write is done once however often it is sent."""
        headers = {**self.headers, "Idempotency-Key": secrets.token_hex(16), "Content-Type": "application/json"}
        for attempt in range(ATTEMPTS):
            with self.client.post(
                path, data=orjson.dumps(body).decode(), headers=headers, name=name, catch_response=True
            ) as answer:
                if answer.status_code in (200, 201, 409) or _is_of_a_place(answer.content):
                    answer.success()  # refused for what the odds, the bet or the rules are by now
                    return
                if answer.status_code in RETRIED:
                    answer.success()  # what the last attempt says counts
            gevent.sleep(random.uniform(0, PAUSE_S * 2**attempt))
        telling.took(self.environment, f"{name}, given up", time.monotonic(), error=TimeoutError(name))

    def _geo(self) -> str:
        """A receipt that lives for a while yet."""
        if time.time() < self._receipt_ends_s:
            return self._receipt
        said = packet(self._account, device="locust", session=self._account, now_s=int(time.time()))
        body = orjson.dumps({"packet": self._signer.sign(said)}).decode()
        headers = {**self.headers, "Content-Type": "application/json"}
        answer = self.client.post("/v1/geo/verifications", data=body, headers=headers, name="locate")
        if answer.status_code == 201:
            self._receipt = str(orjson.loads(answer.content)["receipt"])
            self._receipt_ends_s = time.time() + RECEIPT_USED_S
        return self._receipt

    def _listen(self) -> None:
        """The account's news, over as many sockets as it takes."""
        while True:
            began_s = time.monotonic()
            try:
                stream = self.endpoint()
                socket = websocket.create_connection(f"{stream}?ticket={self._ticket()}", timeout=CONNECT_S)
                try:
                    socket.send('{"op":"subscribe","id":1,"topics":["account"]}')
                    socket.settimeout(SILENCE_S)
                    self._follow(socket)
                finally:
                    socket.close()
            except websocket.WebSocketBadStatusException as refused:
                is_busy = refused.status_code == BUSY  # a shard that takes nobody now says when to come again
                name = "account, deferred" if is_busy else "account"
                telling.took(self.environment, name, began_s, error=None if is_busy else refused)
                gevent.sleep(random.uniform(DEFERRED_S, 2 * DEFERRED_S))
            except (websocket.WebSocketException, OSError, KeyError) as error:
                telling.took(self.environment, "account", began_s, error=error)
                gevent.sleep(random.uniform(0, 1.0))

    def _follow(self, socket: websocket.WebSocket) -> None:
        while True:
            data = socket.recv()
            message: Message = orjson.loads(data)
            if message["t"] != "account":
                continue
            shown = self.replica.receive(message)
            if shown and message["kind"] != "state":
                telling.news(self.environment, message, len(data))
            if self.replica.missing is not None:
                self._recover(self.replica.missing)

    def _recover(self, after: int) -> None:
        """What was told while nobody listened."""
        answer = self.client.get(f"/v1/account/events?after={after}", headers=self.headers, name="/v1/account/events")
        if answer.status_code == 200:
            self.replica.recovered(orjson.loads(answer.content)["items"])
        if self.replica.missing == after:
            raise websocket.WebSocketException(f"a hole after {after} that nobody fills")

    def _ticket(self) -> str:
        body = '{"topics":["account"]}'
        headers = {**self.headers, "Content-Type": "application/json"}
        answer = self.client.post("/v1/stream/tickets", data=body, headers=headers, name="/v1/stream/tickets")
        return str(orjson.loads(answer.content or b"{}")["ticket"])


def _is_of_a_place(body: bytes | None) -> bool:
    """Whether it is refused by the rules of the place, which are those of a market, too."""
    return str(orjson.loads(body or b"{}").get("code", "")).startswith("geo_market")
