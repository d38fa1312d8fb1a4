"""`oddswire feeds check`: what a recording holds and how much of it a provider's parser understands.

Owns the report and its exit status. Never maps to our model: it answers in the provider's own ids and words, so that
a difference found here is a difference in reading, not in meaning. Adding a provider is one line in INSPECTORS, or in
MESSAGE_INSPECTORS where its messages stand for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, TextIO

import msgspec

from feeds.check_messages import MESSAGE_INSPECTORS, check_messages
from feeds.contract.errors import Refused
from feeds.inspection import Inspector, MessageInspector, RawSelectionId
from feeds.providers.betfair.inspection import BetfairInspector
from feeds.providers.theoddsapi.inspection import TheOddsApiInspector
from feeds.recording import Recording, Tally

EXIT_UNDERSTOOD: Final = 0
EXIT_UNREADABLE: Final = 2
EXIT_REFUSED: Final = 3


INSPECTORS: Final[Mapping[str, Callable[[], Inspector]]] = {
    "betfair": BetfairInspector,
    "theoddsapi": TheOddsApiInspector,
}


class _Report(Protocol):
    """How a check is written down."""

    def checkpoint(self, line: int, inspector: Inspector) -> None: ...

    def summary(self, tally: Tally, inspector: Inspector) -> None: ...


def check(path: Path, *, provider: str, at: Sequence[int], as_json: bool, out: TextIO, err: TextIO) -> int:
    """Read a recording to its end and report. After each line of `at` (1-based) the markets known then are told.

    Gives the exit status: 0 all understood, 3 some refused (a packed file cut short counts as a line refused),
    2 nothing could be read. What stands in the way of reading is one line on `err`.
    """
    if provider in MESSAGE_INSPECTORS:
        return _check_messages(path, MESSAGE_INSPECTORS[provider](), as_json=as_json, out=out, err=err)
    make_inspector = INSPECTORS.get(provider)
    if make_inspector is None:
        known = ", ".join(sorted((*INSPECTORS, *MESSAGE_INSPECTORS)))
        return _unreadable(err, f"unknown provider {provider!r}; known: {known}")
    if any(line < 1 for line in at):
        return _unreadable(err, "--at takes line numbers, counted from 1")
    inspector = make_inspector()
    report: _Report = _JsonReport(out) if as_json else _TextReport(out)
    tally = Tally()
    asked = sorted(set(at), reverse=True)
    try:
        for line in Recording(path):
            while asked and asked[-1] < line.number:  # a blank line was asked for
                report.checkpoint(asked.pop(), inspector)
            _read(inspector, line.data, tally)
            if asked and asked[-1] == line.number:
                report.checkpoint(asked.pop(), inspector)
    except Refused as refusal:
        if not tally.lines:
            return _unreadable(err, str(refusal))
        err.write(f"feeds check: {refusal}\n")
        tally.refuse(refusal.code)
    if asked:
        lines = ", ".join(map(str, reversed(asked)))
        err.write(f"feeds check: {path} has no line {lines}\n")
    report.summary(tally, inspector)
    return EXIT_REFUSED if tally.refused else EXIT_UNDERSTOOD


def _check_messages(path: Path, inspector: MessageInspector, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    try:
        tally = check_messages(path, inspector, as_json=as_json, out=out, err=err)
    except Refused as refusal:
        return _unreadable(err, str(refusal))
    return EXIT_REFUSED if tally.refused else EXIT_UNDERSTOOD


def _read(inspector: Inspector, data: bytes, tally: Tally) -> None:
    try:
        inspector.read(data)
    except Refused as refusal:
        tally.refuse(refusal.code)
    else:
        tally.understood += 1


def _unreadable(err: TextIO, message: str) -> int:
    err.write(f"feeds check: {message}\n")
    return EXIT_UNREADABLE


class _JsonReport:
    """One JSON object a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def checkpoint(self, line: int, inspector: Inspector) -> None:
        self._write({"line": line, "markets": inspector.markets()})

    def summary(self, tally: Tally, inspector: Inspector) -> None:
        summary = {
            "lines": tally.lines,
            "understood": tally.understood,
            "refused": tally.refused,
            "reasons": dict(tally.reasons),
            "winners": _flat(inspector.winners()),
            "removed": _flat(inspector.removed()),
        }
        self._write({"summary": summary})

    def _write(self, value: object) -> None:
        self._out.write(msgspec.json.encode(value).decode() + "\n")


class _TextReport:
    """For people."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def checkpoint(self, line: int, inspector: Inspector) -> None:
        self._out.write(f"after line {line}\n")
        self._markets(inspector)

    def summary(self, tally: Tally, inspector: Inspector) -> None:
        self._out.write("at the end\n")
        self._markets(inspector)
        self._out.write(f"{tally.lines} lines, {tally.understood} understood, {tally.refused} refused\n")
        for reason, count in tally.reasons.most_common():
            self._out.write(f"  {count} {reason}\n")
        self._out.writelines(_named("winners", inspector.winners()))
        self._out.writelines(_named("removed", inspector.removed()))

    def _markets(self, inspector: Inspector) -> None:
        for market in inspector.markets():
            live = ", in play" if market.live else ""
            self._out.write(f"  market {market.id}: {market.st}{live}\n")
            for seen in market.selections:
                name = f"{seen.id} {seen.hc:+g}" if seen.hc else str(seen.id)
                prices = f"back {_cell(seen.back)}  lay {_cell(seen.lay)}  ltp {_cell(seen.ltp)}"
                self._out.write(f"    {name:<16} {seen.st:<8} {prices}\n")


def _cell(price: float | None) -> str:
    return f"{'-' if price is None else format(price, 'g'):>7}"


def _named(what: str, runners: Mapping[str, list[RawSelectionId]]) -> list[str]:
    return [f"{what} of {market}: {', '.join(map(str, ids))}\n" for market, ids in runners.items() if ids]


def _flat(by_market: Mapping[str, list[RawSelectionId]]) -> list[RawSelectionId]:
    """The ids of all markets, market by market."""
    return [selection_id for ids in by_market.values() for selection_id in ids]
