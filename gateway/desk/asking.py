"""What the desk's page asks for, as bodies and queries, and the command that each means. Pure."""

from __future__ import annotations

from typing import Annotated

import msgspec

from feeds.contract.desk import Action, Change, Overlay
from feeds.contract.errors import Refused
from gateway.desk.amounts import MARGIN_MAX, SECONDS_MAX, STAKE_MAX, hundredths_of, price_of
from gateway.desk.commands import (
    ID_PATTERN,
    WORDS_CHARS_MAX,
    Aim,
    Command,
    Edit,
    Resume,
    SetMargin,
    SetMaxStake,
    SetPrice,
    Suspend,
    parse_aim,
)

VERSION_MAX = 1 << 53
TRAIL_MAX = 500
"""Changes that are browsed at once."""

_Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN.pattern.replace("\\Z", "$"))]
_Words = Annotated[str, msgspec.Meta(min_length=1, max_length=WORDS_CHARS_MAX)]
_Scope = Annotated[str, msgspec.Meta(min_length=1, max_length=256, examples=["football.nfl:prop"])]
_Version = Annotated[int, msgspec.Meta(ge=0, le=VERSION_MAX)]


class CommandIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command. `id`: its own; given again, it is the same command, done once. `version`: the one of the overlay of
    the scope's sport, league or event that was seen, 0 for none: at another one nothing is changed.

    `for_s`: how long a suspension lasts, or a price, which needs it. `selection` and `price` (American `-110`, decimal
    `1.909`, null for the provider's again) of an override; `value`: of a margin in percent, of a stake in money, null
    for none.
    """

    id: _Id
    scope: _Scope
    action: Action
    reason: _Words
    version: _Version
    for_s: Annotated[int, msgspec.Meta(ge=1, le=SECONDS_MAX)] | None = None
    selection: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    price: Annotated[str, msgspec.Meta(max_length=16, examples=["-110", "1.909"])] | None = None
    value: Annotated[str, msgspec.Meta(max_length=16, examples=["5.5"])] | None = None

    def command(self, by: str) -> Command:
        """What it means. Raises Refused("bad_command" | "bad_scope" | ...)."""
        return Command(self.id, aim_of(self.scope), self._edit(), by, self.reason, self.version)

    def _edit(self) -> Edit:
        match self.action:
            case "suspend":
                return Suspend(self.for_s)
            case "resume":
                return Resume()
            case "margin":
                return SetMargin(_amount(self.value, MARGIN_MAX))
            case "max_stake":
                return SetMaxStake(_amount(self.value, STAKE_MAX))
            case "override":
                return self._override()

    def _override(self) -> SetPrice:
        if self.selection is None:
            raise Refused("bad_command", "a price is of one selection")
        if self.price is None:
            return SetPrice(self.selection, None)
        if self.for_s is None:
            raise Refused("bad_command", "a price of ours has an end: for_s")
        try:
            return SetPrice(self.selection, price_of(self.price), self.for_s)
        except ValueError as error:
            raise Refused("bad_command", f"not a price: {self.price!r}") from error


class UndoIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Takes a change back: the newest of its overlay, or nothing is changed. `id`: of the command that does so."""

    id: _Id
    scope: _Scope
    reason: _Words


class OverlaysAsked(msgspec.Struct, frozen=True):
    """`scope`: this sport, league or event, with all above and below it."""

    scope: _Scope | None = None


class TrailAsked(msgspec.Struct, frozen=True):
    """`scope`: this sport, league or event, with all below it. `limit`: the newest so many."""

    scope: _Scope | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=TRAIL_MAX)] = 100


def undoing(asked: UndoIn, overlay: Overlay | None, change_id: str, *, by: str, now_ms: int) -> Command:
    """The command that takes a change back. Raises Refused("stale_version" | "nothing_to_end")."""
    if overlay is None or overlay.change.id != change_id:
        raise Refused("stale_version", f"{asked.scope} has been changed since")
    change = overlay.change
    aim = aim_of(scope_text(change))
    return Command(asked.id, aim, _back(change, now_ms), by, asked.reason, overlay.version)


def aim_of(text: str) -> Aim:
    """Raises Refused("bad_scope")."""
    try:
        return parse_aim(text)
    except Refused as refused:
        raise Refused("bad_scope", str(refused)) from refused


def scope_text(change: Change) -> str:
    """What a change is of, as it is given to a command."""
    market = f".{change.target.market}" if change.target.market else ""
    return f"{change.scope}{market}{f':{change.target.cls}' if change.target.cls else ''}"


def _back(change: Change, now_ms: int) -> Edit:
    """What stood before stands again, for as long as it would have."""
    before = change.before
    match change.action:
        case "suspend" | "resume":
            if not before.suspensions:
                return Resume()
            until = before.suspensions[0].until
            return Suspend(None if until is None else _left_s(until, now_ms))
        case "override":
            [one] = before.overrides or change.after.overrides
            if not before.overrides:
                return SetPrice(one.selection, None)
            return SetPrice(one.selection, one.price, _left_s(one.until, now_ms))
        case "margin":
            return SetMargin(before.margins[0].value if before.margins else None)
        case "max_stake":
            return SetMaxStake(before.max_stakes[0].value if before.max_stakes else None)


def _left_s(until_ms: int, now_ms: int) -> int:
    left_s = (until_ms - now_ms) // 1000
    if left_s < 1:
        raise Refused("nothing_to_end", "what stood before would be over by now")
    return left_s


def _amount(text: str | None, most: int) -> int | None:
    if text is None:
        return None
    try:
        return hundredths_of(text, most)
    except ValueError as error:
        raise Refused("bad_command", str(error)) from error
