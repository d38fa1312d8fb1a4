"""From a market definition to the markets of ours it becomes: ids, names, classes, lines and statuses, without prices.

Owns what follows from the definition alone, so that it is worked out once per definition and not per price. Pure.

A Betfair market is one of ours, but an Asian handicap is one for every line, and line betting one for every side of
the line (line_betting.py). Our id is derived from everything that is fixed for a market's life, so a market whose
event, class, type or line changes gets another id by itself, and the same one again if it changes back. `slot` is what
stays the same meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from feeds.contract.ids import derive_id
from feeds.contract.model import MarketClass, Side, Status
from feeds.contract.prices import line_text
from feeds.mapping import MarketKey, Names
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.spec import MarketDefinition, RunnerDefinition, RunnerKey
from feeds.providers.betfair.taxonomy import (
    MarketKind,
    has_odds,
    is_asian_handicap,
    kind_of,
    lined,
    opponents,
    side_of,
)
from feeds.vocabulary import OVER_UNDER, shared

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

Offer = Literal["odds", "sell", "buy"]


class SelectionPlan(NamedTuple):
    """One selection without its prices. `quoted`: its prices are to be published. `offer`: what its price is; in line
    betting the odds are fixed and the ladder holds the line it is sold (under) or bought (over) at."""

    key: RunnerKey
    id: str
    name: str
    st: Status
    side: Side | None
    line: str | None
    quoted: bool
    offer: Offer = "odds"


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
    """Our markets of one Betfair market, under one definition of it. `gone`: it is closed. `planner`: of line betting,
    whose markets follow from the ladders."""

    definition: MarketDefinition
    st: Status
    gone: bool
    markets: tuple[MarketPlan, ...]
    planner: Planner | None = None


def lay_out(market_id: str, definition: MarketDefinition, *, catalogue: Catalogue, names: Names) -> Layout:
    """What a definition becomes. An unknown status of theirs counts as suspended, of a runner as inactive."""
    gone = definition.status == "CLOSED"
    won = any(runner.status in _WON for runner in definition.runners)
    st: Status = "settled" if gone and won else _MARKET_STATUS.get(definition.status, "suspended")
    planner = Planner(market_id, definition, catalogue=catalogue, names=names)
    if not has_odds(definition):
        return Layout(definition, st, gone, (), planner)
    return Layout(definition, st, gone, planner.lines() if is_asian_handicap(definition) else (planner.whole(),))


class Planner:
    """What the plans of one market share."""

    def __init__(self, market_id: str, definition: MarketDefinition, *, catalogue: Catalogue, names: Names) -> None:
        self._market_id = market_id
        self._definition = definition
        self._catalogue = catalogue
        self._names = names
        self._event = names.event(definition.event_id)
        self._sides = opponents(definition.event_name or catalogue.event_name(market_id) or "")
        self.runners = sorted({runner.key: runner for runner in definition.runners}.values(), key=_priority)
        self._runner_sides = {runner.key[0]: self._side(runner) for runner in self.runners}
        self._home = min(self._runner_sides, key=self._how_far_from_home, default=None)

    def whole(self) -> MarketPlan:
        """The one market of an ordinary definition."""
        kind = kind_of(self._definition)
        group = self._names.group_id(self._event, self._key(kind)) if kind.line is not None else None
        return self._plan("", kind, group, tuple(self.runners))

    def lines(self) -> tuple[MarketPlan, ...]:
        """A market for every line of an Asian handicap."""
        pairs: dict[float, list[RunnerDefinition]] = {}
        for runner in self.runners:
            pairs.setdefault(self._line_of(runner.key), []).append(runner)
        key_line = self._definition.key_line_definition
        main = {self._line_of(key.key) for key in key_line.kl} if key_line else set()
        plans: list[MarketPlan] = []
        for line, pair in pairs.items():
            kind = lined(self._definition, line_text(line), main=line in main)
            plans.append(self._plan(line_text(line), kind, self.group(kind), tuple(pair), with_line=True))
        return tuple(plans)

    def _line_of(self, key: RunnerKey) -> float:
        """The line of a runner's pair: a total's own, a spread's as the home side has it, as every provider spells it;
        where nobody knows who is at home, as the first runner has it. Both sides of a pair give the same."""
        runner_id, hc = key
        mirrored = self._runner_sides.get(runner_id) not in OVER_UNDER and runner_id != self._home
        return (-hc if mirrored else hc) or 0.0

    def group(self, kind: MarketKind) -> str:
        """What joins the lines of this very market of Betfair's."""
        if self._event.joined:
            return self._names.group_id(self._event, self._key(kind))
        return derive_id("G", PROVIDER, self._market_id)

    def market_id(self, kind: MarketKind, *raw: str | int) -> str:
        """The id of one of our markets. `raw`: what tells it from others of this market of Betfair's."""
        key = self._key(kind, *raw)
        return self._names.market_id(self._event, key, self._market_id, self._definition.event_id, *raw)

    def selection_id(self, market_id: str, runner: RunnerDefinition, *raw: str, side: Side | None, name: str) -> str:
        """A selection's id. A runner keeps its id when its market gets another, but in joined events."""
        scope = market_id if self._event.joined else self._market_id
        runner_id, hc = runner.key
        return self._names.selection_id(self._event, scope, runner_id, line_text(hc), *raw, side=side, name=name)

    def runner_name(self, runner: RunnerDefinition) -> str | None:
        """Its name, where one is known."""
        runner_id = runner.key[0]
        name = runner.name or self._catalogue.runner_name(self._market_id, runner_id)
        return None if name is None else self._names.team(str(runner_id), name)

    def _how_far_from_home(self, runner_id: int) -> int:
        side = self._runner_sides[runner_id]
        return 0 if side == "home" else 2 if side == "away" else 1

    def _side(self, runner: RunnerDefinition) -> Side | None:
        runner_id = runner.key[0]
        raw_name = runner.name or self._catalogue.runner_name(self._market_id, runner_id)
        return side_of(runner_id, raw_name, self._sides)

    def status(self, runner: RunnerDefinition) -> Status:
        """A selection's status."""
        st = _RUNNER_STATUS.get(runner.status, "inactive")
        return "closed" if self._definition.status == "CLOSED" and st == "open" else st

    def _key(self, kind: MarketKind, *raw: str | int) -> MarketKey:
        """A market of an event in the words all providers share. What no other has is told apart by Betfair's id."""
        subject = None if shared(kind.cls, kind.type) else "/".join((self._market_id, *map(str, raw)))
        return MarketKey(kind.cls, kind.type, kind.period, kind.line, subject)

    def _plan(
        self,
        slot: str,
        kind: MarketKind,
        group: str | None,
        runners: tuple[RunnerDefinition, ...],
        *,
        with_line: bool = False,
    ) -> MarketPlan:
        market_id = self.market_id(kind)
        selections = tuple(self._selection(market_id, runner, with_line=with_line) for runner in runners)
        return MarketPlan(slot, market_id, kind.cls, kind.type, kind.period, kind.line, group, selections)

    def _selection(self, market_id: str, runner: RunnerDefinition, *, with_line: bool) -> SelectionPlan:
        runner_id, hc = runner.key
        name = shown = self.runner_name(runner) or f"Runner {runner_id}"
        side = self._runner_sides[runner_id]
        line = line_text(hc) if with_line else None
        if line is not None:
            shown = f"{name} {line if hc <= 0 or side in OVER_UNDER else '+' + line}"
        st = self.status(runner)
        return SelectionPlan(
            key=runner.key,
            id=self.selection_id(market_id, runner, side=side, name=name),
            name=shown,
            st=st,
            side=side,
            line=line,
            quoted=st == "open",
        )


def _priority(runner: RunnerDefinition) -> tuple[int, RunnerKey]:
    """Betfair's own order, then the key, so that the order of a list in a message never matters."""
    return runner.sort_priority or 0, runner.key
