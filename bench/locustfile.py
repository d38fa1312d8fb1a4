"""Locust users of the API: a customer who polls boards by ETag, and an app that loads a board and streams from there.

    locust -f bench/locustfile.py --headless -u 50 -r 10 -t 30s -H http://127.0.0.1:8000

Locust runs on gevent, which asyncio does not, so the app speaks WebSocket by websocket-client (Locust's own dependency,
which gevent makes cooperative), and holds what it is sent by the same `Replica` as the reference client. Importing this
module changes the standard library's sockets, as Locust always does: run it in a process of its own.

Events beside the requests: `WS connect`, the handshake; `WS catch-up`, from the subscribe to its `live`; `WS delta`,
from the moment the shard wrote a frame to the moment it was applied here, on one clock; `WS provider to app`, likewise
from the provider's message of each market. A gap, a refusal or a stream that ends is a failure.
"""

from __future__ import annotations

import random
import time
from typing import Any

import orjson
import websocket
from locust import FastHttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from fanout.contract.replica import Message, Replica

CONNECT_S = 10.0
SILENCE_S = 15.0
"""Three heartbeats."""

STREAMED_S = 5.0
"""How long an app looks at one board before it opens another."""

BOARDS_KEPT = 50
"""ETags that a customer keeps; beyond it the oldest goes."""


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--stream",
        env_var="ODDSWIRE_URL",
        default="",
        help="address of the stream, ws://HOST:PORT/v1/stream; else the gateway is asked for it",
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
        self._stream = self.environment.parsed_options.stream or self._endpoint()

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

    def _endpoint(self) -> str:
        answer = self.client.get("/v1/stream/endpoint", headers=self._headers, name="/v1/stream/endpoint")
        return str(orjson.loads(answer.content)["url"]) if answer.status_code == 200 else ""


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
