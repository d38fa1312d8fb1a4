"""Devices of a run: a socket each, that resumes with its cursor on whichever shard takes it; and listeners of accounts.

`websockets` and the protocol page, no client of the product: what it shows is in `view`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from bench.chaos.view import View

OPEN_S = 5.0
SILENT_HEARTBEATS = 3
CATCH_UP_S = 15.0
"""Without a frame for so long before it is live, or for three heartbeats after, the connection is taken for dead."""

BACK_S = (0.1, 1.0)
MESSAGE_BYTES_MAX = 16 << 20

Message = dict[str, Any]
Ticket = Callable[[], Awaitable[str | None]]


class Socket:
    """Connections of one device, one after the other. `ends`: how they ended."""

    def __init__(self, urls: Sequence[str], *, seed: str) -> None:
        self.ends: Counter[str] = Counter()
        self.opened = 0
        self._urls = tuple(urls)
        self._dice = random.Random(seed)
        self._next_url: str | None = None

    async def messages(
        self, say: Callable[[], Message], ticket: Ticket | None = None
    ) -> AsyncGenerator[Message | None, None]:
        """What comes, for ever; None where another connection begins. `say`: the subscribe of each."""
        while True:
            try:
                async with contextlib.aclosing(self._connection(say, ticket)) as one:
                    async for message in one:
                        yield message
            except (OSError, TimeoutError, InvalidHandshake, InvalidMessage, ConnectionClosed, EOFError) as error:
                code = error.rcvd.code if isinstance(error, ConnectionClosed) and error.rcvd is not None else ""
                self.ends[f"{type(error).__name__} {code}".strip()] += 1
            await asyncio.sleep(self._dice.uniform(*BACK_S))

    async def _connection(
        self, say: Callable[[], Message], ticket: Ticket | None
    ) -> AsyncGenerator[Message | None, None]:
        url, self._next_url = self._next_url or self._dice.choice(self._urls), None
        if ticket is not None:
            bought = await ticket()
            if bought is None:
                return
            url = f"{url}?ticket={bought}"
        async with connect(
            url,
            open_timeout=OPEN_S,
            close_timeout=1,
            ping_interval=None,
            max_size=MESSAGE_BYTES_MAX,
            compression=None,
            max_queue=64,
            proxy=None,
        ) as socket:
            self.opened += 1
            yield None
            await socket.send(orjson.dumps(say()), text=True)
            async with contextlib.aclosing(self._frames(socket)) as frames:
                async for message in frames:
                    yield message

    async def _frames(self, socket: ClientConnection) -> AsyncGenerator[Message, None]:
        loop = asyncio.get_running_loop()
        silence_s, heartbeat_s, leave_at_s = CATCH_UP_S, CATCH_UP_S, float("inf")
        while loop.time() < leave_at_s:
            try:
                async with asyncio.timeout_at(min(loop.time() + silence_s, leave_at_s)):
                    message: Message = orjson.loads(await socket.recv(decode=False))
            except TimeoutError:
                if loop.time() >= leave_at_s:
                    break
                raise
            match message["t"]:
                case "welcome":
                    heartbeat_s = message["hb_ms"] / 1000
                case "live":
                    silence_s = heartbeat_s * SILENT_HEARTBEATS
                case "slow" | "subscribed":
                    silence_s = CATCH_UP_S
                case "account":
                    silence_s = heartbeat_s * SILENT_HEARTBEATS + CATCH_UP_S
                case "drain":
                    leave_at_s = loop.time() + message["after_ms"] / 1000
                    self._next_url = message.get("url")
            yield message


class Device:
    """Shows odds of some topics."""

    def __init__(self, view: View, topics: Sequence[str], urls: Sequence[str], *, conflate_ms: int, seed: str) -> None:
        self.view = view
        self.socket = Socket(urls, seed=seed)
        self._topics = list(topics)
        self._conflate_ms = conflate_ms

    async def live(self) -> None:
        """Until cancelled. A gap is answered by a new connection, without the cursor."""
        while True:
            async with contextlib.aclosing(self.socket.messages(self._say)) as messages:
                async for message in messages:
                    if message is None:
                        self.view.connected()
                        continue
                    self.view.take(message, time.time())
                    if self.view.gap:
                        self.view.cursor = None
                        break

    def _say(self) -> Message:
        view = self.view
        return {
            "op": "subscribe", "id": 1, "topics": self._topics, "conflate_ms": self._conflate_ms, "cursor": view.cursor,
        }  # fmt: skip


class Listener:
    """Hears the news of one account. `told`: number, kind and data of each, as they were shown, each once and in order;
    `began` is the number that the first state had."""

    def __init__(
        self, account: str, urls: Sequence[str], ticket: Ticket, events: Callable[[int], Awaitable[Sequence[Message]]]
    ) -> None:
        self.account = account
        self.told: list[tuple[int, str, Message]] = []
        self.strange: list[Message] = []
        self.began: int | None = None
        self.seq = 0
        self.socket = Socket(urls, seed=f"listener/{account}")
        self._ticket = ticket
        self._events = events

    async def live(self) -> None:
        """Until cancelled."""
        said = {"op": "subscribe", "id": 1, "topics": ["account"]}
        async with contextlib.aclosing(self.socket.messages(lambda: said, self._ticket)) as messages:
            async for message in messages:
                if message is not None and message["t"] == "account":
                    await self._news(message)
                elif message is not None and message["t"] in ("img", "d"):
                    self.strange.append(message)  # odds, which it did not ask for; other kinds are to be ignored

    async def _news(self, message: Message) -> None:
        seq: int = message["seq"]
        if self.began is None:
            self.began = self.seq = seq
        if seq > self.seq + (message["kind"] != "state"):
            for missed in await self._events(self.seq):
                self._show(missed)
        if message["kind"] != "state":
            self._show(message)

    async def catch_up(self) -> None:
        """Asks for whatever was not heard yet."""
        if self.began is not None:
            for missed in await self._events(self.seq):
                self._show(missed)

    def _show(self, news: Message) -> None:
        if news["seq"] == self.seq + 1:
            self.seq = news["seq"]
            self.told.append((news["seq"], news["kind"], news["data"]))
