"""The events of one producer: lines, bet stops and match status, as its messages leave them. Pure, in their ids.

Owns what a message about an event touches, and which sayings about results are new. Never names anything in our words.
Messages may come twice and in any order (lines.py): what a book holds follows from which messages there were.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.results import Certainty, ResultKind
from feeds.providers.sportradar.lines import LineState, LineView, Stop
from feeds.providers.sportradar.spec import (
    AnyEventMessage,
    BetCancel,
    BetSettlement,
    BetStop,
    Line,
    OddsChange,
    RollbackBetCancel,
    RollbackBetSettlement,
    SettledMarket,
    SportEventStatus,
)

LINES_MAX: Final = 10_000
"""Lines of one event; a message that would add more is refused."""

EVENTS_MAX: Final = 50_000
"""Events of one producer. Beyond it those that are over are forgotten, the first to be over first."""

STOPS_KEPT: Final = 16
"""Bet stops an event keeps for odds that come late; older ones have become the status of the lines they concern."""

SAYINGS_KEPT: Final = 64
"""Sayings about results a line remembers, so that a duplicate is told once."""

ALL: Final = "all"
_LIVE: Final = frozenset({1, 2, 7})
_OVER: Final = frozenset({3})
_CLOSED: Final = frozenset({4, 5, 9})

GroupsOf = Callable[[str], frozenset[str] | None]
"""The groups of a market by its id; None where it is not known, so that every bet stop concerns it."""


class Saying(NamedTuple):
    """Something said about the result of a line, once."""

    kind: ResultKind
    line: Line
    timestamp: int
    certainty: Certainty = 2
    settled: SettledMarket | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    void_reason: str | None = None


class Applied(NamedTuple):
    """What a message did."""

    touched: tuple[Line, ...] = ()
    sayings: tuple[Saying, ...] = ()


class EventBook:
    """One event. `status` is the newest match status."""

    def __init__(self, event_id: str) -> None:
        self.id = event_id
        self.lines: dict[Line, LineState] = {}
        self.status: SportEventStatus | None = None
        self._status_at = -1
        self._stops: list[tuple[int, int, tuple[str, ...]]] = []
        self._told: dict[Line, dict[Saying, None]] = {}

    @property
    def live(self) -> bool:
        """Whether it is being played."""
        return self.status is not None and self.status.status in _LIVE

    @property
    def closed(self) -> bool:
        """Whether nothing more is to come, results aside."""
        return self.status is not None and self.status.status in _CLOSED

    @property
    def over(self) -> bool:
        """Whether it was played to its end; its markets may still be open until they are settled."""
        return self.status is not None and self.status.status in _OVER

    def view(self, line: Line, groups_of: GroupsOf) -> LineView:
        """How a line stands."""
        return self.lines[line].view(self._stops_of(line, groups_of))

    def apply(self, message: AnyEventMessage, groups_of: GroupsOf) -> Applied:
        """Raises Refused("too_many_lines") and then has changed nothing."""
        match message:
            case OddsChange():
                self._make_room([market.line for market in message.markets])
                return self._odds_change(message)
            case BetStop():
                return self._bet_stop(message, groups_of)
            case BetSettlement():
                self._make_room([market.line for market in message.markets])
                return self._settlement(message)
            case RollbackBetSettlement() | BetCancel() | RollbackBetCancel():
                self._make_room([market.line for market in message.markets])
                return self._refs(message)
        return Applied()

    def recovered(self, mentioned: frozenset[Line] | set[Line]) -> tuple[Line, ...]:
        """All that is offered was told: lines that were not mentioned are not offered. Gives these."""
        missing = tuple(line for line in self.lines if line not in mentioned)
        for line in missing:
            self.lines[line].missed = True
        return missing

    def _make_room(self, lines: list[Line]) -> None:
        new = sum(line not in self.lines for line in lines)
        if len(self.lines) + new > LINES_MAX:
            raise Refused("too_many_lines", f"{self.id} would have more than {LINES_MAX} lines")
        for line in lines:
            if line not in self.lines:
                self.lines[line] = LineState()

    def _odds_change(self, message: OddsChange) -> Applied:
        for market in message.markets:
            self.lines[market.line].list(market, message.timestamp)
        touched: Iterable[Line] = (market.line for market in message.markets)
        if message.status is not None and message.timestamp >= self._status_at:
            before = (self.live, self.closed)
            self._status_at = message.timestamp
            self.status = message.status
            if before != (self.live, self.closed):
                touched = self.lines
        return Applied(tuple(touched))

    def _bet_stop(self, message: BetStop, groups_of: GroupsOf) -> Applied:
        stop = (message.timestamp, message.market_status, message.groups)
        if stop in self._stops:
            return Applied()
        insort(self._stops, stop)
        concerned = tuple(line for line in self.lines if _concerns(message.groups, groups_of(line.market)))
        if len(self._stops) > STOPS_KEPT:
            timestamp, status, groups = self._stops.pop(0)
            for line, state in self.lines.items():
                if _concerns(groups, groups_of(line.market)):
                    state.stop(Stop(timestamp, status))
        return Applied(concerned)

    def _stops_of(self, line: Line, groups_of: GroupsOf) -> Iterable[Stop]:
        if not self._stops:
            return ()
        groups = groups_of(line.market)
        return (Stop(timestamp, status) for timestamp, status, named in self._stops if _concerns(named, groups))

    def _settlement(self, message: BetSettlement) -> Applied:
        sayings: list[Saying] = []
        certainty: Certainty = 1 if message.certainty == 1 else 2
        for market in message.markets:
            if not market.outcomes:
                continue
            self.lines[market.line].settle(market, message.timestamp, certainty)
            sayings += self._new(Saying("settled", market.line, message.timestamp, certainty, settled=market))
        return Applied(tuple(market.line for market in message.markets), tuple(sayings))

    def _refs(self, message: RollbackBetSettlement | BetCancel | RollbackBetCancel) -> Applied:
        sayings: list[Saying] = []
        for market in message.markets:
            state = self.lines[market.line]
            saying = _saying(message, market.line, market.void_reason)
            whole = saying.from_ms is None and saying.to_ms is None
            if saying.kind == "rollback":
                state.roll_back(message.timestamp)
            elif saying.kind == "cancelled" and whole:
                state.cancel(message.timestamp)
            elif whole:
                state.roll_back_cancel(message.timestamp)
            sayings += self._new(saying)
        return Applied(tuple(market.line for market in message.markets), tuple(sayings))

    def _new(self, saying: Saying) -> tuple[Saying, ...]:
        told = self._told.setdefault(saying.line, {})
        if saying in told:
            return ()
        told[saying] = None
        if len(told) > SAYINGS_KEPT:
            del told[next(iter(told))]
        return (saying,)


class Book:
    """All events of a producer."""

    def __init__(self) -> None:
        self.events: dict[str, EventBook] = {}

    def event(self, event_id: str) -> EventBook:
        """An event, made where it is new. Raises Refused("too_many_events")."""
        event = self.events.get(event_id)
        if event is None:
            if len(self.events) >= EVENTS_MAX:
                raise Refused("too_many_events", f"{event_id} would be one more than {EVENTS_MAX} events")
            event = self.events[event_id] = EventBook(event_id)
        return event

    def forgettable(self) -> list[str]:
        """Events to forget, because there are nearly too many: those that are closed, in the order they came."""
        excess = len(self.events) - EVENTS_MAX * 9 // 10
        if excess <= 0:
            return []
        return [event.id for event in self.events.values() if event.closed][: excess + EVENTS_MAX // 10]

    def forget(self, event_id: str) -> None:
        """Nothing is known of it any more."""
        self.events.pop(event_id, None)


def _concerns(named: tuple[str, ...], groups: frozenset[str] | None) -> bool:
    return groups is None or ALL in named or not groups.isdisjoint(named)


def _saying(
    message: RollbackBetSettlement | BetCancel | RollbackBetCancel, line: Line, void_reason: str | None
) -> Saying:
    if isinstance(message, RollbackBetSettlement):
        return Saying("rollback", line, message.timestamp)
    kind: ResultKind = "cancelled" if isinstance(message, BetCancel) else "rollback_cancel"
    return Saying(
        kind,
        line,
        message.timestamp,
        from_ms=message.start_time,
        to_ms=message.end_time,
        void_reason=void_reason,
    )
