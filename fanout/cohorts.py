"""Cohorts: devices with the same set of topics and the same tier. They get the same bytes by one write each.

The index answers "who hears of this market" by looking up the few topics a market belongs to. Nothing per device
stands here but membership.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from fanout.contract.topics import Topic, event_topic_prefixes, market_topics
from fanout.ports import Outlet, Wire
from feeds.contract.book import Entry, MarketEntry

Write = Callable[[bytes], None]


class Cohort:
    """One set of topics at one tier, with its members by the way they are framed.

    `markets` and `events` collect the encoded parts of the frame that is being made.
    """

    __slots__ = ("events", "hb_due_ms", "lanes", "markets", "members", "texts", "tier", "topics", "users")

    def __init__(self, topics: Sequence[Topic], tier: int, lanes: frozenset[int]) -> None:
        self.topics = tuple(topics)
        self.texts = frozenset(topic.text for topic in topics)
        self.tier = tier
        self.lanes = tuple(sorted(lanes))
        self.users = 0
        self.hb_due_ms = 0
        self.members: dict[Wire, dict[Outlet, Write]] = {}
        self.markets: list[bytes] = []
        self.events: list[bytes] = []

    def __len__(self) -> int:
        return sum(len(writes) for writes in self.members.values())

    def join(self, outlet: Outlet) -> None:
        """From here the device gets shared frames."""
        self.members.setdefault(outlet.wire, {})[outlet] = outlet.write

    def leave(self, outlet: Outlet) -> None:
        """From here it does not. Leaving twice is harmless."""
        writes = self.members.get(outlet.wire)
        if writes is not None:
            writes.pop(outlet, None)

    def broadcast(self, payload: bytes, cursor: str | None = None) -> int:
        """The same bytes to every member, framed once for each kind. Gives how many there were.

        A write may tell the shard that a member is full, which makes it leave: so a copy is walked.
        """
        told = 0
        for wire, writes in self.members.items():
            if not writes:
                continue
            frame = wire.frame(payload, cursor)
            for write in tuple(writes.values()):
                write(frame)
            told += len(writes)
        return told


class CohortIndex:
    """All cohorts of one tier, and which of them hear of an entry."""

    def __init__(self, tier: int) -> None:
        self._tier = tier
        self._cohorts: dict[frozenset[str], Cohort] = {}
        self._by_topic: dict[str, dict[Cohort, None]] = {}
        self._by_event: dict[str, dict[Cohort, None]] = {}
        self._audiences: dict[str, tuple[Cohort, ...]] = {}

    def __len__(self) -> int:
        return len(self._cohorts)

    def __iter__(self) -> Iterator[Cohort]:
        return iter(self._cohorts.values())

    def take(self, topics: Iterable[Topic], lanes: frozenset[int]) -> Cohort:
        """The cohort of these topics, with one more user; made where there is none."""
        parsed = sorted(set(topics))
        texts = frozenset(topic.text for topic in parsed)
        cohort = self._cohorts.get(texts)
        if cohort is None:
            cohort = self._cohorts[texts] = Cohort(parsed, self._tier, lanes)
            for topic in parsed:
                self._by_topic.setdefault(topic.text, {})[cohort] = None
                self._by_event.setdefault(topic.event_topic or topic.path, {})[cohort] = None
            self._audiences.clear()
        cohort.users += 1
        return cohort

    def release(self, cohort: Cohort) -> None:
        """One user less; the last one takes the cohort away."""
        cohort.users -= 1
        if cohort.users:
            return
        del self._cohorts[cohort.texts]
        for topic in cohort.topics:
            _discard(self._by_topic, topic.text, cohort)
            _discard(self._by_event, topic.event_topic or topic.path, cohort)
        self._audiences.clear()

    def audience(self, entry: Entry) -> tuple[Cohort, ...]:
        """The cohorts that hear of this market or event."""
        held = self._audiences.get(entry.state.id)
        if held is not None:
            return held
        if isinstance(entry, MarketEntry):
            found = _union(self._by_topic, market_topics(entry.state))
        else:
            found = _union(self._by_event, event_topic_prefixes(entry.state.topic))
        self._audiences[entry.state.id] = found
        return found

    def forget(self, entry_id: str) -> None:
        """The entry is no more."""
        self._audiences.pop(entry_id, None)

    def clear(self) -> None:
        """No entry is known any more; the cohorts stay."""
        self._audiences.clear()


def _union(index: dict[str, dict[Cohort, None]], keys: Iterable[str]) -> tuple[Cohort, ...]:
    found: dict[Cohort, None] = {}
    for key in keys:
        cohorts = index.get(key)
        if cohorts is not None:
            found.update(cohorts)
    return tuple(found)


def _discard(index: dict[str, dict[Cohort, None]], key: str, cohort: Cohort) -> None:
    cohorts = index.get(key)
    if cohorts is not None:
        cohorts.pop(cohort, None)
        if not cohorts:
            del index[key]
