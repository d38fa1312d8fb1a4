"""An app: opens a game by REST, streams from exactly that cursor, goes away and comes back with what it holds.

It is the project's reference client (fanout/client): what heals there heals here; what is a failure is a gap, a
refusal, or an image where a cursor should have done.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from functools import partial
from typing import Any

import gevent
import orjson
from locust import between, task

from bench.locust_users import telling
from bench.locust_users.client_loop import client_loop
from bench.locust_users.reader import Reader
from fanout.client import Notice, OddsStream, StreamRefused
from fanout.contract.replica import Message

CONFLATE_MS = 100
STREAMED_S = 3.0
"""How long an app looks at one board, then again after it came back."""

AWAY_S = 1.0
LIVE_S = 15.0
"""An app that is not live by then has failed."""


class NotServed(Exception):
    """The stream did not do what it should."""


class AppUser(Reader):
    """Opens a game, looks, goes away, comes back."""

    weight = 7
    wait_time = between(0.5, 2.0)

    def on_start(self) -> None:
        """Where the stream is."""
        super().on_start()
        self._stream = self.endpoint()

    @task
    def watch(self) -> None:
        """One game for a while, over two connections."""
        board = self.board("main")
        if board is None or not self._stream:
            return
        for kind in ("catch-up", "resume"):
            began_s = time.monotonic()
            try:
                board = client_loop().run(self._followed(board, kind))
            except (NotServed, StreamRefused) as error:
                telling.took(self.environment, kind, began_s, error=error)
                return
            gevent.sleep(random.uniform(0, AWAY_S))

    async def _followed(self, board: dict[str, Any], kind: str) -> dict[str, Any]:
        """Streams from a board; gives what it is by then, to go on from. Raises NotServed, StreamRefused."""
        topic = f"{board['event']['topic']}:main"
        began_s = asyncio.get_running_loop().time()
        opened_s: list[float] = []

        def notice(said: Notice) -> None:
            if said.kind == "connected":
                opened_s.append(asyncio.get_running_loop().time())
                self._tell_took("connect", opened_s[-1] - began_s)

        stream = OddsStream([topic], urls=[self._stream], conflate_ms=CONFLATE_MS, on_notice=notice)
        stream.hold(topic, board, board["cursor"])
        async with stream:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LIVE_S) as patience:
                    async for message in stream:
                        now_ms = time.time() * 1000
                        _judge(message, stream)
                        if message["t"] == "live":
                            self._tell_took(kind, asyncio.get_running_loop().time() - opened_s[-1])
                            patience.reschedule(asyncio.get_running_loop().time() + STREAMED_S)
                        elif message["t"] == "d" and "why" not in message:
                            client_loop().tell(partial(telling.told_late, self.environment, message, now_ms, 0))
            if not stream.live:
                raise NotServed(f"not live within {LIVE_S:g} s")
            return _board_of(stream, board)

    def _tell_took(self, name: str, seconds: float) -> None:
        began_s = time.monotonic() - seconds
        client_loop().tell(partial(telling.took, self.environment, name, began_s))


def _judge(message: Message, stream: OddsStream) -> None:
    """Raises NotServed."""
    if stream.replica.gaps:
        raise NotServed("a gap")
    if message["t"] == "subscribed" and "image" in message["topics"].values():
        raise NotServed(f"an image, though it brought a cursor: {message.get('why')}")


def _board_of(stream: OddsStream, board: dict[str, Any]) -> dict[str, Any]:
    """What the app holds now, in the form of a board."""
    replica = stream.replica
    event = replica.events.get(board["event"]["id"], board["event"])
    kept = {"event": event, "items": list(replica.markets.values()), "src": replica.not_live, "cursor": replica.cursor}
    again: dict[str, Any] = orjson.loads(orjson.dumps(kept))
    return again
