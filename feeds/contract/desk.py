"""The trader's hand: what a desk lays over what providers say, and what is published of it. Pure; no clock, no I/O.

An overlay is one record for each scope (a sport, a league, an event), whole like every state. Its entries aim at all of
the scope, at a class in it, or at one market. `apply` turns what a provider says of a market into what is published;
that carries in its `desk` part what it hides, so `lift` gives the provider's state back, exactly.

An overlay never makes a market more open than its provider has it: it suspends what is open, and gives prices in place
of others. What the provider has closed, settled, voided or taken away stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from feeds.contract.model import DeskPart, HiddenPrice, Market, MarketClass, Selection, Status
from feeds.contract.prices import Price

REASON = "desk"
"""The `reason` of a market that a desk has suspended."""

_SUSPENDED: frozenset[Status] = frozenset({"open", "suspended"})
"""Statuses that a suspension turns into its own."""

_OVER: frozenset[Status] = frozenset({"closed", "settled", "void"})

Action = Literal["suspend", "resume", "override", "margin", "max_stake"]


class Target(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What of a scope is meant: one market, a class, or with neither all of it."""

    market: str | None = None
    cls: MarketClass | None = msgspec.field(default=None, name="class")

    @property
    def key(self) -> str:
        """A market's id, a class behind a colon, or nothing: no two targets have one key."""
        return self.market or ("" if self.cls is None else f":{self.cls}")


class Suspension(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Nothing of the target is open. `at` and `until` are Unix ms; without `until` it lasts until it is lifted."""

    target: Target
    why: str
    by: str
    at: int
    until: int | None = None


class Override(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One selection has this price, until then."""

    market: str
    selection: str
    price: Price
    why: str
    by: str
    at: int
    until: int

    @property
    def target(self) -> Target:
        """The market."""
        return Target(self.market)


class Limit(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A margin in hundredths of a percent, or the largest stake in minor units, of each market of the target. Of
    several that meet a market the most particular counts."""

    target: Target
    value: int
    by: str
    at: int


class Entries(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """All that stands in an overlay, or a part of it."""

    suspensions: tuple[Suspension, ...] = ()
    overrides: tuple[Override, ...] = ()
    margins: tuple[Limit, ...] = ()
    max_stakes: tuple[Limit, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.suspensions or self.overrides or self.margins or self.max_stakes)

    def __len__(self) -> int:
        return len(self.suspensions) + len(self.overrides) + len(self.margins) + len(self.max_stakes)


class Change(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The command that made a version: `id` is the command's own, `before` and `after` are the entries it touched."""

    id: str
    scope: str
    version: int
    action: Action
    target: Target
    by: str
    at: int
    why: str
    before: Entries
    after: Entries


class Overlay(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The record. `scope` is a topic without class and market. `version` rises with every change, not with a refresh,
    nor when the record is written `over`: when nothing of it counts any more, and it may age out of the log. `earlier`
    are the changes before `change` that were not found on the trail when it was made, oldest first."""

    scope: str
    version: int
    entries: Entries
    change: Change
    over: bool = False
    earlier: tuple[Change, ...] = ()


def running(entries: Entries, now_ms: int) -> Entries:
    """The entries whose end has not come."""
    return Entries(
        tuple(each for each in entries.suspensions if each.until is None or each.until > now_ms),
        tuple(each for each in entries.overrides if each.until > now_ms),
        entries.margins,
        entries.max_stakes,
    )


class Rule:
    """What one overlay says of one target."""

    __slots__ = ("margin", "max_stake", "overrides", "suspensions")

    def __init__(self) -> None:
        self.suspensions: list[Suspension] = []
        self.overrides: list[Override] = []
        self.margin: int | None = None
        self.max_stake: int | None = None


class Rules:
    """An overlay made ready to be applied many times. `ends_ms` are the moments at which something of it ends; from
    `over_ms` on nothing of it counts, where that is known."""

    __slots__ = ("_by_target", "ends_ms", "over_ms")

    def __init__(self, overlay: Overlay) -> None:
        self._by_target: dict[str, Rule] = {}
        entries = overlay.entries
        for suspension in entries.suspensions:
            self._rule(suspension.target).suspensions.append(suspension)
        for override in entries.overrides:
            self._rule(override.target).overrides.append(override)
        for margin in entries.margins:
            self._rule(margin.target).margin = margin.value
        for stake in entries.max_stakes:
            self._rule(stake.target).max_stake = stake.value
        ends_ms = {each.until for each in entries.suspensions if each.until is not None}
        self.ends_ms = frozenset(ends_ms | {each.until for each in entries.overrides})
        endless = entries.margins or entries.max_stakes or any(each.until is None for each in entries.suspensions)
        self.over_ms = None if endless else max(self.ends_ms, default=0)

    def _rule(self, target: Target) -> Rule:
        return self._by_target.setdefault(target.key, Rule())

    def of(self, market: Market) -> list[Rule]:
        """What is said of a market, the general first."""
        get = self._by_target.get
        return [rule for rule in (get(""), get(f":{market.cls}"), get(market.id)) if rule is not None]


def apply(overlays: Iterable[Rules], market: Market, now_ms: int) -> Market:
    """The market as it is published. `overlays` are those of its sport, its league and its event, in this order.

    The same object where nothing applies. Applying again, to what this gave, gives the same.
    """
    market = lift(market)
    if market.gone or market.st in _OVER:
        return market
    rules = [rule for overlay in overlays for rule in overlay.of(market)]
    return _applied(rules, market, now_ms) if rules else market


def _applied(rules: Sequence[Rule], market: Market, now_ms: int) -> Market:
    suspended = any(each.until is None or each.until > now_ms for rule in rules for each in rule.suspensions)
    turned = suspended and market.st in _SUSPENDED
    prices = {each.selection: each.price for rule in rules for each in rule.overrides if each.until > now_ms}
    part = DeskPart(
        suspended=suspended,
        st=market.st if turned else None,
        reason=market.reason if turned else None,
        prices=tuple(HiddenPrice(each.id, each.price) for each in market.selections if each.id in prices),
        margin=_last(rule.margin for rule in rules),
        max_stake=_last(rule.max_stake for rule in rules),
    )
    if part == _NOTHING:
        return market
    return msgspec.structs.replace(
        market,
        st="suspended" if turned else market.st,
        reason=REASON if turned else market.reason,
        selections=_priced(market.selections, prices),
        desk=part,
    )


def lift(market: Market) -> Market:
    """What the provider said of a market that was published; the same object where no desk had a hand in it."""
    part = market.desk
    if part is None:
        return market
    return msgspec.structs.replace(
        market,
        st=market.st if part.st is None else part.st,
        reason=market.reason if part.st is None else part.reason,
        selections=_priced(market.selections, {hidden.selection: hidden.price for hidden in part.prices}),
        desk=None,
    )


_NOTHING = DeskPart()


def _priced(
    selections: tuple[Selection, ...], prices: dict[str, Price] | dict[str, Price | None]
) -> tuple[Selection, ...]:
    if not prices:
        return selections
    return tuple(
        msgspec.structs.replace(each, price=prices[each.id]) if each.id in prices else each for each in selections
    )


def _last(values: Iterable[int | None]) -> int | None:
    """The last one there is: the most particular."""
    found = None
    for value in values:
        if value is not None:
            found = value
    return found
