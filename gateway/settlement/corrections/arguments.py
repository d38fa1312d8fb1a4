"""The command lines of `oddswire correction`, `result` and `report`, as data. Runs nothing."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeAlias

_Kinds: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 it has no other name

_DESCRIPTION = """\
Settles again what was settled wrong: drafted by one, approved by another, applied once, verified, and told once.

a correction is   drafted -> computed -> approved -> applying -> verifying -> done, or aborted
exit status       0 done, 1 the database does not answer or the recount differs, 2 refused or not understood
"""


def add_correction(kinds: _Kinds, database: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """`correction draft|impact|approve|apply|abort|undo|show|list`."""
    correction = kinds.add_parser(
        "correction",
        prog="oddswire correction",
        help="settle again: draft, impact, approve, apply, abort, undo",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whats = correction.add_subparsers(dest="what", required=True, metavar="WHAT")
    draft = _person(whats, database, "draft", "say what was meant")
    draft.add_argument("--reason", required=True, metavar="TEXT", help="which every user is told")
    source = draft.add_mutually_exclusive_group(required=True)
    source.add_argument("--file", type=Path, metavar="FILE", help='JSON: [{"type": T, "result": R}], R as feeds say it')
    source.add_argument("--event", metavar="E", help="grade what --entered holds, by the house's rules")
    draft.add_argument("--entered", type=Path, metavar="FILE", help="JSON: the event's scores, players, places")
    impact = _person(whats, database, "impact", "what it would do, frozen until it is approved")
    impact.add_argument("--dry-run", action="store_true", help="compute, keep nothing")
    approve = _person(whats, database, "approve", "let it be applied; above a limit another than who drafted it")
    approve.add_argument("--hash", metavar="H", help="only if the impact's hash begins so")
    _person(whats, database, "apply", "apply it, or go on where it stopped")
    abort = _person(whats, database, "abort", "end it; of one that has moved balances, draft the way back")
    undo = _person(whats, database, "undo", "draft the way back from one that is done")
    for command in (impact, approve, whats.choices["apply"], abort, undo):
        command.add_argument("id", metavar="ID", help="as draft gave it")
    for command in (abort, undo):
        command.add_argument("--reason", required=True, metavar="TEXT", help="why")
    show = whats.add_parser("show", parents=[database], help="all that is known of one")
    show.add_argument("id", metavar="ID")
    listed = whats.add_parser("list", parents=[database], help="corrections, the newest first")
    listed.add_argument("--state", metavar="S", help="those in this state alone")
    listed.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default 50)")
    for command in whats.choices.values():
        command.add_argument("--json", action="store_true", help="as JSON")
    return correction


def add_result(kinds: _Kinds, database: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """`result enter`."""
    result = kinds.add_parser("result", prog="oddswire result", help="enter an event's result, graded by house rules")
    whats = result.add_subparsers(dest="what", required=True, metavar="WHAT")
    enter = whats.add_parser(
        "enter",
        parents=[database],
        help="grade every market of an event that was bet on, and settle by it",
        description="Markets that have another result already are told, and not touched: draft a correction.",
    )
    enter.add_argument("event", metavar="EVENT", help="its id")
    enter.add_argument("file", type=Path, metavar="FILE", help="JSON: scores, players, places")
    enter.add_argument("--dry-run", action="store_true", help="grade, record nothing")
    return result


def add_report(kinds: _Kinds, database: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """`report daily|changes`."""
    report = kinds.add_parser("report", prog="oddswire report", help="what a day came to; what was settled again")
    whats = report.add_subparsers(dest="what", required=True, metavar="WHAT")
    daily = whats.add_parser("daily", parents=[database], help="bets, holds, payouts, corrections, by market and state")
    daily.add_argument("--date", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD", help="a day, UTC")
    changes = whats.add_parser("changes", parents=[database], help="every correction and void, in order")
    changes.add_argument(
        "--since", type=_time, required=True, metavar="TIME", help="from then on, 2026-11-26T10:00:00Z"
    )
    changes.add_argument("--until", type=_time, metavar="TIME", help="and before then (default: now)")
    for command in (daily, changes):
        command.add_argument("--csv", action="store_true", help="as CSV, not JSON")
    return report


def _person(whats: _Kinds, database: argparse.ArgumentParser, name: str, text: str) -> argparse.ArgumentParser:
    command = whats.add_parser(name, parents=[database], help=text, description=text)
    command.add_argument("--by", metavar="NAME", help="who does it (default: ODDSWIRE_CORRECTION_BY)")
    return command


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a time such as 2026-11-26T10:00:00Z: {text}") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
