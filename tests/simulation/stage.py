"""A small stage for directed scenarios: one log, few shards, devices that do exactly what the scenario says."""

from __future__ import annotations

import orjson
from msgspec.structs import replace

from bench.simulation.delivery.checker import Checker
from bench.simulation.delivery.devices import Message, SimulatedDevice, Socket
from bench.simulation.delivery.log import Log, State
from bench.simulation.delivery.shards import SimulatedShard
from feeds.contract.freshness import BEAT_INTERVAL_MS
from feeds.contract.model import Event, FeedState, Market, Selection, Status
from feeds.contract.prices import price_from_milli
from feeds.contract.records import Beat

START_MS = 1_790_000_000_000


def market(number: int = 0, milli: int = 2_000, *, event: str = "E0", st: Status = "open") -> Market:
    """A market of two sides at the same price."""
    price = price_from_milli(milli)
    return Market(
        id=f"{event}M{number}",
        event=event,
        topic=f"football.nfl.{event}",
        cls="main",
        type="spread",
        period="game",
        src="alpha-0",
        ts=START_MS,
        st=st,
        selections=(Selection("O1", "Chiefs", price=price), Selection("O2", "Bills", price=price)),
    )


def suspended(number: int = 0, *, event: str = "E0", reason: str | None = None) -> Market:
    """The market, closed for bets."""
    return replace(market(number, event=event), st="suspended", reason=reason)


def event(number: int = 0) -> Event:
    """An event under way."""
    return Event(f"E{number}", f"football.nfl.E{number}", f"Game {number}", "2026-09-21T20:00:00Z", "live", START_MS)


class Stage:
    """What happens happens at once, and only when the scenario says so: see `settle` and `run`."""

    def __init__(self, *, lanes: int = 1, shards: int = 1) -> None:
        self.now_ms = START_MS
        self.log = Log(lanes)
        self.shards = [SimulatedShard(f"s{number}", self.log) for number in range(shards)]
        self.checkers: dict[SimulatedDevice, Checker] = {}

    def publish(self, *states: State) -> int:
        """Appends states; they are on their way to every shard. Gives the last position."""
        s = 0
        for state in states:
            stored = self.log.publish(state)
            s = stored.s
            for shard in self.shards:
                shard.stored(int(stored.subject.split(".")[1]), stored)
        return s

    def beat(self, state: FeedState = "live", lane: int = 0) -> None:
        """The feed's leader beats."""
        stored = self.log.beat(lane, Beat("alpha", state, self.now_ms))
        for shard in self.shards:
            shard.stored(lane, stored)

    def device(self, *topics: str, tier_ms: int = 0, shard: int = 0) -> SimulatedDevice:
        """A device that connects and asks for topics."""
        device = SimulatedDevice(f"d{len(self.checkers)}", tier_ms)
        device.wanted |= dict.fromkeys(topics)
        self.checkers[device] = Checker(self.log, device)
        self.connect(device, shard)
        return device

    def connect(self, device: SimulatedDevice, shard: int = 0) -> None:
        """A new connection of a device, on this shard."""
        device.disconnect(self.now_ms)
        device.connect(self.shards[shard], self.now_ms)
        self.shards[shard].want(self.now_ms)

    def settle(self, *, shard: int | None = None) -> None:
        """Everything that was published arrives, boards are read; no tier ticks but the one without delay."""
        for each in self.shards if shard is None else [self.shards[shard]]:
            each.want(self.now_ms)
            each.core.now_ms = self.now_ms
            for lane in tuple(each.followed):
                each.deliver(lane, self.log.heads[lane])
                if each.needs_board(lane):
                    each.begin_board(lane)
                    each.end_board(lane)
            each.settle(self.now_ms)

    def tick(self, ms: int = 250) -> None:
        """Time passes and every tier ticks once; walks go on to their end."""
        self.now_ms += ms
        for device in self.checkers:
            if device.socket is not None:
                device.socket.now_ms = self.now_ms
        for shard in self.shards:
            shard.flush_all(self.now_ms)
            self.walk(shard)
            shard.core.sweep(self.now_ms)
            shard.want(self.now_ms)

    def walk(self, shard: SimulatedShard) -> None:
        """Walks go on as far as sockets have room."""
        while shard.core.step_walks(self.now_ms, 100):
            pass

    def run(self, device: SimulatedDevice | None = None) -> list[Message]:
        """Everything arrives, ticks and is read. Gives what `device` read."""
        self.settle()
        heard: list[Message] = []
        for _ in range(5):
            self.tick()
            for each in self.checkers:
                read = self.read(each)
                heard += read if each is device else []
        return heard

    def read(self, device: SimulatedDevice, frames: int = 1_000) -> list[Message]:
        """The device reads, by the client rule, and every message is checked against the log."""
        messages: list[Message] = []
        while device.socket is not None and len(messages) < frames:
            frame = device.socket.read()
            if frame is None:
                break
            message = orjson.loads(frame)
            device.receive(message)
            self.checkers[device].received(message)
            messages.append(orjson.loads(frame))  # the device goes on to change what it was given
        return messages

    def lose_frame(self, device: SimulatedDevice) -> None:
        """A frame never arrives, which no connection does."""
        assert device.socket is not None
        assert device.socket.read() is not None

    def block(self, device: SimulatedDevice) -> Socket:
        """The device's socket is full."""
        socket = device.socket
        assert socket is not None
        socket.paused = True
        socket.shard.core.placement.blocked(socket.device, self.now_ms)
        return socket

    def unblock(self, device: SimulatedDevice) -> None:
        """It is below the low-water mark again."""
        socket = device.socket
        assert socket is not None
        socket.paused = False
        socket.shard.core.placement.drained(socket.device)

    def age(self, lane: int, floor: int) -> None:
        """The lane forgets, and every shard that follows it is told."""
        self.log.age(lane, floor)
        for shard in self.shards:
            if lane in shard.followed:
                shard.core.floor(lane, floor)
                shard.settle(self.now_ms)

    def beats(self, ms: int, state: FeedState = "live") -> None:
        """Beats for so long."""
        for _ in range(ms // BEAT_INTERVAL_MS):
            self.beat(state)
            self.settle()
            self.tick(BEAT_INTERVAL_MS)


def kinds(messages: list[Message]) -> list[str]:
    """The `t` of each message."""
    return [str(message["t"]) for message in messages]


def first(messages: list[Message], kind: str) -> Message:
    """The first message of a kind, which must be there."""
    found = [message for message in messages if message["t"] == kind]
    assert found, f"no {kind} in {kinds(messages)}"
    return found[0]


def states(messages: list[Message], market_id: str = "E0M0") -> list[Message]:
    """Every MARKET and DELTA of one market."""
    return [part for message in messages for part in message.get("m", ()) if part["id"] == market_id]
