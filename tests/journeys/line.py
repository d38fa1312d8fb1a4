"""The whole line inside one test: a real nats-server, a feed driven by hand, shards on real sockets, devices on them.

`device.holds(...)` compares what a device shows with what the log holds, which is the one thing that must come true.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fanout.contract.codec import market_json
from fanout.contract.replica import Replica
from fanout.server import Server
from fanout.settings import FanoutSettings
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.adapters.server import NatsServer
from feeds.contract.model import Market, Selection
from feeds.contract.prices import price_from_american
from feeds.contract.records import decode_record
from tests.bus import LANES, HandFed, Mirror, event, eventually, feeding, market

Message = dict[str, Any]


class Device:
    """One connection of a device and what it holds. `messages` are all it was told, oldest first."""

    def __init__(self, socket: ClientConnection, replica: Replica) -> None:
        self.socket = socket
        self.replica = replica
        self.messages: list[Message] = []
        self.close_code: int | None = None
        self._ids = 0
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in self.socket:
                self.messages.append(json.loads(text))
                self.replica.receive(json.loads(text))
        self.close_code = self.socket.close_code

    async def say(self, op: str, **fields: Any) -> int:
        """Sends an op; gives its id."""
        self._ids += 1
        await self.socket.send(json.dumps({"op": op, "id": self._ids, **fields}))
        return self._ids

    async def subscribe(self, *topics: str, conflate_ms: int = 0, cursor: str | None = None) -> None:
        """Subscribes and waits until that is live."""
        lives = len(self.told("live"))
        await self.say("subscribe", topics=topics, conflate_ms=conflate_ms, cursor=cursor)
        await eventually(lambda: len(self.told("live")) > lives)

    def told(self, kind: str) -> list[Message]:
        """All messages of one kind so far."""
        return [message for message in self.messages if message["t"] == kind]

    def shows(self, market_id: str) -> Message:
        """A market as the device shows it; empty where it does not."""
        return self.replica.markets.get(market_id, {})

    def american(self, market_id: str) -> int | None:
        """The American price of a market's first selection."""
        selections = self.shows(market_id).get("x")
        return selections[0]["a"] if selections else None

    async def close(self) -> None:
        """Ends the connection."""
        await self.socket.close()
        await self._reading

    async def die(self) -> None:
        """Ends it as a train tunnel does."""
        self.socket.transport.abort()
        await self._reading


class Line:
    """nats-server, one feed, any number of shards."""

    def __init__(self, nats: NatsServer, provider: HandFed, mirror: Mirror, stack: AsyncExitStack) -> None:
        self.nats = nats
        self.provider = provider
        self.mirror = mirror
        self._stack = stack

    async def shard(self, name: str = "fanout-1", **settings: Any) -> Server:
        """One more shard, ready."""
        connection = await self._stack.enter_async_context(Connection(self.nats.url, name=name))
        server = Server(
            FanoutSettings(name=name, port=0, **settings),
            lanes=LANES,
            connected=lambda: connection.connected,
            make_reader=lambda sink: LogReader(connection, lanes=LANES, log_age_s=3600, sink=sink),
        )
        await self._stack.enter_async_context(server.serve())
        await eventually(server.is_ready)
        return server

    async def device(self, server: Server, replica: Replica | None = None, **options: Any) -> Device:
        """A device connected to a shard."""
        return await self.device_at(url(server), replica, **options)

    async def device_at(self, stream_url: str, replica: Replica | None = None, **options: Any) -> Device:
        """A device connected to a stream."""
        socket = await _connected(stream_url, **options)
        device = Device(socket, Replica() if replica is None else replica)
        device.replica.reconnected()
        self._stack.push_async_callback(device.close)
        return device

    def put(self, *states: Any) -> None:
        """The provider says something."""
        self.provider.put(*states)

    def log_holds(self, device: Device, topic: str) -> bool:
        """Whether the device holds exactly what the log does under a topic."""
        return self.log_is(device.replica, topic)

    def log_is(self, replica: Replica, topic: str) -> bool:
        """Whether a replica holds exactly what the log does under a topic."""
        wanted: dict[str, Message] = {}
        for lane in self.mirror.last.values():
            for record in lane.values():
                state = decode_record(record.subject, record.data)
                if isinstance(state, Market) and not state.gone and f"{state.topic}.".startswith(f"{topic}."):
                    wanted[state.id] = json.loads(market_json(state, record.s))
        return replica.markets == wanted


async def _connected(stream_url: str, **options: Any) -> ClientConnection:
    """A socket of a shard that may say for a while that it is late, as it does on a busy machine."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await connect(stream_url, compression=None, max_size=None, **options)
            except InvalidStatus as refusal:
                if refusal.response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                await asyncio.sleep(0.2)


def url(server: Server) -> str:
    """A shard's stream."""
    return f"ws://127.0.0.1:{server.port}/v1/stream"


def priced(market_id: str, event_id: str, american: int, **changes: Any) -> Market:
    """A market of one selection at a price."""
    selection = Selection("O1", "A", price=price_from_american(american))
    return msgspec.structs.replace(market(market_id, event_id), selections=(selection,), live=True, **changes)


@asynccontextmanager
async def the_line(nats: NatsServer, known: Iterable[Any] | None = None, *, feed: str = "alpha") -> AsyncIterator[Line]:
    """A line whose feed is live: by default one event E1 with a market M1 at -110."""
    provider = HandFed([event("E1"), priced("M1", "E1", -110)] if known is None else known, feed=feed)
    async with AsyncExitStack() as stack:
        writing = await stack.enter_async_context(Connection(nats.url, name="feed"))
        await stack.enter_async_context(feeding(writing, provider))
        watching = await stack.enter_async_context(Connection(nats.url, name="mirror"))
        mirror = Mirror()
        reader = LogReader(watching, lanes=LANES, log_age_s=3600, sink=mirror)
        reader.want(frozenset(range(LANES)))
        running = asyncio.ensure_future(reader.run())
        try:
            yield Line(nats, provider, mirror, stack)
        finally:
            running.cancel()
            await asyncio.wait([running])


Condition = Callable[[], bool]
