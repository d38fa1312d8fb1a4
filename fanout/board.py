"""What a shard knows: the book of every lane it reads, and its events grouped so that a topic finds its entries.

A group is one event with its markets; `last_s` is the newest position in it, so whole groups are passed over when
nothing in them moved. The board never knows of devices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fanout.contract.codec import event_json, market_json
from fanout.contract.topics import Topic, event_topic_prefixes
from feeds.contract.book import Applied, Entry, MarketBook, MarketEntry
from feeds.contract.freshness import Sources, SourceState
from feeds.contract.model import Event, Market
from feeds.contract.subjects import lane_of


class Group:
    """One event and its markets, by id. `last_s`: the newest position of any of them."""

    __slots__ = ("entries", "lane", "last_s", "topic")

    def __init__(self, topic: str, lane: int) -> None:
        self.topic = topic
        self.lane = lane
        self.last_s = 0
        self.entries: dict[str, Entry] = {}


class Images:
    """Encoded images of single events, so that a crowd that comes for one game costs one encoding. Latest wins."""

    KEPT_MAX = 256
    """Images kept; beyond it the oldest goes."""

    def __init__(self) -> None:
        self._frames: dict[str, tuple[int, list[bytes]]] = {}

    def get(self, key: str, last_s: int) -> list[bytes] | None:
        """The frames of an image of a group whose newest position is `last_s`."""
        held = self._frames.get(key)
        return held[1] if held is not None and held[0] == last_s else None

    def keep(self, key: str, last_s: int, frames: list[bytes]) -> None:
        """Whole images only: frames that leave nothing out."""
        self._frames.pop(key, None)
        if len(self._frames) >= self.KEPT_MAX:
            del self._frames[next(iter(self._frames))]
        self._frames[key] = (last_s, frames)

    def clear(self) -> None:
        """Positions mean nothing any more."""
        self._frames.clear()


class Lane:
    """One lane as this shard reads it. `joined`: a board was read and nothing is missing since."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.book = MarketBook()
        self.sources = Sources()
        self.joined = False


class Moved(NamedTuple):
    """One state that the board took."""

    group: Group
    entry: Entry
    urgent: bool


class Board:
    """All lanes of the log, joined or not."""

    def __init__(self, lanes: int) -> None:
        self.lanes = tuple(Lane(number) for number in range(lanes))
        self.epoch = ""
        self.images = Images()
        self._groups: dict[str, Group] = {}
        self._under: dict[str, dict[str, Group]] = {}
        self._whole: dict[str, tuple[int, bytes]] = {}

    def apply(self, lane: int, state: Market | Event, s: int) -> Moved:
        """The state at `s`, the next position of the lane."""
        return self._place(lane, self.lanes[lane].book.apply(state, s))

    def load(self, lane: int, states: Iterable[tuple[Market | Event, int]], position: int) -> list[Moved]:
        """A board read of one lane. Gives what moved, oldest first."""
        target = self.lanes[lane]
        moved = [self._place(lane, applied) for applied in target.book.load_board(states, position)]
        target.joined = True
        return moved

    def raise_floor(self, lane: int, floor: int) -> list[Entry]:
        """The lane's log now begins at `floor`: forgets what lies below it and gives it."""
        dropped = self.lanes[lane].book.raise_floor(floor)
        if dropped:
            self.images.clear()
        for entry in dropped:
            self._forget(entry)
        return dropped

    def wear(self, lane: int, position: int, limit: int) -> list[MarketEntry]:
        """Of what is gone and was told, only that is kept. Gives what that was done to, at most `limit`."""
        worn = self.lanes[lane].book.wear(position, limit)
        for entry in worn:
            self._whole.pop(entry.state.id, None)
        return worn

    def clear(self, epoch: str) -> None:
        """Another log: nothing that was held means anything."""
        self.epoch = epoch
        for lane in self.lanes:
            lane.book.clear()
            lane.sources.clear()
            lane.joined = False
        self.images.clear()
        self._groups.clear()
        self._under.clear()
        self._whole.clear()

    def forget_lane(self, number: int) -> None:
        """The lane is read no more: what is held of it grows old and goes."""
        lane = self.lanes[number]
        self.images.clear()
        for entry in list(lane.book.entries()):
            self._forget(entry)
        lane.book.clear()
        lane.sources.clear()
        lane.joined = False

    def positions(self, lanes: Iterable[int]) -> dict[int, int]:
        """The position of each of these lanes."""
        return {number: self.lanes[number].book.position for number in lanes}

    def lanes_of(self, topics: Iterable[Topic]) -> frozenset[int]:
        """The lanes that these topics touch: an event's one, else all of them."""
        touched: set[int] = set()
        for topic in topics:
            if topic.event is None:
                return frozenset(range(len(self.lanes)))
            touched.add(lane_of(topic.event, len(self.lanes)))
        return frozenset(touched)

    def not_live(self, lanes: Iterable[int]) -> dict[str, SourceState]:
        """The sources of these lanes that are not live."""
        return {source: state for lane in lanes for source, state in self.lanes[lane].sources.not_live().items()}

    def ages_ms(self, lanes: Iterable[int], now_ms: int) -> dict[str, int]:
        """The age of the newest beat of every source of these lanes."""
        return {source: age for lane in lanes for source, age in self.lanes[lane].sources.ages_ms(now_ms).items()}

    def groups(self, topic: Topic) -> Iterator[Group]:
        """The groups under a topic. The board must not change while this is read."""
        event_topic = topic.event_topic
        if event_topic is None:
            return iter(self._under.get(topic.path, {}).values())
        group = self._groups.get(event_topic)
        return iter(() if group is None else (group,))

    def whole(self, entry: Entry) -> bytes:
        """A whole MARKET or EVENT, encoded at most once for each position."""
        held = self._whole.get(entry.state.id)
        if held is not None and held[0] == entry.s:
            return held[1]
        if isinstance(entry, MarketEntry):
            encoded = market_json(entry.state, entry.s)
        else:
            encoded = event_json(entry.state, entry.s)
        encoded = bytes(memoryview(encoded))  # orjson's own keeps its buffer of 4 KB and more, whatever its length
        self._whole[entry.state.id] = (entry.s, encoded)
        return encoded

    def _place(self, lane: int, applied: Applied) -> Moved:
        entry = applied.entry
        topic = entry.state.topic
        group = self._groups.get(topic)
        if group is None:
            group = self._groups[topic] = Group(topic, lane)
            for prefix in event_topic_prefixes(topic):
                self._under.setdefault(prefix, {})[topic] = group
        group.last_s = entry.s
        group.entries[entry.state.id] = entry
        return Moved(group, entry, applied.urgent)

    def _forget(self, entry: Entry) -> None:
        self._whole.pop(entry.state.id, None)
        group = self._groups.get(entry.state.topic)
        if group is None:
            return
        group.entries.pop(entry.state.id, None)
        if group.entries:
            return
        del self._groups[group.topic]
        for prefix in event_topic_prefixes(group.topic):
            under = self._under[prefix]
            del under[group.topic]
            if not under:
                del self._under[prefix]
