"""One event on its way out: which of its lines are which markets of ours, and what was last published of them. Pure.

Owns which line of a group is main, and that a state is published only where it differs. The main line is the one last
called favourite, else the most balanced one on offer; a line that changes between main and alternate goes on under
another id, and the old one ends, `replaced_by` it. A line that has ended keeps the class it had.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from feeds.contract.model import Event, Market, MarketClass
from feeds.contract.results import MarketResult, SelectionResult
from feeds.ports import State
from feeds.providers.endings import closed
from feeds.providers.sportradar.book import EventBook, GroupsOf, Saying
from feeds.providers.sportradar.layout import EventPlan, LinePlan, Planner
from feeds.providers.sportradar.lines import LineView
from feeds.providers.sportradar.settlements import shares
from feeds.providers.sportradar.spec import Line
from feeds.providers.sportradar.states import event_state, market_state

SAYINGS_WAITING_MAX: Final = 2_000
"""Sayings about results that wait for names; beyond it the oldest are told without being waited for."""

_Group = tuple[str, str, str]


class EventTrack:
    """One event. `plan` None until its fixture is known; until then nothing of it is published."""

    def __init__(self, book: EventBook, groups_of: GroupsOf, first_at_ms: int) -> None:
        self.book = book
        self.plan: EventPlan | None = None
        self.first_at_ms = first_at_ms
        self.mentioned: set[Line] = set()
        self.waiting: dict[Line, None] = {}
        self._groups_of = groups_of
        self._plans: dict[Line, LinePlan] = {}
        self._groups: dict[_Group, dict[Line, None]] = {}
        self._mains: dict[_Group, Line | None] = {}
        self._published: dict[Line, Market] = {}
        self._ids: dict[Line, dict[str, None]] = {}
        self._event: Event | None = None
        self._sayings: deque[Saying] = deque(maxlen=SAYINGS_WAITING_MAX)

    def replan(self, plan: EventPlan) -> None:
        """Its fixture is known, or is another now: every line waits to be looked at."""
        if plan == self.plan:
            return
        self.plan = plan
        self._plans.clear()
        self._groups.clear()
        self.waiting.update(dict.fromkeys(self.book.lines))

    def published(self) -> Iterable[State]:
        """What was published and has not ended, the event first."""
        if self._event is not None and self._event.state != "ended":
            yield self._event
            yield from (market for market in self._published.values() if not market.gone)

    def say(self, sayings: Iterable[Saying]) -> None:
        """Sayings to be told with the next states."""
        self._sayings.extend(sayings)

    def states(self, touched: Iterable[Line], planner: Planner, now_ms: int) -> list[State]:
        """States of what changed among these lines and those that waited: an event first, but `ended` last."""
        looked_at = dict.fromkeys((*self.waiting, *touched))
        if self.plan is None:
            self.waiting = looked_at
            return []
        self.waiting = {}
        lines = self._with_groups(looked_at, planner)
        states: list[State] = []
        for line in lines:
            states += self._line_states(line, now_ms)
        return self._with_event(states, now_ms)

    def results(self, planner: Planner) -> list[MarketResult]:
        """Sayings whose line can be named, under every id that bets may have been placed at."""
        if not self._sayings:
            return []
        told: list[MarketResult] = []
        kept: list[Saying] = []
        for saying in self._sayings:
            plan = self._line_plan(saying.line, planner)
            if plan is None or self.plan is None or saying.line in self.waiting or not _identified(saying, plan):
                kept.append(saying)
                continue
            ids = self._ids.get(saying.line) or dict.fromkeys(plan.market_id(cls) for cls in plan.classes())
            told += [_result(saying, plan, self.plan, market_id) for market_id in ids]
        self._sayings = deque(kept, maxlen=SAYINGS_WAITING_MAX)
        return told

    def _line_plan(self, line: Line, planner: Planner) -> LinePlan | None:
        plan = self._plans.get(line)
        if plan is None and self.plan is not None:
            plan = planner.line(self.plan, line)
            if plan is not None:
                self._plans[line] = plan
                if plan.group is not None:
                    self._groups.setdefault(plan.group, {})[line] = None
        return plan

    def _with_groups(self, lines: dict[Line, None], planner: Planner) -> dict[Line, None]:
        """These lines, and those whose class changes with them."""
        groups: dict[_Group, None] = {}
        for line in lines:
            plan = self._line_plan(line, planner)
            if plan is None:
                self.waiting[line] = None
            elif plan.group is not None:
                groups[plan.group] = None
        for group in groups:
            main = self._main_of(group)
            before = self._mains.get(group)
            if main is not None and main != before:
                self._mains[group] = main
                lines |= dict.fromkeys(line for line in (before, main) if line is not None)
        return lines

    def _main_of(self, group: _Group) -> Line | None:
        """The main line among those on offer, else among those that have not ended. None: it stays what it was."""
        views = {line: self._view(line) for line in self._groups[group] if self.book.lines[line].outcomes}
        offered = [line for line, view in views.items() if view.standing in ("active", "suspended")]
        offered = offered or [line for line, view in views.items() if not view.ended]
        favourites = [line for line in offered if self.book.lines[line].favourite]
        if favourites:
            return max(favourites, key=lambda line: (self.book.lines[line].status_at, line))
        return min(offered, key=self._unbalance, default=None)

    def _unbalance(self, line: Line) -> tuple[Fraction, Decimal, Line]:
        """How far a line's outcomes are from equally likely."""
        chances = [1 / Fraction(one.odds) for one in self.book.lines[line].outcomes if one.odds and Decimal(one.odds)]
        apart = max(chances) - min(chances) if len(chances) > 1 else Fraction(1)
        return apart, abs(Decimal(self._plans[line].kind.line or 0)), line

    def _view(self, line: Line) -> LineView:
        return self.book.view(line, self._groups_of)

    def _class_of(self, line: Line, plan: LinePlan, view: LineView) -> MarketClass:
        if plan.group is None:
            return plan.kind.cls
        held = self._published.get(line)
        if view.ended and held is not None:
            return held.cls
        return plan.kind.cls if self._mains.get(plan.group) == line else "alternate"

    def _line_states(self, line: Line, now_ms: int) -> list[State]:
        plan = self._plans.get(line)
        if plan is None or self.plan is None:
            return []
        view = self._view(line)
        held = self._published.get(line)
        state = market_state(
            plan=plan,
            event=self.plan,
            book=self.book,
            cls=self._class_of(line, plan, view),
            view=view,
            ts=held.ts if held else now_ms,
        )
        if state is None:
            if self.book.lines[line].known_outcomes():
                self.waiting[line] = None
            return []
        return self._publish(line, held, state, now_ms)

    def _publish(self, line: Line, held: Market | None, state: Market, now_ms: int) -> list[State]:
        if held is not None and held.gone and (held.id, held.st, True) == (state.id, state.st, state.gone):
            return []  # whatever is still said of it, it is over
        states: list[State] = []
        replaces = held.replaces if held is not None else None
        if held is not None and held.id != state.id:
            replaces = None if held.gone else held.id
            if not held.gone:
                states.append(closed(held, now_ms, replaced_by=state.id))
        state = replace(state, replaces=replaces)
        if state != held:
            state = replace(state, ts=now_ms)
            self._published[line] = state
            self._ids.setdefault(line, {})[state.id] = None
            states.append(state)
        return states

    def _with_event(self, states: list[State], now_ms: int) -> list[State]:
        assert self.plan is not None
        all_ended = not self.waiting and all(market.gone for market in self._published.values())
        held = self._event
        event = event_state(self.plan, self.book, all_ended=all_ended, ts=held.ts if held else now_ms)
        if event == held:
            return states
        self._event = replace(event, ts=now_ms)
        return [*states, self._event] if event.state == "ended" else [self._event, *states]


def _identified(saying: Saying, plan: LinePlan) -> bool:
    return saying.settled is None or plan.can_identify(outcome.id for outcome in saying.settled.outcomes)


def _result(saying: Saying, plan: LinePlan, event: EventPlan, market_id: str) -> MarketResult:
    selections: list[SelectionResult] = []
    void_reason = saying.void_reason
    if saying.settled is not None:
        void_reason = saying.settled.void_reason
        for outcome in saying.settled.outcomes:
            share = shares(outcome)
            if share is not None:
                selections.append(SelectionResult(plan.selection_id(market_id, outcome.id), *share))
    return MarketResult(
        market=market_id,
        event=event.identity.id,
        topic=event.topic,
        kind=saying.kind,
        ts=saying.timestamp,
        certainty=saying.certainty,
        selections=tuple(selections),
        from_ms=saying.from_ms,
        to_ms=saying.to_ms,
        reason=None if void_reason is None else f"void_{void_reason}",
    )
