"""The market book of one lane: whole states in, `since(entry, base)` out. Pure; no clock, no I/O.

Every field and selection is stamped with the log position `s` at which it last changed, so "what changed after base"
is a look at stamps, never a comparison of values kept elsewhere. It serves the live flush, every tier, a slow device, a
resume on any shard, Last-Event-ID and polling. The book never decides who is told, nor when.

Stamps begin where this process first decoded a market (`born`). A board read, a changed set of selections, a changed
fixed attribute and a return from `gone` begin them anew; a base older than `born` gets the whole market.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from sys import intern
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from feeds.contract.model import Event, Market, Selection, Status
from feeds.contract.prices import Price


class SelectionDelta(msgspec.Struct, frozen=True):
    """What changed of one selection. UNSET: not changed. None: withdrawn."""

    id: str
    st: Status | UnsetType = UNSET
    price: Price | None | UnsetType = UNSET
    lay: int | None | UnsetType = UNSET
    size: int | None | UnsetType = UNSET
    ltp: int | None | UnsetType = UNSET


class Delta(msgspec.Struct, frozen=True):
    """What changed of one market after a base: absolute values. Perhaps nothing but `s`. `reason` belongs to `st`."""

    id: str
    s: int
    ts: int
    st: Status | UnsetType = UNSET
    reason: str | None = None
    live: bool | UnsetType = UNSET
    src: str | UnsetType = UNSET
    gone: bool = False
    replaced_by: str | None = None
    selections: tuple[SelectionDelta, ...] = ()


class _SelectionStamps:
    """Positions at which the fields of one selection last changed."""

    __slots__ = ("last", "lay", "ltp", "price", "size", "st")

    def __init__(self, s: int) -> None:
        self.last = self.st = self.price = self.lay = self.size = self.ltp = s

    def moved(self, old: Selection, new: Selection, s: int) -> None:
        self.last = s
        if old.price != new.price:
            self.price = s
        if old.st != new.st:
            self.st = s
        if old.lay != new.lay:
            self.lay = s
        if old.size != new.size:
            self.size = s
        if old.ltp != new.ltp:
            self.ltp = s

    def since(self, selection: Selection, base: int) -> SelectionDelta:
        return SelectionDelta(
            selection.id,
            st=selection.st if self.st > base else UNSET,
            price=selection.price if self.price > base else UNSET,
            lay=selection.lay if self.lay > base else UNSET,
            size=selection.size if self.size > base else UNSET,
            ltp=selection.ltp if self.ltp > base else UNSET,
        )


class MarketEntry:
    """One market: its last state, the position `s` of that state, and the stamps."""

    __slots__ = ("_gone_s", "_live_s", "_selections", "_src_s", "_st_s", "born", "s", "state", "worn")

    def __init__(self, state: Market, s: int) -> None:
        self._begin(state, s)

    def _begin(self, state: Market, s: int) -> None:
        self.state = state
        self.s = self.born = s
        self.worn = False
        self._st_s = self._live_s = self._src_s = self._gone_s = s
        self._selections = tuple(_SelectionStamps(s) for _ in state.selections)

    @property
    def gone(self) -> bool:
        """Whether the market has ended."""
        return self.state.gone

    def _wear(self) -> None:
        """Of a market that is gone only that is kept: who does not know it yet is told so, and nothing else."""
        self.state = _worn(self.state)
        self._selections = ()
        self.worn = True

    def _apply(self, state: Market, s: int) -> None:
        old = self.state
        if self.worn and state.gone:
            self.s = s
            self.state = _worn(state)
            return
        if (old.gone and not state.gone) or not _same_shape(old, state):
            self._begin(state, s)
            return
        self.state = state
        self.s = s
        if old.st != state.st or old.reason != state.reason:
            self._st_s = s
        if old.live != state.live:
            self._live_s = s
        if old.src != state.src:
            self._src_s = s
        if old.gone != state.gone or old.replaced_by != state.replaced_by:
            self._gone_s = s
        for stamps, before, after in zip(self._selections, old.selections, state.selections):
            if before != after:
                stamps.moved(before, after, s)

    def since(self, base: int) -> Market | Delta | None:
        """What changed after `base`: None, a Delta, or the whole Market where stamps do not reach back to `base`.

        Who knows that a market is gone is told nothing more of it.
        """
        if self.s <= base:
            return None
        state = self.state
        if base < self.born and not self.worn:
            return state
        if state.gone and self._gone_s <= base:
            return None
        new_st = self._st_s > base
        return Delta(
            state.id,
            self.s,
            state.ts,
            st=state.st if new_st else UNSET,
            reason=state.reason if new_st else None,
            live=state.live if self._live_s > base else UNSET,
            src=state.src if self._src_s > base else UNSET,
            gone=state.gone,
            replaced_by=state.replaced_by if state.gone else None,
            selections=tuple(
                stamps.since(selection, base)
                for stamps, selection in zip(self._selections, state.selections)
                if stamps.last > base
            ),
        )


class EventEntry:
    """One event: its last state and position. Events are sent whole."""

    __slots__ = ("s", "state")

    def __init__(self, state: Event, s: int) -> None:
        self.state = state
        self.s = s

    @property
    def gone(self) -> bool:
        """Whether the event has ended."""
        return self.state.state == "ended"


Entry = MarketEntry | EventEntry


class Applied(NamedTuple):
    """What one state did. `urgent`: the market or one of its selections changed to a status other than open."""

    entry: Entry
    urgent: bool


class MarketBook:
    """All markets and events of one lane, as of `position`. Nothing below `floor` is known.

    Entries keep the order of their positions, so `changed_since` costs what it returns. Lines move all day, so most of
    what a log of some hours holds is gone: `wear` keeps of it what a device that comes back must hear.
    """

    def __init__(self) -> None:
        self.position = 0
        self.floor = 0
        self._by_id: dict[str, Entry] = {}
        self._gone: deque[tuple[int, str]] = deque()

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, entry_id: str) -> Entry | None:
        """The market or event with this id."""
        return self._by_id.get(entry_id)

    def entries(self) -> Iterator[Entry]:
        """Everything held, oldest position first. The book must not change meanwhile."""
        return iter(self._by_id.values())

    def changed_since(self, base: int) -> list[Entry]:
        """Everything whose position is above `base`, oldest first."""
        changed: list[Entry] = []
        for entry in reversed(self._by_id.values()):
            if entry.s <= base:
                break
            changed.append(entry)
        changed.reverse()
        return changed

    def advance(self, s: int) -> None:
        """A record that is no state (a beat, a lead) stood at `s`."""
        assert s > self.position
        self.position = s

    def apply(self, state: Market | Event, s: int) -> Applied:
        """The state at `s`, which is above `position`. Markets and events share one id space."""
        assert s > self.position
        self.position = s
        return self._put(state, s)

    def load_board(self, states: Iterable[tuple[Market | Event, int]], position: int) -> list[Applied]:
        """A board read: the last state of every subject, as of `position`. Gives what moved, oldest first.

        What the board passed over is unknown, so a market whose position moved begins its stamps anew. What stands at
        or below `position` is held already, or was dropped for good.
        """
        moved = [self._put(state, s, anew=True) for state, s in sorted(states, key=_second) if s > self.position]
        self.position = max(self.position, position)
        return moved

    def raise_floor(self, floor: int) -> list[Entry]:
        """The log now begins at `floor`. Drops what lies below it and gives it, oldest first."""
        self.floor = max(self.floor, floor)
        dropped: list[Entry] = []
        for entry in self._by_id.values():
            if entry.s >= self.floor:
                break
            dropped.append(entry)
        for entry in dropped:
            del self._by_id[entry.state.id]
        while self._gone and self._gone[0][0] < self.floor:
            self._gone.popleft()
        return dropped

    def wear(self, position: int, limit: int) -> list[MarketEntry]:
        """Markets that are gone since `position` or before, which everyone who listens has heard: only that is kept of
        them. At most `limit`, oldest first."""
        worn: list[MarketEntry] = []
        while self._gone and self._gone[0][0] <= position and len(worn) < limit:
            entry = self._by_id.get(self._gone.popleft()[1])
            if isinstance(entry, MarketEntry) and entry.gone and not entry.worn and entry.s <= position:
                entry._wear()  # noqa: SLF001
                worn.append(entry)
        return worn

    def clear(self) -> None:
        """The log was lost: forget everything."""
        self._by_id.clear()
        self._gone.clear()
        self.position = self.floor = 0

    def _put(self, state: Market | Event, s: int, *, anew: bool = False) -> Applied:
        if isinstance(state, Market) and state.gone:
            self._gone.append((s, state.id))
        held = self._by_id.pop(state.id, None)
        if isinstance(state, Event):
            entry: Entry = EventEntry(state, s)
            self._by_id[state.id] = entry
            return Applied(entry, urgent=False)
        if not isinstance(held, MarketEntry):
            entry = self._by_id[state.id] = MarketEntry(state, s)
            return Applied(entry, urgent=False)
        self._by_id[state.id] = held
        urgent = _closes(held.state, state)
        if anew:
            held._begin(state, s)  # noqa: SLF001 the book and its entries are one thing
        else:
            held._apply(state, s)  # noqa: SLF001
        return Applied(held, urgent)


def _second(pair: tuple[Market | Event, int]) -> int:
    return pair[1]


def _worn(state: Market) -> Market:
    """What is kept of a market that is gone: where it stood, that it is gone, and what took its place."""
    return Market(
        id=state.id,
        event=intern(state.event),
        topic=intern(state.topic),
        cls=state.cls,
        type="",
        period="",
        src="",
        ts=state.ts,
        st=state.st,
        selections=(),
        reason=state.reason,
        gone=True,
        replaced_by=state.replaced_by,
    )


def _same_shape(old: Market, new: Market) -> bool:
    """Whether a delta can lead from old to new: same fixed attributes, same selections in the same order."""
    return (
        len(old.selections) == len(new.selections)
        and all(
            a is b or (a.id == b.id and a.name == b.name and a.side == b.side and a.line == b.line)
            for a, b in zip(old.selections, new.selections)
        )
        and old.event == new.event
        and old.topic == new.topic
        and old.cls == new.cls
        and old.type == new.type
        and old.period == new.period
        and old.group == new.group
        and old.line == new.line
        and old.subject == new.subject
        and old.replaces == new.replaces
    )


def _closes(old: Market, new: Market) -> bool:
    """Whether a status changed to one other than open: what devices must hear of at once."""
    if new.st not in ("open", old.st):
        return True
    if new.gone and not old.gone:
        return True
    before = {selection.id: selection.st for selection in old.selections}
    return any(selection.st != "open" and before.get(selection.id) != selection.st for selection in new.selections)
