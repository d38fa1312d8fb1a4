"""From a market definition to the markets of ours it becomes: ids, names, classes, lines and statuses, without prices.

Owns what follows from the definition alone, so that it is worked out once per definition and not per price. Pure.

A Betfair market is one of ours, but an Asian handicap is one for every line. Our id is derived from everything that is
fixed for a market's life, so a market whose event, class, type or line changes gets another id by itself, and the same
one again if it changes back. `slot` is what stays the same meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from feeds.contract.ids import derive_id
from feeds.contract.model import MarketClass, Side, Status
from feeds.contract.prices import line_text
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.spec import MarketDefinition, RunnerDefinition, RunnerKey
from feeds.providers.betfair.taxonomy import (
    ASIAN_HANDICAP,
    MarketKind,
    has_odds,
    is_asian_handicap,
    kind_of,
    opponents,
    side_of,
)

PROVIDER: Final = "betfair"
"""The word ids are derived with. Not the feed's name: two feeds of Betfair tell of the same markets."""

_MARKET_STATUS: Final[Mapping[str, Status]] = {
    "OPEN": "open",
    "SUSPENDED": "suspended",
    "INACTIVE": "inactive",
    "CLOSED": "closed",
}
_RUNNER_STATUS: Final[Mapping[str, Status]] = {
    "ACTIVE": "open",
    "WINNER": "settled",
    "LOSER": "settled",
    "PLACED": "settled",
    "REMOVED": "void",
    "REMOVED_VACANT": "void",
}
_WON = frozenset({"WINNER", "PLACED"})


class SelectionPlan(NamedTuple):
    """One selection without its prices. `quoted`: its prices are to be published."""

    key: RunnerKey
    id: str
    name: str
    st: Status
    side: Side | None
    line: str | None
    quoted: bool


class MarketPlan(NamedTuple):
    """One of our markets without its prices."""

    slot: str
    id: str
    cls: MarketClass
    type: str
    period: str
    line: str | None
    group: str | None
    selections: tuple[SelectionPlan, ...]


class Layout(NamedTuple):
    """Our markets of one Betfair market, under one definition of it. `gone`: it is closed."""

    definition: MarketDefinition
    st: Status
    gone: bool
    markets: tuple[MarketPlan, ...]


def lay_out(market_id: str, definition: MarketDefinition, catalogue: Catalogue) -> Layout:
    """What a definition becomes. An unknown status of theirs counts as suspended, of a runner as inactive."""
    gone = definition.status == "CLOSED"
    won = any(runner.status in _WON for runner in definition.runners)
    st: Status = "settled" if gone and won else _MARKET_STATUS.get(definition.status, "suspended")
    planner = _Planner(market_id, definition, catalogue)
    return Layout(definition, st, gone, planner.lines() if is_asian_handicap(definition) else (planner.whole(),))


class _Planner:
    """What the plans of one market share."""

    def __init__(self, market_id: str, definition: MarketDefinition, catalogue: Catalogue) -> None:
        self._market_id = market_id
        self._definition = definition
        self._catalogue = catalogue
        self._sides = opponents(definition.event_name or catalogue.event_name(market_id) or "")
        self._runners = sorted({runner.key: runner for runner in definition.runners}.values(), key=_priority)

    def whole(self) -> MarketPlan:
        """The one market of an ordinary definition."""
        kind = kind_of(self._definition)
        group = None
        if kind.line is not None:
            group = derive_id("G", PROVIDER, self._definition.event_id, kind.type, kind.period)
        return self._plan("", kind, group, tuple(self._selection(runner) for runner in self._runners))

    def lines(self) -> tuple[MarketPlan, ...]:
        """A market for every line of an Asian handicap. A line is spelled from the first runner's side."""
        if not self._runners:
            return ()
        first = self._runners[0].key[0]
        pairs: dict[float, list[RunnerDefinition]] = {}
        for runner in self._runners:
            pairs.setdefault(_line_of(runner.key, first), []).append(runner)
        key_line = self._definition.key_line_definition
        main = {_line_of(key.key, first) for key in key_line.kl} if key_line else set()
        group = derive_id("G", PROVIDER, self._market_id)
        return tuple(
            self._plan(
                line_text(line),
                MarketKind("main" if line in main else "alternate", ASIAN_HANDICAP, line=line_text(line)),
                group,
                tuple(self._selection(runner, with_line=True) for runner in pair),
            )
            for line, pair in pairs.items()
        )

    def _plan(
        self, slot: str, kind: MarketKind, group: str | None, selections: tuple[SelectionPlan, ...]
    ) -> MarketPlan:
        event_id = self._definition.event_id
        fixed = (self._market_id, event_id, kind.cls, kind.type, kind.period, kind.line or "")
        market_id = derive_id("M", PROVIDER, *fixed)
        return MarketPlan(slot, market_id, kind.cls, kind.type, kind.period, kind.line, group, selections)

    def _selection(self, runner: RunnerDefinition, *, with_line: bool = False) -> SelectionPlan:
        runner_id, hc = runner.key
        name = runner.name or self._catalogue.runner_name(self._market_id, runner_id)
        shown = name or f"Runner {runner_id}"
        line = line_text(hc) if with_line else None
        if line is not None:
            shown = f"{shown} {line if hc <= 0 else '+' + line}"
        closed = self._definition.status == "CLOSED"
        st = _RUNNER_STATUS.get(runner.status, "inactive")
        return SelectionPlan(
            key=runner.key,
            id=derive_id("O", PROVIDER, self._market_id, runner_id, line_text(hc)),
            name=shown,
            st="closed" if closed and st == "open" else st,
            side=side_of(runner_id, name, self._sides),
            line=line,
            quoted=st == "open" and not closed and has_odds(self._definition),
        )


def _priority(runner: RunnerDefinition) -> tuple[int, RunnerKey]:
    """Betfair's own order, then the key, so that the order of a list in a message never matters."""
    return runner.sort_priority or 0, runner.key


def _line_of(key: RunnerKey, first: int) -> float:
    """The line of a runner's pair, as the first runner has it: both sides of a pair give the same."""
    runner_id, hc = key
    return (hc if runner_id == first else -hc) or 0.0
