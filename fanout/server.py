"""One shard as a running server: listener, pulse, keep-alive, and the order in which it goes away.

`Server.serve` is used by main.py with NATS behind it, and by tests with any log reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Protocol, TypeVar

import orjson

from fanout import answers
from fanout.asking import Ask, Asker, nobody
from fanout.gate import Gate
from fanout.listener import Front, Head
from fanout.metrics import exposition, render
from fanout.pulse import Pulse, now_ms
from fanout.relay import Relay
from fanout.revocations import Revocations
from fanout.sessions import SLICE
from fanout.settings import FanoutSettings
from fanout.shard import Shard
from fanout.sse import COMMENT_INTERVAL_S, SseConnection
from fanout.ws import WebSocketConnection
from feeds.contract.coordination import Coordination
from feeds.contract.lane import LaneSink

BACKLOG = 4096
ACCEPTS_A_TURN = 16
"""Connections accepted between two turns of the event loop. libuv takes one from each descriptor it listens on, so the
one socket has so many: else a busy shard, whose turns take milliseconds, takes in a hundred a second."""

T = TypeVar("T")


class Reader(Protocol):
    """What reads the log for a sink: feeds.adapters.nats.reader.LogReader, or a test's own."""

    def want(self, lanes: frozenset[int]) -> None:
        """Follow exactly these lanes."""

    async def run(self) -> None:
        """Follow until cancelled."""


class Server:
    """A shard that serves. `port` is the real one once `serve` has begun."""

    def __init__(
        self,
        settings: FanoutSettings,
        *,
        lanes: int,
        connected: Callable[[], bool],
        make_reader: Callable[[LaneSink], Reader],
        coordination: Coordination | None = None,
        ask: Ask = nobody,
    ) -> None:
        """`ask`: how the gateway is asked what an account's news are."""
        self.settings = settings
        self.port = settings.port
        self.shard = Shard(settings, lanes=lanes)
        self._connected = connected
        self._relay = Relay(self.shard, self._records_came)
        self._reader = make_reader(self._relay)
        self._pulse = Pulse(self.shard, self._reader.want)
        self.front = Front(settings, self.shard, self._pulse, {})
        self.asker = Asker(self.shard.accounts, ask)
        self.revocations: Revocations | None = None
        assert settings.public_topics or coordination is not None, "tickets are claimed by coordination"
        if coordination is not None and settings.keys():
            self.revocations = Revocations(coordination, self.shard.sessions)
            self.front.gate = Gate(settings.keys(), coordination, self.revocations, owner=settings.name)
        registry = exposition(self.front)
        self.front.pages |= {
            "/live": lambda: answers.page(b'{"live":true}', "application/json"),
            "/ready": self._ready_page,
            "/metrics": lambda: answers.page(render(registry), "text/plain; version=1.0.0; charset=utf-8"),
        }

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Listens and follows the log within this context. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        listening = _listen(self.settings)
        self.port = listening.getsockname()[1]
        servers = [
            await loop.create_server(lambda: Head(self.front), sock=own, backlog=BACKLOG)
            for own in (listening, *(listening.dup() for _ in range(ACCEPTS_A_TURN - 1)))
        ]
        self.shard.placement.warm(now_ms())
        self._pulse.start()
        gc.freeze()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._reader.run(), name="reader"),
                    group.create_task(self._ping_devices(), name="ping"),
                    group.create_task(self._comment_streams(), name="comment"),
                    group.create_task(self.asker.run(), name="asker"),
                ]
                if self.revocations is not None:
                    tasks.append(group.create_task(self.revocations.run(), name="revocations"))
                try:
                    yield
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            for server in servers:
                server.close()
            self._pulse.stop()
            await _in_turns(self.shard.sessions.close_all(now_ms()))
            await self._flushed()

    async def drain(self, *, window_s: float | None = None) -> None:
        """Tells every device to move, serves them until they have gone or the deadline, then returns.

        `window_s` instead of the settings' own; the time between window and deadline stays.
        """
        deadline_s = self.settings.drain_deadline_s
        if window_s is None:
            window_s = self.settings.drain_window_s
        else:
            deadline_s = window_s + max(0.0, deadline_s - self.settings.drain_window_s)
        telling = self.shard.sessions.drain(window_ms=round(window_s * 1000), deadline_ms=round(deadline_s * 1000))
        await _in_turns(telling)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self.front.deserted.wait()

    def is_ready(self) -> bool:
        """Whether a device that connects now is served well."""
        lanes = self.shard.board.lanes
        wanted = self.shard.wanted_lanes(now_ms())
        return self._connected() and not self.shard.sessions.draining and all(lanes[lane].joined for lane in wanted)

    def _records_came(self) -> None:
        self._pulse.records_came()

    def _ready_page(self) -> bytes:
        lanes = {str(lane.number): lane.joined for lane in self.shard.board.lanes}
        state = {
            "ready": self.is_ready(),
            "nats": self._connected(),
            "draining": self.shard.sessions.draining,
            "lanes_joined": lanes,
        }
        return answers.page(orjson.dumps(state), "application/json", status=200 if state["ready"] else 503)

    async def _flushed(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.close_grace_s + 1):
                await self.front.deserted.wait()

    async def _ping_devices(self) -> None:
        """A device that is silent for a ping and its pong is taken for gone."""
        while True:
            await asyncio.sleep(self.settings.ping_s)
            asked = [connection for connection in self.front.connections if isinstance(connection, WebSocketConnection)]
            await _in_turns(_slices(asked, WebSocketConnection.ping))
            await asyncio.sleep(self.settings.pong_s)
            deaf = [connection for connection in asked if not connection.heard]
            await _in_turns(_slices(deaf, WebSocketConnection.abort))

    async def _comment_streams(self) -> None:
        while True:
            await asyncio.sleep(COMMENT_INTERVAL_S)
            streams = [connection for connection in self.front.connections if isinstance(connection, SseConnection)]
            await _in_turns(_slices(streams, SseConnection.comment))


async def _in_turns(work: Iterable[None]) -> None:
    """Work that yields wherever others may have a turn of the event loop."""
    for _ in work:
        await asyncio.sleep(0)


def _slices(items: list[T], act: Callable[[T], None]) -> Iterator[None]:
    for start in range(0, len(items), SLICE):
        for item in items[start : start + SLICE]:
            act(item)
        yield


def _listen(settings: FanoutSettings) -> socket.socket:
    """The listening socket; what it accepts has its options."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer_bytes)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(settings.user_timeout_s * 1000))
    try:
        listening.bind((settings.host, settings.port))
    except OSError:
        listening.close()
        raise
    return listening
