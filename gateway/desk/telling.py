"""How overlays, changes and what became of a command are told: lines for people, or JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from feeds.contract.desk import Change, Entries
from feeds.contract.prices import cents_text, milli_text
from gateway.desk.commands import Aim, Command
from gateway.desk.reading import Shown
from gateway.desk.writing import Done


def shown_lines(shown: Shown) -> Iterator[str]:
    """An overlay for people."""
    overlay = shown.overlay
    lanes = f"  MISSING IN LANES {_numbers(shown.missing)}" if shown.missing else ""
    yield f"{overlay.scope}  version {overlay.version}{lanes}"
    for entry in entry_lines(overlay.scope, overlay.entries):
        yield f"  {entry}"


def shown_json(shown: Shown) -> str:
    """An overlay for programs: the record, with `lanes` and `missing`."""
    told = {**msgspec.structs.asdict(shown.overlay), "lanes": shown.lanes, "missing": shown.missing}
    return msgspec.json.encode(told).decode()


def entry_lines(scope: str, entries: Entries) -> Iterator[str]:
    """What entries say, one a line."""
    for each in entries.suspensions:
        until = "" if each.until is None else f" until {_time(each.until)}"
        yield f"suspended {Aim(scope, each.target).text}{until} by {each.by}: {each.why}"
    for price in entries.overrides:
        aim = Aim(scope, price.target).text
        odds = f"{price.price.american:+d} ({milli_text(price.price.milli)})"
        yield f"price {aim} {price.selection} {odds} until {_time(price.until)} by {price.by}: {price.why}"
    for margin in entries.margins:
        yield f"margin {Aim(scope, margin.target).text} {cents_text(margin.value)} % by {margin.by}"
    for stake in entries.max_stakes:
        yield f"max stake {Aim(scope, stake.target).text} {cents_text(stake.value)} by {stake.by}"


def change_lines(change: Change) -> Iterator[str]:
    """A change for people."""
    aim = Aim(change.scope, change.target).text
    yield f"{_time(change.at)}  {change.action} {aim}  by {change.by}: {change.why}  (version {change.version})"
    for entry in entry_lines(change.scope, change.before):
        yield f"  - {entry}"
    for entry in entry_lines(change.scope, change.after):
        yield f"  + {entry}"


def change_json(change: Change) -> str:
    """A change for programs."""
    return msgspec.json.encode(change).decode()


def done_line(command: Command, done: Done) -> str:
    """What a command did."""
    lanes = f"lane {done.lanes[0]}" if len(done.lanes) == 1 else f"lanes {_numbers(done.lanes)}"
    return f"{command.action} {command.aim.text}: version {done.overlay.version}, {lanes}"


def fault_lines(done: Done) -> Iterator[str]:
    """What a command did not do."""
    for lane, why in done.failed.items():
        yield f"not written in lane {lane}: {why}"
    if done.unrecorded:
        yield f"not on the trail: {done.unrecorded}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def _numbers(numbers: tuple[int, ...] | list[int]) -> str:
    return ", ".join(map(str, numbers))
