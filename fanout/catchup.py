"""The one catch-up walk: image, resume, a slow device and a change of topics are the same thing. Pure.

A walk brings one device from what it holds to what the board holds, in chunks. Each chunk first brings up to date what
was sent before, then goes on; when nothing is left, the device is exactly at the board's positions. Any change of
topics or tier goes on with the same walk, so nothing is lost and nothing that was gone before stays as a ghost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from fanout.board import Board, Group
from fanout.contract import messages
from fanout.contract.codec import delta_json
from fanout.contract.topics import Topic, event_topic_prefixes
from feeds.contract.book import Delta, Entry, MarketEntry

Why = Literal["resume", "slow", "tier", "topics"]


class Held(NamedTuple):
    """What a device holds of one topic. `base`: the position of each lane up to which it does, None for nothing (an
    image follows). `point`: what was gone at or before this position is not sent: the base, or where the image began
    (None until its first chunk).
    """

    base: Mapping[int, int] | None
    point: Mapping[int, int] | None


NOTHING = Held(None, None)
"""An image follows."""


def holding(positions: Mapping[int, int]) -> Held:
    """The device holds everything up to these positions."""
    return Held(positions, positions)


class Walk:
    """One device's catch-up over the union of its topics. `anew`: the device was told that the log was lost."""

    __slots__ = ("_board", "_held", "_sent", "_visited", "anew", "answers", "why")

    def __init__(self, board: Board, why: Why) -> None:
        self.why: Why = why
        self.anew = False
        self.answers: dict[str, None] = {}
        self._board = board
        self._held: dict[Topic, Held] = {}
        self._sent: dict[str, int] = {}
        self._visited: dict[Group, int] = {}

    @property
    def topics(self) -> Iterable[Topic]:
        """What is walked over."""
        return self._held

    def hold(self, topic: Topic, held: Held) -> None:
        """Walk over this topic from what is held of it. Named again, a topic starts anew."""
        self._held[topic] = held
        if not self._visited and not self._sent:
            return
        for group in self._board.groups(topic):
            self._visited.pop(group, None)
            for entry in group.entries.values():
                if entry.state.id in self._sent and _wants(topic, entry):
                    del self._sent[entry.state.id]

    def drop(self, topic: Topic) -> None:
        """Walk over this topic no more."""
        self._held.pop(topic, None)
        self.answers.pop(topic.text, None)

    def below_floor(self, lane: int, floor: int) -> list[Topic]:
        """The topics whose walk, also to an image, begins below the lane's floor: what they missed cannot be told."""
        return [
            topic
            for topic, held in self._held.items()
            if held.point is not None and lane in held.point and held.point[lane] < floor - 1
        ]

    def changed(self, topic: Topic) -> bool:
        """Whether anything of this topic is to be sent."""
        held = self._held[topic]
        return any(
            _wants(topic, entry) and _due(entry, held, group.lane)
            for group in self._board.groups(topic)
            for entry in group.entries.values()
        )

    def chunk(self, now_ms: int, max_bytes: int) -> tuple[list[bytes], bool]:
        """The next frames, and whether the device is now where the board is."""
        self._begin_images()
        lone = self._lone_image()
        if lone is None:
            return self._next_chunk(now_ms, max_bytes)
        topic, group = lone
        frames = self._board.images.get(topic.text, group.last_s)
        if frames is None:
            frames, done = self._next_chunk(now_ms, max_bytes)
            if not done:
                return frames, False
            self._board.images.keep(topic.text, group.last_s, frames)
        self._visited[group] = group.last_s
        return frames, True

    def _lone_image(self) -> tuple[Topic, Group] | None:
        """A walk that is just beginning, for the image of one event: the same for everyone who asks for it now."""
        if len(self._held) != 1 or self._visited or self._sent or self.why != "topics":
            return None
        topic, held = next(iter(self._held.items()))
        if held.base is not None or topic.event is None:
            return None
        group = next(self._board.groups(topic), None)
        return None if group is None else (topic, group)

    def _next_chunk(self, now_ms: int, max_bytes: int) -> tuple[list[bytes], bool]:
        image = any(held.base is None for held in self._held.values())
        chunk = _Chunk(self._board, max_bytes, image=image)
        rules = self._rules()
        groups = dict.fromkeys(group for topic in self._held for group in self._board.groups(topic))
        outdated = [group for group in groups if self._visited.get(group, -1) < group.last_s]
        outdated.sort(key=lambda group: group not in self._visited)
        for group in outdated:
            if not self._visit(group, rules, chunk):
                return chunk.frames(now_ms, self.why), False
            self._visited[group] = group.last_s
        return chunk.frames(now_ms, self.why), True

    def _begin_images(self) -> None:
        for topic, held in self._held.items():
            if held.point is None:
                self._held[topic] = Held(None, self._board.positions(self._board.lanes_of((topic,))))

    def _rules(self) -> dict[str, list[tuple[Topic, Held]]]:
        rules: dict[str, list[tuple[Topic, Held]]] = {}
        for topic, held in self._held.items():
            rules.setdefault(topic.event_topic or topic.path, []).append((topic, held))
        return rules

    def _visit(self, group: Group, rules: dict[str, list[tuple[Topic, Held]]], chunk: _Chunk) -> bool:
        """Adds what the device lacks of a group. False: the chunk is full, the group is not done."""
        matching = [rule for path in event_topic_prefixes(group.topic) for rule in rules.get(path, ())]
        for entry in group.entries.values():
            held = _least(matching, entry, group.lane)
            if held is None:
                continue
            base, point = held
            sent = self._sent.get(entry.state.id)
            if entry.s <= (base if sent is None else sent):
                continue
            if sent is None and entry.gone and entry.s <= point:
                continue
            if chunk.full:
                return False
            chunk.add(entry, base if sent is None else sent)
            self._sent[entry.state.id] = entry.s
        return True


class _Chunk:
    """The parts of the next frames, up to a number of bytes."""

    __slots__ = ("_board", "_bytes_left", "_deltas", "_events", "_image", "_whole")

    def __init__(self, board: Board, max_bytes: int, *, image: bool) -> None:
        self._board = board
        self._bytes_left = max_bytes
        self._image = image
        self._whole: list[bytes] = []
        self._deltas: list[bytes] = []
        self._events: list[bytes] = []

    @property
    def full(self) -> bool:
        return self._bytes_left <= 0

    def add(self, entry: Entry, base: int) -> None:
        part: bytes
        if not isinstance(entry, MarketEntry):
            part = self._board.whole(entry)
            self._events.append(part)
        else:
            change = entry.since(base)
            if change is None:
                return
            if isinstance(change, Delta):
                part = delta_json(change, 0)
                self._deltas.append(part)
            else:
                part = self._board.whole(entry)
                self._whole.append(part)
        self._bytes_left -= len(part) + 1

    def frames(self, now_ms: int, why: Why) -> list[bytes]:
        """Whole markets of an image go in `img`; deltas, and everything where there is no image, in `d`."""
        frames: list[bytes] = []
        deltas, events = self._deltas, self._events
        if not self._image:
            deltas = self._whole + deltas
        elif self._whole or events:
            frames.append(messages.image_frame(self._whole, events, why))
            events = []
        if deltas or events:
            frames.append(messages.delta_frame(now_ms, deltas, events, why=why))
        return frames


def _wants(topic: Topic, entry: Entry) -> bool:
    return not isinstance(entry, MarketEntry) or topic.wants(entry.state)


def _due(entry: Entry, held: Held, lane: int) -> bool:
    base = 0 if held.base is None else held.base.get(lane, 0)
    return entry.s > base


def _least(matching: list[tuple[Topic, Held]], entry: Entry, lane: int) -> tuple[int, int] | None:
    """The least (base, point) over the topics that mean this entry, or None where none does."""
    base = point = -1
    for topic, held in matching:
        if not _wants(topic, entry):
            continue
        topic_base = 0 if held.base is None else held.base.get(lane, 0)
        topic_point = 0 if held.point is None else held.point.get(lane, 0)
        base = topic_base if base < 0 else min(base, topic_base)
        point = topic_point if point < 0 else min(point, topic_point)
    return None if base < 0 else (base, point)
