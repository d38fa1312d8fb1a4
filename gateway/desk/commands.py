"""What a trader may ask for, and what it makes of an overlay. Pure.

A command is an aim (a scope, and what of it is meant), an edit, and who wants it why. Its id is its own: the same id is
the same command, however often it comes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, cast

from feeds.contract.desk import (
    Action,
    Change,
    Entries,
    Limit,
    Overlay,
    Override,
    Suspension,
    Target,
    running,
)
from feeds.contract.errors import Refused
from feeds.contract.ids import check_id, check_league, check_sport
from feeds.contract.model import MARKET_CLASSES, MarketClass
from feeds.contract.prices import Price

ENTRIES_MAX = 1_000
"""Entries of one overlay: its record stays far below what the log takes. Beyond it nothing is added."""

WORDS_CHARS_MAX = 200
"""Of a reason, and of who gives it. Longer ones are refused."""

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
"""A command's id."""


class Aim(NamedTuple):
    """Whose overlay, and what in it is meant."""

    scope: str
    target: Target

    @property
    def event(self) -> str | None:
        """The event of the scope, None for a league or sport."""
        parts = self.scope.split(".")
        return parts[2] if len(parts) == _EVENT_PARTS else None

    @property
    def text(self) -> str:
        """As it is given on a command line."""
        market = f".{self.target.market}" if self.target.market else ""
        return f"{self.scope}{market}{f':{self.target.cls}' if self.target.cls else ''}"


_EVENT_PARTS = 3
_MARKET_PARTS = 4


def parse_aim(text: str) -> Aim:
    """`football`, `football.nfl:prop`, `football.nfl.E1`, `football.nfl.E1.M9`. Raises Refused("bad_scope" | ...)."""
    path, colon, cls = text.partition(":")
    parts = path.split(".")
    if not 1 <= len(parts) <= _MARKET_PARTS or (colon and (cls not in MARKET_CLASSES or len(parts) == _MARKET_PARTS)):
        raise Refused(
            "bad_scope", f"{text[:80]!r}: a scope is SPORT[.LEAGUE[.EVENT]][:CLASS] or SPORT.LEAGUE.EVENT.MARKET"
        )
    for check, part in zip((check_sport, check_league, check_id, check_id), parts):
        check(part)
    if len(parts) == _MARKET_PARTS:
        return Aim(".".join(parts[:-1]), Target(market=parts[-1]))
    return Aim(path, Target(cls=cast("MarketClass", cls) if colon else None))


@dataclass(frozen=True)
class Suspend:
    """Nothing of the aim is open, for `for_s` seconds or until it is lifted."""

    for_s: int | None = None


@dataclass(frozen=True)
class Resume:
    """The suspension with exactly this aim is lifted."""


@dataclass(frozen=True)
class SetPrice:
    """A selection of the market has this price for `for_s` seconds; `price` None: the provider's again."""

    selection: str
    price: Price | None
    for_s: int = 0


@dataclass(frozen=True)
class SetMargin:
    """The margin of each market, in hundredths of a percent; None: none of its own."""

    value: int | None


@dataclass(frozen=True)
class SetMaxStake:
    """The largest stake on each market, in minor units; None: none of its own."""

    value: int | None


Edit = Suspend | Resume | SetPrice | SetMargin | SetMaxStake

_ACTIONS: dict[type[Edit], Action] = {
    Suspend: "suspend",
    Resume: "resume",
    SetPrice: "override",
    SetMargin: "margin",
    SetMaxStake: "max_stake",
}


@dataclass(frozen=True)
class Command:
    """`version`: the one of the overlay that the trader saw (0: none); None: whichever there is."""

    id: str
    aim: Aim
    edit: Edit
    by: str
    why: str
    version: int | None = None

    @property
    def action(self) -> Action:
        """What kind of edit it is."""
        return _ACTIONS[type(self.edit)]

    def check(self) -> None:
        """Raises Refused("bad_command")."""
        if not ID_PATTERN.match(self.id):
            raise Refused("bad_command", f"not a command's id: {self.id[:80]!r}; 8 to 64 of A-Z a-z 0-9 _ -")
        for name, words in (("who", self.by), ("why", self.why)):
            if not 1 <= len(words.strip()) <= WORDS_CHARS_MAX:
                raise Refused("bad_command", f"{name} has to be told, in at most {WORDS_CHARS_MAX} characters")
        if isinstance(self.edit, SetPrice) and self.aim.target.market is None:
            raise Refused("bad_scope", f"{self.aim.text}: a price is of one market, SPORT.LEAGUE.EVENT.MARKET")


def carried_out(command: Command, overlay: Overlay | None, *, version: int, now_ms: int) -> Overlay:
    """The overlay after a command, as `version`. Raises Refused("nothing_to_end" | "overlay_full")."""
    held = Entries() if overlay is None else running(overlay.entries, now_ms)
    before, after = _touched(command, held, now_ms)
    if not before and not after:
        raise Refused("nothing_to_end", f"{command.aim.text}: there is nothing of exactly this scope to end")
    entries = Entries(
        (*(each for each in held.suspensions if each not in before.suspensions), *after.suspensions),
        (*(each for each in held.overrides if each not in before.overrides), *after.overrides),
        (*(each for each in held.margins if each not in before.margins), *after.margins),
        (*(each for each in held.max_stakes if each not in before.max_stakes), *after.max_stakes),
    )
    if len(entries) > ENTRIES_MAX:
        raise Refused("overlay_full", f"{command.aim.scope} has {ENTRIES_MAX} entries already; end some first")
    change = Change(
        id=command.id,
        scope=command.aim.scope,
        version=version,
        action=command.action,
        target=command.aim.target,
        by=command.by,
        at=now_ms,
        why=command.why,
        before=before,
        after=after,
    )
    return Overlay(command.aim.scope, version, entries, change, over=not entries)


def _touched(command: Command, held: Entries, now_ms: int) -> tuple[Entries, Entries]:
    """The entries that a command takes away, and those it puts there."""
    target, by, why = command.aim.target, command.by, command.why
    match command.edit:
        case Suspend(for_s):
            until = None if for_s is None else now_ms + for_s * 1000
            after = Entries(suspensions=(Suspension(target, why, by, now_ms, until),))
            return _suspensions(held, target), after
        case Resume():
            return _suspensions(held, target), Entries()
        case SetPrice(selection, price, for_s):
            market = target.market or ""
            before = Entries(
                overrides=tuple(each for each in held.overrides if (each.market, each.selection) == (market, selection))
            )
            if price is None:
                return before, Entries()
            made = Override(market, selection, price, why, by, now_ms, now_ms + for_s * 1000)
            return before, Entries(overrides=(made,))
        case SetMargin(value):
            return Entries(margins=_of(held.margins, target)), Entries(margins=_limit(command, value, now_ms))
        case SetMaxStake(value):
            return Entries(max_stakes=_of(held.max_stakes, target)), Entries(max_stakes=_limit(command, value, now_ms))


def _suspensions(held: Entries, target: Target) -> Entries:
    return Entries(suspensions=tuple(each for each in held.suspensions if each.target == target))


def _of(limits: tuple[Limit, ...], target: Target) -> tuple[Limit, ...]:
    return tuple(each for each in limits if each.target == target)


def _limit(command: Command, value: int | None, now_ms: int) -> tuple[Limit, ...]:
    return () if value is None else (Limit(command.aim.target, value, command.by, now_ms),)
