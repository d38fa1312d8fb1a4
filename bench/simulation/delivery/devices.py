"""A simulated device: a slow socket, the client rule, and a user who changes topics and tiers and loses the network."""

from __future__ import annotations

from collections import deque
from typing import Any

import orjson

from bench.simulation.delivery.shards import SOCKET_BYTES, SOCKET_ROOM_BYTES, SimulatedShard
from fanout.contract.closing import Close
from fanout.contract.replica import Replica
from fanout.device import Device
from fanout.ports import Wire

Message = dict[str, Any]


class PlainWire:
    """The frame is the JSON itself, on a line."""

    def frame(self, payload: bytes, cursor: str | None = None) -> bytes:
        del cursor
        return payload + b"\n"


WIRE = PlainWire()


class Socket:
    """An Outlet: what was written and not read yet. What does not fit is kept, and reported at once: it is full."""

    wire: Wire = WIRE
    place = 0

    def __init__(self, shard: SimulatedShard, now_ms: int) -> None:
        self.shard = shard
        self.now_ms = now_ms
        self.unread: deque[bytes] = deque()
        self.unread_bytes = 0
        self.recent: list[bytes] = []
        self.paused = False
        self.closed: Close | None = None
        self._cut = False
        self.device: Device = shard.core.sessions.connect(self, now_ms)

    def send(self, frame: bytes, /) -> int:
        assert not self.paused
        assert not self._cut
        room = SOCKET_BYTES - self.unread_bytes
        if room <= 0:
            raise BlockingIOError
        self._take(frame[:room])
        self._cut = room < len(frame)
        return min(room, len(frame))

    def write(self, data: bytes) -> None:
        self._cut = False
        self._take(data)
        if not self.paused and self.unread_bytes > SOCKET_BYTES:
            self.paused = True
            self.shard.core.placement.blocked(self.device, self.now_ms)

    def _take(self, data: bytes) -> None:
        """Frames as they arrive: one write may bring several, and end within one."""
        self.unread_bytes += len(data)
        begun = b""
        if self.unread and not self.unread[-1].endswith(b"\n"):
            self.recent.pop()
            begun = self.unread.pop()
        frames = (begun + data).splitlines(keepends=True)
        self.unread.extend(frames)
        self.recent.extend(frames)

    def close(self, close: Close) -> None:
        self.closed = close

    def read(self) -> bytes | None:
        """The next frame, as it arrives at the device."""
        if not self.unread:
            return None
        frame = self.unread.popleft()
        self.unread_bytes -= len(frame)
        if self.paused and self.unread_bytes <= SOCKET_BYTES - SOCKET_ROOM_BYTES and self.closed is None:
            self.paused = False
            self.shard.core.placement.drained(self.device)
        return frame


class SimulatedDevice:
    """What a device knows of itself. `held`: topics that a `live` completed; only those go with a cursor."""

    def __init__(self, name: str, tier_ms: int) -> None:
        self.name = name
        self.tier_ms = tier_ms
        self.replica = Replica()
        self.wanted: dict[str, None] = {}
        self.held: set[str] = set()
        self.claimed: set[str] = set()
        """Topics that frames of this connection may speak of: asked for, and not yet told to be left."""
        self.socket: Socket | None = None
        self.away_until_ms = 0
        self.live = False
        self._answered: set[str] = set()
        self._op = 0

    def connect(self, shard: SimulatedShard, now_ms: int) -> None:
        """A new connection: what was held goes with the cursor, everything else without."""
        self.replica.reconnected()
        self._answered.clear()
        self.claimed.clear()
        self.live = False
        self.socket = Socket(shard, now_ms)
        held = [topic for topic in self.wanted if topic in self.held]
        if self.replica.cursor is None:
            held = []
        rest = [topic for topic in self.wanted if topic not in held]
        if held:
            self.subscribe(held, self.replica.cursor, now_ms)
        if rest:
            self.subscribe(rest, None, now_ms)

    def disconnect(self, now_ms: int) -> None:
        """The network is gone, and what was not read with it."""
        if self.socket is not None:
            self.socket.shard.core.sessions.disconnect(self.socket.device, now_ms)
            self.cut_off()

    def cut_off(self) -> None:
        """The connection is over. No answer will come to what was asked: topics that were being left are left now."""
        self.socket = None
        self.live = False
        self.replica.forget(self.claimed - self.wanted.keys(), set(self.wanted))

    def is_live_at(self, shard: SimulatedShard) -> bool:
        """Whether the shard takes it as live: it gets shared frames."""
        socket = self.socket
        if socket is None or socket.shard is not shard or socket.closed is not None:
            return False
        return socket.device.walk is None and socket.device.cohort is not None

    def subscribe(self, topics: list[str], cursor: str | None, now_ms: int) -> int:
        """Asks for topics, which from now on are wanted."""
        self.wanted |= dict.fromkeys(topics)
        self.claimed |= set(topics)
        if cursor is None:
            self.held -= set(topics)
        return self._say({"op": "subscribe", "topics": topics, "conflate_ms": self.tier_ms, "cursor": cursor}, now_ms)

    def unsubscribe(self, topics: list[str], now_ms: int) -> None:
        """Leaves topics."""
        for topic in topics:
            self.wanted.pop(topic, None)
        self.held -= set(topics)
        if self.socket is None:
            self.replica.forget(set(topics), set(self.wanted))
        else:
            self._say({"op": "unsubscribe", "topics": topics}, now_ms)

    def receive(self, message: Message) -> None:
        """One message, by the client rule."""
        epoch = self.replica.epoch
        self.replica.receive(message)
        match message["t"]:
            case "subscribed":
                if self.replica.epoch != epoch:
                    self.held.clear()
                self._answered |= set(message["topics"])
                self.live = False
            case "live":
                self.held |= self._answered & self.wanted.keys()
                self._answered.clear()
                self.live = True
            case "unsubscribed":
                self._answered -= set(message["topics"])
                self.held -= set(message["topics"])
                self.claimed -= set(message["topics"]) - self.wanted.keys()
                self.replica.forget(set(message["topics"]), self.claimed)

    def _say(self, said: Message, now_ms: int) -> int:
        assert self.socket is not None
        self._op += 1
        socket = self.socket
        socket.shard.core.sessions.receive(socket.device, orjson.dumps(said | {"id": self._op}), now_ms)
        return self._op
