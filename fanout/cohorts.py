"""Cohorts: devices with the same set of topics and the same tier. They get the same bytes by one write each.

The index answers "who hears of this market" by looking up the few topics a market belongs to. Nothing per device
stands here but membership.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fanout.contract.topics import Topic, event_topic_prefixes, market_topics
from fanout.ports import Outlet, Send, Wire
from feeds.contract.book import Entry, MarketEntry


class Outgoing(NamedTuple):
    """One message on its way to a cohort. `deltas`: market changes in it."""

    payload: bytes
    cursor: str | None
    deltas: int


JOINED_BYTES_MAX = 65_536
"""As much leaves by one write where several messages wait: half of a socket's buffer."""

_NOWHERE: Send = len
"""How frames are sent to a member that has left: all of it went."""


class Members:
    """The members of one cohort that are framed in the same way, in the order in which they came.

    A walk over them goes on while they come and leave: who leaves is passed over, who comes is not part of it. How to
    send to each stands in a list of its own, which is all that a frame to thousands touches.
    """

    __slots__ = ("_at", "_end", "_holes", "_outlets", "_sends")

    def __init__(self) -> None:
        self._outlets: list[Outlet | None] = []
        self._sends: list[Send] = []
        self._holes = 0
        self._at = self._end = 0

    def __len__(self) -> int:
        return len(self._outlets) - self._holes

    def __contains__(self, outlet: Outlet) -> bool:
        return outlet.place < len(self._outlets) and self._outlets[outlet.place] is outlet

    def add(self, outlet: Outlet) -> None:
        """One more. Twice is once."""
        if outlet not in self:
            outlet.place = len(self._outlets)
            self._outlets.append(outlet)
            self._sends.append(outlet.send)

    def remove(self, outlet: Outlet) -> None:
        """One less. Who is no member is ignored."""
        if outlet in self:
            self._outlets[outlet.place] = None
            self._sends[outlet.place] = _NOWHERE
            self._holes += 1

    def begin_walk(self) -> None:
        """A walk over those who are there now, once the one before is over: places are closed up."""
        if self._holes:
            self._close_up()
        self._at, self._end = 0, len(self._sends)

    def send(self, data: bytes, writes_max: int) -> int:
        """To the next on the walk, at most so many. Gives how many those were: fewer at its end.

        What does not fit makes its outlet full."""
        size, end = len(data), min(self._at + writes_max, self._end)
        for place, send in enumerate(self._sends[self._at : end], self._at):
            try:
                sent = send(data)
            except OSError:  # nothing fits, or the connection is lost, which its transport finds out
                sent = 0
            if sent < size:
                outlet = self._outlets[place]
                assert outlet is not None
                outlet.write(data[sent:])
        met, self._at = end - self._at, end
        return met

    def _close_up(self) -> None:
        staying = [outlet for outlet in self._outlets if outlet is not None]
        for place, outlet in enumerate(staying):
            outlet.place = place
        self._outlets[:] = staying
        self._sends = [outlet.send for outlet in staying]
        self._holes = 0


class Cohort:
    """One set of topics at one tier, its members by the way they are framed, and what is on its way to them.

    `markets` and `events` collect the encoded parts of the frame that is being made. Messages leave in order, and those
    that wait for the same turn leave by one write; a large cohort takes its turn in parts, so that none holds up the
    event loop for long.
    """

    __slots__ = (
        "_leaving",
        "_outbox",
        "_turns",
        "events",
        "hb_due_ms",
        "lanes",
        "markets",
        "members",
        "texts",
        "tier",
        "topics",
        "users",
    )

    def __init__(self, topics: Sequence[Topic], tier: int, lanes: frozenset[int]) -> None:
        self.topics = tuple(topics)
        self.texts = frozenset(topic.text for topic in topics)
        self.tier = tier
        self.lanes = tuple(sorted(lanes))
        self.users = 0
        self.hb_due_ms = 0
        self.members: dict[Wire, Members] = {}
        self.markets: list[bytes] = []
        self.events: list[bytes] = []
        self._outbox: deque[Outgoing] = deque()
        self._leaving: list[Outgoing] = []
        self._turns: deque[tuple[bytes, Members]] = deque()

    def __len__(self) -> int:
        return sum(len(members) for members in self.members.values())

    def join(self, outlet: Outlet) -> None:
        """From here the device gets shared frames."""
        members = self.members.get(outlet.wire)
        if members is None:
            members = self.members[outlet.wire] = Members()
        members.add(outlet)

    def leave(self, outlet: Outlet) -> None:
        """From here it does not, also not what is on its way. Leaving twice is harmless."""
        members = self.members.get(outlet.wire)
        if members is not None:
            members.remove(outlet)

    def send(self, outgoing: Outgoing) -> None:
        """A message to every member, after those that are on their way."""
        self._outbox.append(outgoing)

    def discard(self) -> None:
        """What is on its way means nothing any more."""
        self._outbox.clear()
        self._turns.clear()

    def write_some(self, writes_max: int) -> Written:
        """The next writes, at most so many: the same bytes to every member, framed once for each kind.

        A member may turn out to be full, which makes it leave: whoever has left is passed over.
        """
        writes = frames = deliveries = 0
        while (self._turns or self._outbox) and writes < writes_max:
            if not self._turns:
                self._begin_turn()
            while self._turns and writes < writes_max:
                data, members = self._turns[0]
                sent = members.send(data, writes_max - writes)
                writes += sent
                frames += sent * len(self._leaving)
                deliveries += sent * sum(outgoing.deltas for outgoing in self._leaving)
                if writes < writes_max:
                    self._turns.popleft()
        return Written(writes, frames, deliveries, done=not self._turns and not self._outbox)

    def _begin_turn(self) -> None:
        """Whatever waits leaves now, as far as it fits into one write."""
        outbox, size = self._outbox, 0
        self._leaving = []
        while outbox and (not self._leaving or size + len(outbox[0].payload) <= JOINED_BYTES_MAX):
            size += len(outbox[0].payload)
            self._leaving.append(outbox.popleft())
        for wire, members in self.members.items():
            if members:
                data = b"".join([wire.frame(outgoing.payload, outgoing.cursor) for outgoing in self._leaving])
                members.begin_walk()
                self._turns.append((data, members))


class Written(NamedTuple):
    """What a turn of writing did. `done`: nothing is on its way any more."""

    writes: int
    frames: int
    deliveries: int
    done: bool


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
