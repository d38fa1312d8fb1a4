"""Locust users of the API: a customer who polls boards by ETag, an app that loads a board and streams from there, and,
with `--data-dir` of a development stack, an app of an account that logs in, locates, follows its news, bets and cashes
out.

    locust -f bench/locustfile.py --headless -u 50 -r 10 -t 30s -H http://127.0.0.1:8000

Locust runs on gevent, which asyncio does not, so the app speaks WebSocket by websocket-client (Locust's own dependency,
which gevent makes cooperative), and holds what it is sent by the same `Replica` as the reference client. Importing this
module changes the standard library's sockets, as Locust always does: run it in a process of its own.

Events beside the requests: `WS connect`, the handshake; `WS catch-up`, from the subscribe to its `live`; `WS delta`,
from the moment the shard wrote a frame to the moment it was applied here, on one clock; `WS provider to app`, likewise
from the provider's message of each market; `WS news`, from a transaction's time to its news here. A gap, a hole, a
refusal or a stream that ends is a failure; odds that moved, or a bet that is not to be cashed out any more, is none.
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
from locust import FastHttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from fanout.contract.account import AccountReplica
from fanout.contract.replica import Message, Replica
from gateway.access.development import development_keys
from gateway.location.claims import Flags, Packet
from gateway.location.development import PACKET_S
from gateway.location.development import development_keys as location_keys
from gateway.location.keys import DEVELOPMENT_ISSUER
from gateway.location.settings import LocationSettings

CONNECT_S = 10.0
SILENCE_S = 15.0
"""Three heartbeats."""

STREAMED_S = 5.0
"""How long an app looks at one board before it opens another."""

BOARDS_KEPT = 50
"""ETags that a customer keeps; beyond it the oldest goes."""

TOKEN_S = 3_600
PLACE = (40.4406, -79.9959)
"""Pittsburgh, far from every border."""

NETWORK = "127.0.0.0/24"
NO_FLAGS = Flags(mocked=False, rooted=False, proxy=False, remote_desktop=False, jumped=False)
RECEIPT_USED_S = 30.0
"""A receipt is used for so long, which is less than it lives there."""

ATTEMPTS = 6
PAUSE_S = 0.2
RETRIED = frozenset({202, 429, 500, 502, 503, 504, 0})


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--stream",
        env_var="ODDSWIRE_URL",
        default="",
        help="address of the stream, ws://HOST:PORT/v1/stream; else the gateway is asked for it",
    )
    parser.add_argument(
        "--data-dir", default="", help="of a development stack, whose keys sign tokens and places; empty: nobody bets"
    )
    parser.add_argument("--api-key", env_var="ODDSWIRE_API_KEY", default="", is_secret=True, help="goes in X-API-Key")


class _Reader(FastHttpUser):
    """A user who knows which games are live."""

    abstract = True

    def on_start(self) -> None:
        """Which games there are; all that are not live where none is."""
        key = self.environment.parsed_options.api_key
        self._headers = {"X-API-Key": key} if key else {}
        self.games = self._games("live") or self._games("upcoming")

    def _games(self, state: str) -> list[str]:
        answer = self.client.get(f"/v1/events?state={state}", headers=self._headers, name="/v1/events")
        return [str(event["id"]) for event in orjson.loads(answer.content or b"{}").get("items", ())]


class ApiCustomer(_Reader):
    """Polls the boards of live games, and pays for those that changed."""

    weight = 3
    wait_time = between(0.2, 1.0)

    def on_start(self) -> None:
        """Holds nothing yet."""
        super().on_start()
        self._etags: dict[str, str] = {}

    @task
    def poll(self) -> None:
        """One board, by the ETag it had; a 304 is counted apart."""
        if not self.games:
            return
        path = f"/v1/events/{random.choice(self.games)}/markets"
        etag = self._etags.pop(path, None)
        headers = self._headers if etag is None else {**self._headers, "If-None-Match": etag}
        with self.client.get(path, headers=headers, name="board", catch_response=True) as answer:
            if answer.status_code == 304 and etag is not None:
                answer.request_meta["name"] = "board, unchanged"
                self._etags[path] = etag
            elif answer.status_code == 200 and answer.headers.get("ETag"):
                self._etags[path] = answer.headers["ETag"]
            elif answer.status_code == 404:
                self.games = self._games("live")  # the game has ended and left the log
            if answer.status_code in (200, 304, 404):
                answer.success()
        while len(self._etags) > BOARDS_KEPT:
            del self._etags[next(iter(self._etags))]


class AppUser(_Reader):
    """Opens a game: its board by REST, then the stream from exactly that cursor."""

    weight = 7
    wait_time = between(0.5, 2.0)

    def on_start(self) -> None:
        """Where the stream is."""
        super().on_start()
        self._stream = self.environment.parsed_options.stream or _endpoint_of(self)

    @task
    def watch(self) -> None:
        """One game for a while."""
        if not self.games or not self._stream:
            return
        path = f"/v1/events/{random.choice(self.games)}/markets?class=main"
        answer = self.client.get(path, headers=self._headers, name="board, main")
        if answer.status_code != 200:
            self.games = self._games("live")
            return
        board = orjson.loads(answer.content)
        topic = f"{board['event']['topic']}:main"
        replica = Replica()
        assert answer.headers is not None
        replica.hold(board, str(answer.headers["Odds-Cursor"]), topic)
        began_s = time.monotonic()
        try:
            socket = websocket.create_connection(self._stream, timeout=CONNECT_S)
        except (websocket.WebSocketException, OSError) as error:
            _fire(self.environment, "connect", began_s, error=error)
            return
        _fire(self.environment, "connect", began_s)
        try:
            self._follow(socket, replica, topic)
        except (websocket.WebSocketException, OSError) as error:
            _fire(self.environment, "stream", began_s, error=error)
        finally:
            socket.close()

    def _follow(self, socket: websocket.WebSocket, replica: Replica, topic: str) -> None:
        socket.settimeout(SILENCE_S)
        asked_s = time.monotonic()
        said = {"op": "subscribe", "id": 1, "topics": [topic], "conflate_ms": 100, "cursor": replica.cursor}
        socket.send(orjson.dumps(said).decode())
        while time.monotonic() - asked_s < STREAMED_S:
            data = socket.recv()
            message: Message = orjson.loads(data)
            replica.receive(message)
            now_ms = time.time() * 1000
            if replica.gap or message["t"] == "error":
                raise websocket.WebSocketException(f"a gap, or refused: {message}"[:200])
            if message["t"] == "live":
                _fire(self.environment, "catch-up", asked_s)
            elif message["t"] == "d" and "why" not in message:
                _delta(self.environment, message, now_ms, len(data))


class Bettor(_Reader):
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
        self._headers = {"Authorization": f"Bearer {token}", "Device-Id": "locust", "Session-Id": self._account}
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
        answer = self.client.get(
            f"/v1/events/{random.choice(self.games)}/markets?class=main", headers=self._headers, name="board, main"
        )
        items = orjson.loads(answer.content)["items"] if answer.status_code == 200 else ()
        markets = [one for one in items if one["st"] == "open" and one["x"] and one["x"][0]["d"]]
        if not markets:
            self.games = self._games("live")
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
        with self.client.get(path, headers=self._headers, name="cash-out offer", catch_response=True) as answer:
            if answer.status_code in (404, 409):
                answer.success()  # the market is shut, or the bet has ended
            if answer.status_code != 200:
                return
            offer = orjson.loads(answer.content)
        self._post(path, {"offer": offer["offer"], "stake": offer["stake"], "geo": self._geo()}, "cash-out")

    def _post(self, path: str, body: dict[str, Any], name: str) -> None:
        """Under one key, until there is an answer: a write is done once however often it is sent."""
        headers = {**self._headers, "Idempotency-Key": secrets.token_hex(16), "Content-Type": "application/json"}
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
        _fire(self.environment, f"{name}, given up", time.monotonic(), error=TimeoutError(name))

    def _geo(self) -> str:
        """A receipt that lives for a while yet."""
        if time.time() < self._receipt_ends_s:
            return self._receipt
        now_s = int(time.time())
        packet = Packet(
            iss=DEVELOPMENT_ISSUER, aud=LocationSettings().audience, iat=now_s, exp=now_s + PACKET_S,
            jti=secrets.token_urlsafe(16), sub=self._account, device="locust", session=self._account, net=NETWORK,
            lat=PLACE[0], lon=PLACE[1], accuracy_m=15.0, state="US-PA", speed_mps=0.0, flags=NO_FLAGS,
        )  # fmt: skip
        body = orjson.dumps({"packet": self._signer.sign(packet)}).decode()
        headers = {**self._headers, "Content-Type": "application/json"}
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
                stream = self.environment.parsed_options.stream or _endpoint_of(self)
                socket = websocket.create_connection(f"{stream}?ticket={self._ticket()}", timeout=CONNECT_S)
                try:
                    socket.send('{"op":"subscribe","id":1,"topics":["account"]}')
                    socket.settimeout(SILENCE_S)
                    self._follow(socket)
                finally:
                    socket.close()
            except (websocket.WebSocketException, OSError, KeyError) as error:
                _fire(self.environment, "account", began_s, error=error)
                gevent.sleep(random.uniform(0, 1.0))

    def _follow(self, socket: websocket.WebSocket) -> None:
        while True:
            data = socket.recv()
            message: Message = orjson.loads(data)
            if message["t"] != "account":
                continue
            shown = self.replica.receive(message)
            if shown and message["kind"] != "state":
                _news(self.environment, message, len(data))
            if self.replica.missing is not None:
                self._recover(self.replica.missing)

    def _recover(self, after: int) -> None:
        """What was told while nobody listened."""
        answer = self.client.get(f"/v1/account/events?after={after}", headers=self._headers, name="/v1/account/events")
        if answer.status_code == 200:
            self.replica.recovered(orjson.loads(answer.content)["items"])
        if self.replica.missing == after:
            raise websocket.WebSocketException(f"a hole after {after} that nobody fills")

    def _ticket(self) -> str:
        body = '{"topics":["account"]}'
        headers = {**self._headers, "Content-Type": "application/json"}
        answer = self.client.post("/v1/stream/tickets", data=body, headers=headers, name="/v1/stream/tickets")
        return str(orjson.loads(answer.content)["ticket"])


@events.init.add_listener  # type: ignore[untyped-decorator]
def _choose(environment: Environment, **_: object) -> None:
    """Without keys to sign by nobody bets."""
    if environment.parsed_options is not None and not environment.parsed_options.data_dir:
        environment.user_classes = [one for one in environment.user_classes if one is not Bettor]


def _is_of_a_place(body: bytes | None) -> bool:
    """Whether it is refused by the rules of the place, which are those of a market, too."""
    return str(orjson.loads(body or b"{}").get("code", "")).startswith("geo_market")


def _endpoint_of(user: _Reader) -> str:
    answer = user.client.get("/v1/stream/endpoint", headers=user._headers, name="/v1/stream/endpoint")  # noqa: SLF001
    return str(orjson.loads(answer.content)["url"]) if answer.status_code == 200 else ""


def _news(environment: Environment, message: Message, length: int) -> None:
    environment.events.request.fire(  # type: ignore[no-untyped-call]
        request_type="WS",
        name="news",
        response_time=max(0.0, time.time() * 1000 - message["ts"]),
        response_length=length,
        exception=None,
        context={},
    )


def _fire(environment: Environment, name: str, began_s: float, *, error: Exception | None = None) -> None:
    took_ms = (time.monotonic() - began_s) * 1000
    environment.events.request.fire(  # type: ignore[no-untyped-call]
        request_type="WS", name=name, response_time=took_ms, response_length=0, exception=error, context={}
    )


def _delta(environment: Environment, message: dict[str, Any], now_ms: float, length: int) -> None:
    """A live frame: its own latency, and that of every market in it, both never negative."""
    for name, ts in (("delta", message["ts"]), *(("provider to app", part["ts"]) for part in message["m"])):
        environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type="WS",
            name=name,
            response_time=max(0.0, now_ms - ts),
            response_length=length,
            exception=None,
            context={},
        )
