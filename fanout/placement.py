"""Where each device is: in its cohort, or in a walk on the way there. Nothing is in between.

Owns the walks that are under way, the devices whose socket is full, and which lanes anybody needs. Pure; it never
decides what a device may subscribe to (sessions.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from zlib import crc32

from fanout.board import Board
from fanout.catchup import NOTHING, Walk, Why, holding
from fanout.cohorts import Cohort
from fanout.contract import messages
from fanout.contract.cursor import encode_cursor
from fanout.contract.topics import Topic
from fanout.device import Device
from fanout.settings import FanoutSettings
from fanout.tiers import Tier

LIVE_AT_ONCE = 64
"""Devices that go live at once when a tier has written: a few milliseconds."""


class Placement:
    """Cohort or walk, for every device of a shard."""

    def __init__(self, settings: FanoutSettings, board: Board, tiers: Sequence[Tier]) -> None:
        self.catching_up: dict[Device, None] = {}
        self.full: dict[Device, None] = {}
        self._settings = settings
        self._board = board
        self._tiers = tiers
        self._phases = {ms: tuple(tier for tier in tiers if tier.interval_ms == ms) for ms in settings.tiers_ms}
        self._next: dict[Device, None] = {}
        self._ready: dict[Tier, dict[Device, None]] = {tier: {} for tier in tiers}
        self._stalled: dict[Device, None] = {}
        self._lane_users = [0] * len(board.lanes)
        self._lanes_left_ms: dict[int, int] = {}

    def warm(self, now_ms: int) -> None:
        """A shard that begins reads every lane for a while, so that its first devices need not wait."""
        self._lanes_left_ms = dict.fromkeys(range(len(self._lane_users)), now_ms)

    def walk_of(self, device: Device, why: Why) -> Walk:
        """The device's walk: the one under way, or a new one from what its tier last flushed."""
        if device.walk is not None:
            return device.walk
        walk = Walk(self._board, why)
        cohort = device.cohort
        if cohort is not None:
            flushed = self._tiers[cohort.tier].flushed
            held = holding({lane: flushed[lane] for lane in cohort.lanes})
            for topic in cohort.topics:
                walk.hold(topic, held)
            cohort.leave(device.outlet)
        device.walk = walk
        self.catching_up[device] = None
        return walk

    def tier_ms(self, cohort: Cohort) -> int:
        """The tier of a cohort, ms."""
        return self._tiers[cohort.tier].interval_ms

    def retarget(self, device: Device, walk: Walk, tier_ms: int, now_ms: int) -> None:
        """The walk leads to the cohort of its topics at this tier."""
        topics = tuple(walk.topics)
        cohort = None
        if topics:
            tier = self._phase(tier_ms, topics)
            cohort = tier.cohorts.take(topics, self._board.lanes_of(topics))
            if cohort.users == 1:
                tier.begin_beating(cohort, now_ms)
        self._set_cohort(device, cohort, now_ms)

    def _phase(self, tier_ms: int, topics: Sequence[Topic]) -> Tier:
        """The phase of a tier in which these topics take their turn: always the same one."""
        phases = self._phases[tier_ms]
        key = crc32(" ".join(sorted(topic.text for topic in topics)).encode()) if len(phases) > 1 else 0
        return phases[key % len(phases)]

    def leave(self, device: Device, now_ms: int) -> None:
        """The device is no more; its socket may still fill and drain while it says goodbye."""
        device.left = True
        self._set_cohort(device, None, now_ms)
        device.walk = None
        for kept in (self.catching_up, self.full, self._next, self._stalled):
            kept.pop(device, None)

    def step(self, device: Device, now_ms: int) -> None:
        """One chunk, if the socket has room; then live, or again later."""
        walk, cohort = device.walk, device.cohort
        if walk is None or device.is_full():
            return
        if cohort is None:
            self._end_walk(device)
            return
        if not all(self._board.lanes[lane].joined for lane in cohort.lanes):
            self._stalled[device] = None
            return
        if device.slow_since_ms is not None:
            behind_ms, device.slow_since_ms = now_ms - device.slow_since_ms, None
            device.send(messages.slow(behind_ms, self._settings.slow_close_ms))
        frames, done = walk.chunk(now_ms, self._settings.chunk_bytes)
        for frame in frames:
            device.send(frame)
        if device.is_full():
            return
        tier = self._tiers[cohort.tier]
        if not done:
            self._next[device] = None
        elif tier.writing:
            self._ready[tier][device] = None
        else:
            self._go_live(device, cohort, walk)

    def step_some(self, now_ms: int, chunks: int) -> bool:
        """The next chunks of those who catch up, in turn. Gives whether there are more to come."""
        for device in tuple(self._next)[:chunks]:
            del self._next[device]
            self.step(device, now_ms)
        return bool(self._next)

    def written(self, tier: Tier, now_ms: int) -> None:
        """Nothing of this tier is on its way: of those who waited for that, the first `LIVE_AT_ONCE` go on now, the
        others in their turn."""
        ready, self._ready[tier] = self._ready[tier], {}
        for device in tuple(islice(ready, LIVE_AT_ONCE)):
            del ready[device]
            self.step(device, now_ms)
        self._next |= ready

    @property
    def owed(self) -> int:
        """Devices that wait for their next chunk, though their sockets have room."""
        return len(self._next) + sum(map(len, self._ready.values()))

    def lane_joined(self) -> None:
        """A board was read: those who waited for it go on."""
        self._next |= self._stalled
        self._stalled.clear()

    def blocked(self, device: Device, now_ms: int) -> None:
        """The socket is full: nothing new until it drains."""
        if device.is_full() or device.left:
            return
        device.blocked_ms = now_ms
        self.full[device] = None
        if device.walk is None and device.cohort is not None:
            device.slow_since_ms = now_ms
            self.walk_of(device, "slow")

    def drained(self, device: Device) -> None:
        """The socket has room again."""
        device.blocked_ms = None
        self.full.pop(device, None)
        if device.walk is not None:
            self._next[device] = None

    def restart(self, device: Device, topics: Iterable[Topic], why: str) -> None:
        """What the device holds of these topics cannot be brought up to date: they start anew, and it is told."""
        assert device.cohort is not None
        restarted = tuple(topics)
        walk = self.walk_of(device, "resume")
        walk.anew |= why == "epoch_changed"
        for topic in restarted:
            walk.hold(topic, NOTHING)
            walk.answers[topic.text] = None
        device.send(
            messages.subscribed(
                op=None,
                epoch=self._board.epoch,
                tier_ms=self.tier_ms(device.cohort),
                topics={topic.text: "image" for topic in restarted},
                why={topic.text: why for topic in restarted},
            )
        )
        self._next[device] = None

    def floor_rose(self, lane: int, floor: int) -> None:
        """The lane's log begins at `floor` now: walks that began below it start again as images."""
        for device in tuple(self.catching_up):
            topics = device.walk.below_floor(lane, floor) if device.walk is not None else ()
            if topics:
                self.restart(device, topics, "not_covered")

    def tell_source(self, lane: int, payload: bytes) -> None:
        """A source turned stale or down: those who catch up hear of it at once, too."""
        for device in self.catching_up:
            if device.cohort is not None and lane in device.cohort.lanes and not device.is_full():
                device.send(payload)

    def forget_walks(self) -> None:
        """Another log: what was walked means nothing."""
        for device in self.catching_up:
            device.walk = None
        self.catching_up.clear()

    def wanted_lanes(self, now_ms: int) -> frozenset[int]:
        """The lanes that devices need, and those that were needed not long ago."""
        linger_ms = self._settings.lane_linger_s * 1000
        self._lanes_left_ms = {
            lane: left_ms for lane, left_ms in self._lanes_left_ms.items() if now_ms - left_ms <= linger_ms
        }
        used = {lane for lane, users in enumerate(self._lane_users) if users}
        return frozenset(used | self._lanes_left_ms.keys())

    def _go_live(self, device: Device, cohort: Cohort, walk: Walk) -> None:
        self._end_walk(device)
        cohort.join(device.outlet)
        cursor = encode_cursor(self._board.epoch, self._board.positions(cohort.lanes).items())
        device.send(
            messages.live(
                topics=list(walk.answers) or sorted(cohort.texts),
                src=self._board.not_live(cohort.lanes),
                cursor=cursor,
            ),
            cursor,
        )

    def _end_walk(self, device: Device) -> None:
        device.walk = None
        self.catching_up.pop(device, None)

    def _set_cohort(self, device: Device, cohort: Cohort | None, now_ms: int) -> None:
        former, device.cohort = device.cohort, cohort
        for lane in cohort.lanes if cohort is not None else ():
            self._lane_users[lane] += 1
            self._lanes_left_ms.pop(lane, None)
        if former is None:
            return
        former.leave(device.outlet)
        self._tiers[former.tier].cohorts.release(former)
        for lane in former.lanes:
            self._lane_users[lane] -= 1
            if not self._lane_users[lane]:
                self._lanes_left_ms[lane] = now_ms
