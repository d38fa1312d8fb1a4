"""A WebSocket server that says what a test tells it to, for what a real shard says but rarely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from fanout.contract.replica import Message


class ScriptedConnection:
    """One connection of a client, and what the test says and hears on it."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def says(self, *messages: Message) -> None:
        """These messages to the client."""
        for message in messages:
            await self._connection.send(orjson.dumps(message), text=True)

    async def hears(self) -> Message:
        """The next message of the client."""
        message: Message = orjson.loads(await self._connection.recv())
        return message

    async def closes(self, code: int, reason: str = "") -> None:
        """The closing handshake."""
        await self._connection.close(code, reason)

    async def closed(self) -> None:
        """Waits until the client has gone."""
        await self._connection.wait_closed()


class ScriptedShard:
    """Accepts connections; `refuse` may answer a request before the upgrade."""

    def __init__(self) -> None:
        self.port = 0
        self.refuse: Callable[[ServerConnection], Response | None] = lambda _connection: None
        self._accepted: asyncio.Queue[ScriptedConnection] = asyncio.Queue()

    @property
    def url(self) -> str:
        """Its stream address."""
        return f"ws://127.0.0.1:{self.port}/v1/stream"

    async def accepts(self, *, hb_ms: int = 5000) -> ScriptedConnection:
        """The next connection, welcomed."""
        async with asyncio.timeout(10):
            connection = await self._accepted.get()
        await connection.says({"t": "welcome", "schema": 1, "hb_ms": hb_ms})
        return connection

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedShard]:
        """Listens on a free port."""
        async with serve(self._hold, "127.0.0.1", 0, compression=None, process_request=self._answer) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self

    async def _hold(self, connection: ServerConnection) -> None:
        self._accepted.put_nowait(ScriptedConnection(connection))
        await connection.wait_closed()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        del request
        return self.refuse(connection)


def subscribed(said: Message, answer: str = "image", *, epoch: str = "a") -> Message:
    """The answer to a subscribe."""
    topics = dict.fromkeys(said["topics"], answer)
    return {"t": "subscribed", "id": said["id"], "epoch": epoch, "conflate_ms": 100, "topics": topics}


def live(cursor: str, *topics: str) -> Message:
    """The end of a catch-up."""
    return {"t": "live", "topics": list(topics or ("football",)), "src": {}, "cursor": cursor}


def market(market_id: str = "M1", s: int = 10, **more: Any) -> Message:
    """A whole market at a position."""
    return {
        "id": market_id,
        "event": "E1",
        "topic": "football.nfl.E1",
        "class": "main",
        "type": "spread",
        "period": "game",
        "src": "alpha-0",
        "p": 0,
        "s": s,
        "ts": s,
        "st": "open",
        "live": True,
        "x": [{"id": f"{market_id}h", "name": "Chiefs", "a": -110, "d": "1.909", "st": "open"}],
        **more,
    }


def changes(*parts: Message, cursor: str | None = None) -> Message:
    """A `d` frame."""
    message: Message = {"t": "d", "ts": 1, "m": list(parts)}
    return message if cursor is None else message | {"cursor": cursor}
