"""One random run: a log, its feed, shards that lag, devices that misbehave. Everything follows from the seed.

Odd seeds also have outages (outages.py); even ones are what they were before there were any, so that kept seeds still
mean what they did.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import orjson

from bench.simulation.delivery import outages
from bench.simulation.delivery.checker import Checker
from bench.simulation.delivery.closings import Closings
from bench.simulation.delivery.devices import SimulatedDevice
from bench.simulation.delivery.log import Log
from bench.simulation.delivery.shards import TIERS_MS, SimulatedShard
from bench.simulation.delivery.slate import Slate
from bench.simulation.violation import Violation
from fanout.contract.replica import Message
from feeds.contract.freshness import BEAT_INTERVAL_MS
from feeds.contract.model import FeedState
from feeds.contract.records import Beat

STEPS = 400
QUIET_ROUNDS_MAX = 200
TRACE_LINES = 80


class World:
    """A log, a feed, shards and devices."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now_ms = 1_790_000_000_000
        self.trace: deque[str] = deque(maxlen=TRACE_LINES)
        self.log = Log(self.random.choice((2, 3)))
        self.slate = Slate(self.random, self.random.randint(3, 6))
        self.shards = [SimulatedShard(f"s{number}", self.log) for number in range(self.random.choice((2, 2, 3)))]
        self.devices = [
            SimulatedDevice(f"d{number}", self.random.choice(TIERS_MS)) for number in range(self.random.randint(3, 6))
        ]
        self.checkers = {device: Checker(self.log, device) for device in self.devices}
        self._floors: dict[int, int] = {}
        self._feed_state: FeedState = "live"
        self._beat_ms = self.now_ms
        self._actions: tuple[tuple[int, Callable[[], None]], ...] = (
            (30, self._publish),
            (30, self._deliver),
            (30, self._read),
            (12, self._walk),
            (8, self._subscribe),
            (5, self._unsubscribe),
            (4, self._change_tier),
            (5, self._die),
            (5, self._lose_records),
            (5, self._refresh),
            (3, self._cut_off),
            (6, self._age),
            (4, self._begin_board),
            (2, self._turn_feed),
            (1, self._lose_log),
            (1, self._pass_time),
        )
        if seed % 2:
            self._actions += ((2, self._kill), (6, self._muddle))

    def run(self) -> None:
        """A busy time, then quiet."""
        for state in self.slate.everything():
            self._store(state)
        for device in self.devices:
            device.wanted |= dict.fromkeys(self._topics())
        for _ in range(STEPS):
            self.step()
        self.settle_down()

    def step(self) -> None:
        """One thing happens, and everyone does what is due."""
        _, action = self.random.choices(self._actions, [weight for weight, _ in self._actions])[0]
        action()
        self.now_ms += self.random.randint(1, 60)
        if self._feed_state != "down" and self.now_ms >= self._beat_ms + BEAT_INTERVAL_MS:
            self._beat()
        self._connect()
        for shard in self.shards:
            for lane in tuple(shard.followed):
                if lane in shard.followed and shard.needs_board(lane) and self.random.random() < 0.15:
                    self._read_board(shard, lane)
            self._tick(shard)

    def settle_down(self) -> None:
        """Nothing is published any more, everything is delivered: every device shows the log."""
        if self._feed_state != "live":
            self._feed_state = "live"
        self._beat()
        self._deliver_all()
        for device in self.devices:
            assert device.live or not device.wanted, f"{device.name} never went live"
            self.checkers[device].quiet()
        self._check_sources()

    def _deliver_all(self) -> None:
        """Everything that is on its way arrives, until every device has read all of it."""
        for _ in range(QUIET_ROUNDS_MAX):
            self.now_ms += 60
            for device in self.devices:
                device.away_until_ms = 0
            self._connect()
            for shard in self.shards:
                shard.learn_epoch(self.now_ms)
                for lane in range(self.log.lanes):
                    if lane in shard.followed and shard.needs_board(lane):
                        self._read_board(shard, lane)
                    with self._burst(shard):
                        shard.deliver(lane, self.log.heads[lane])
                self._tick(shard)
                shard.write(self.now_ms)
                shard.core.step_walks(self.now_ms, 100)
            for device in self.devices:
                self._read_all(device)
            if all(self._is_done(device) for device in self.devices):
                return

    def note(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self.now_ms % 1_000_000:6d} {line}")

    # The log and its feed

    def _store(self, state: object) -> None:
        stored = self.log.publish(state)  # type: ignore[arg-type]
        lane = int(stored.subject.split(".")[1])
        self.note(f"log {lane}:{stored.s} {stored.data.decode()}"[:300])
        for shard in self.shards:
            shard.stored(lane, stored)

    def _publish(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            for state in self.slate.change():
                self._store(state)

    def _beat(self) -> None:
        self._beat_ms = self.now_ms
        for lane in range(self.log.lanes):
            stored = self.log.beat(lane, Beat("alpha", self._feed_state, self.now_ms))
            for shard in self.shards:
                shard.stored(lane, stored)

    def _turn_feed(self) -> None:
        states: tuple[FeedState, ...] = ("live", "live", "recovering", "down")
        self._feed_state = self.random.choice(states)
        self.note(f"feed {self._feed_state}")
        self._beat()

    def _refresh(self) -> None:
        """Leaders write anew what the next floor would forget; rarely they are too late for it."""
        lane = self.random.randrange(self.log.lanes)
        if lane in self._floors:
            return
        floor = self.random.randint(self.log.floors[lane], max(self.log.floors[lane], self.log.heads[lane]))
        if self.random.random() < 0.9:
            for state in self.log.held_below(lane, floor):
                self._store(state)
        self._floors[lane] = floor

    def _age(self) -> None:
        """A lane forgets: after everyone read what was written anew, or while somebody has read nothing for long."""
        for lane, floor in tuple(self._floors.items()):
            head = self.log.superseded_by(lane, floor)
            followers = [shard for shard in self.shards if lane in shard.followed and shard.current]
            late = [shard for shard in followers if shard.reached(lane) < head]
            if late and self.random.random() < 0.5:
                continue
            del self._floors[lane]
            self.log.age(lane, floor)
            self.note(f"lane {lane} begins at {floor}")
            for shard in followers:
                if shard in late:
                    shard.break_off(lane)
                elif not shard.needs_board(lane):
                    with self._burst(shard):
                        shard.core.floor(lane, floor)

    def _lose_log(self) -> None:
        if self.random.random() < 0.5:
            return
        self.log.lose()
        self._floors.clear()
        self.note(f"the log was lost, now {self.log.epoch}")
        for state in self.slate.everything():
            self._store(state)

    # Shards

    def _deliver(self) -> None:
        shard = self.random.choice(self.shards)
        if not shard.current and self.random.random() < 0.4:
            self.note(f"{shard.name} learns of {self.log.epoch}")
            with self._burst(shard):
                shard.learn_epoch(self.now_ms)
        for lane in range(self.log.lanes):
            with self._burst(shard):
                shard.deliver(lane, self.random.randint(0, 12))

    def _lose_records(self) -> None:
        shard = self.random.choice(self.shards)
        for followed in shard.followed.values():
            for _ in range(self.random.randint(0, 3)):
                if followed.pipe:
                    lost = followed.pipe.popleft()
                    self.note(f"{shard.name} misses {lost.subject} {lost.s}")

    def _kill(self) -> None:
        shard = self.random.choice(self.shards)
        lost = outages.kill(shard, self.devices, self.random, self.now_ms)
        self.note(f"{shard.name} was killed under {lost} devices")

    def _muddle(self) -> None:
        outages.muddle(self.random.choice(self.shards), self.random)

    def _cut_off(self) -> None:
        """A shard loses the bus for a while."""
        shard = self.random.choice(self.shards)
        if shard.followed:
            lane = self.random.choice(sorted(shard.followed))
            self.note(f"{shard.name} is cut off from lane {lane}")
            shard.break_off(lane)

    def _begin_board(self) -> None:
        shard = self.random.choice(self.shards)
        if shard.followed:
            lane = self.random.choice(sorted(shard.followed))
            if shard.needs_board(lane):
                shard.begin_board(lane)

    def _read_board(self, shard: SimulatedShard, lane: int) -> None:
        shard.begin_board(lane)
        with self._burst(shard):
            shard.end_board(lane)
        self.note(f"{shard.name} read the board of {lane}, floor {self.log.floors[lane]}")

    def _tick(self, shard: SimulatedShard) -> None:
        shard.want(self.now_ms)
        shard.tick(self.now_ms)
        shard.write(self.now_ms, turns=self.random.randint(0, 2), writes=self.random.randint(1, 4))
        if self.random.random() < 0.3:
            shard.core.sweep(self.now_ms)
        shard.want(self.now_ms)

    def _walk(self) -> None:
        shard = self.random.choice(self.shards)
        shard.core.step_walks(self.now_ms, self.random.randint(1, 8))

    @contextmanager
    def _burst(self, shard: SimulatedShard) -> Iterator[None]:
        """What the log brings to a shard in one turn of the loop; it settles after that."""
        for device in self.devices:
            if device.socket is not None:
                device.socket.now_ms = self.now_ms
                device.socket.recent.clear()
        shard.core.now_ms = self.now_ms
        closings = Closings(shard, self.devices)
        yield
        shard.settle(self.now_ms)
        shard.want(self.now_ms)
        closings.check()

    # Devices

    def _topics(self) -> list[str]:
        paths = self.random.sample(self.slate.topics(), self.random.randint(1, 2))
        classes = ("", "", ":main", ":alternate", ":prop")
        return [path + self.random.choice(classes) for path in paths]

    def _connect(self) -> None:
        for device in self.devices:
            socket = device.socket
            if socket is not None and socket.closed is not None:
                self.note(f"{device.name} was closed {socket.closed.code}")
                self._read_some(device, self.random.randint(0, 5))
                device.cut_off()
                socket = None
            if socket is None and self.now_ms >= device.away_until_ms and device.wanted:
                shard = self.random.choice(self.shards)
                if self.random.random() < 0.1:
                    device.held.clear()
                self.note(
                    f"{device.name} connects to {shard.name} for {list(device.wanted)}, cursor {device.replica.cursor}"
                )
                device.connect(shard, self.now_ms)
                shard.want(self.now_ms)

    def _connected(self) -> SimulatedDevice | None:
        connected = [device for device in self.devices if device.socket is not None and device.socket.closed is None]
        return self.random.choice(connected) if connected else None

    def _subscribe(self) -> None:
        device = self._connected()
        if device is None:
            return
        topics = [topic for topic in self._topics() if topic not in device.wanted or self.random.random() < 0.3]
        if self.random.random() < 0.3:
            device.tier_ms = self.random.choice(TIERS_MS)
        cursor = None
        if self.random.random() < 0.2 and device.replica.cursor is not None and not device.replica.gap:
            topics, cursor = sorted(device.held), device.replica.cursor
        if topics:
            self.note(f"{device.name} subscribes to {topics}, cursor {cursor}, tier {device.tier_ms}")
            device.subscribe(topics, cursor, self.now_ms)

    def _unsubscribe(self) -> None:
        device = self.random.choice(self.devices)
        if len(device.wanted) > 1 or (device.wanted and self.random.random() < 0.1):
            topics = self.random.sample(sorted(device.wanted), 1)
            self.note(f"{device.name} leaves {topics}")
            device.unsubscribe(topics, self.now_ms)

    def _change_tier(self) -> None:
        device = self._connected()
        if device is not None:
            device.tier_ms = self.random.choice(TIERS_MS)
            self.note(f"{device.name} moves to tier {device.tier_ms}")
            device.subscribe([], None, self.now_ms)

    def _die(self) -> None:
        device = self._connected()
        if device is not None:
            long = self.random.random() < 0.3
            device.away_until_ms = self.now_ms + (self.random.randint(1_000, 6_000) if long else 0)
            self.note(f"{device.name} dies, {len(device.socket.unread) if device.socket else 0} frames unread")
            device.disconnect(self.now_ms)

    def _read(self) -> None:
        for device in self.devices:
            if self.random.random() < 0.6:
                self._read_some(device, self.random.randint(1, 6))

    def _read_some(self, device: SimulatedDevice, frames: int) -> None:
        for _ in range(frames):
            if device.socket is None:
                return
            device.socket.now_ms = self.now_ms
            frame = device.socket.read()
            if frame is None:
                return
            message = orjson.loads(frame)
            self.note(f"{device.name} < {frame.decode()}"[:700])
            gaps = device.replica.gaps
            device.receive(message)
            if device.replica.gaps > gaps:
                self._answer_gap(device, message)
            self.checkers[device].received(message)

    def _answer_gap(self, device: SimulatedDevice, message: Message) -> None:
        """No frame is lost here, so the one way into a gap is a market that the image of a shard behind dropped."""
        dropped = device.replica._dropped  # noqa: SLF001 only the client rule knows
        if not any(part["id"] in dropped for part in message["m"]):
            raise Violation(f"S2: {device.name} fell into a gap without a fault")
        self.note(f"{device.name} misses what was dropped")
        device.replica.resubscribing(device.subscribe(list(device.wanted), None, self.now_ms))

    def _read_all(self, device: SimulatedDevice) -> None:
        while device.socket is not None and device.socket.unread:
            self._read_some(device, 1)

    def _pass_time(self) -> None:
        self.now_ms += self.random.choice((1_000, 4_000, 25_000))
        self.note("time passes")

    def _is_done(self, device: SimulatedDevice) -> bool:
        if not device.wanted:
            return True
        socket = device.socket
        if socket is None or socket.closed is not None or socket.unread or not device.live:
            return False
        shard = socket.shard
        positions = [shard.core.board.lanes[lane].book.position for lane in shard.followed]
        heads = [self.log.heads[lane] for lane in shard.followed]
        flushed = all(
            tier.flushed[lane] == self.log.heads[lane] for tier in shard.core.tiers for lane in shard.followed
        )
        waiting = socket.device.waiting is not None or socket.device.walk is not None
        return shard.current and positions == heads and flushed and not waiting

    def _check_sources(self) -> None:
        for device in self.devices:
            if device.socket is None or device.socket.device.cohort is None:
                continue
            lanes = device.socket.device.cohort.lanes
            expected = device.socket.shard.core.board.not_live(lanes)
            if device.replica.not_live != expected:
                raise Violation(f"S7: {device.name} takes {device.replica.not_live} as not live, it is {expected}")
