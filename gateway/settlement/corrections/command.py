"""What `oddswire correction`, `result` and `report` do: shells over the same services as REST. Text goes to `tell`."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import orjson

from feeds.contract.errors import Refused
from gateway.settlement.corrections.drafts import Said
from gateway.settlement.corrections.opening import corrections_over, patient_database
from gateway.settlement.corrections.service import Corrections, Progress
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.settlement.corrections.telling import (
    job_line,
    job_said,
    shown_lines,
    shown_said,
    totals_lines,
    totals_said,
)
from gateway.settlement.entering import Entering, Grading
from gateway.settlement.grading.entered import Entered
from gateway.settlement.grading.rules import house_rules
from gateway.settlement.reports.report import (
    CHANGES_COLUMNS,
    DAILY_COLUMNS,
    changes,
    csv_lines,
    daily,
    daily_json,
    told,
)
from gateway.store.settings import DatabaseSettings

EXIT_OK, EXIT_DIFFERS, EXIT_REFUSED = 0, 1, 2
FILE_BYTES_MAX = 16_000_000

Tell = Callable[[str], None]
T = TypeVar("T")


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def corrections(database: DatabaseSettings, settings: CorrectionSettings) -> AsyncIterator[Corrections]:
    """The service over a pool of its own, whose statements may take as long as an impact."""
    async with patient_database(database, settings) as pool:
        yield corrections_over(pool, settings, utc_now)


async def correction(options: argparse.Namespace, database: DatabaseSettings, tell: Tell) -> int:
    """One command. Raises Refused, DatabaseUnavailable, OSError."""
    settings = CorrectionSettings()
    async with corrections(database, settings) as service:
        if options.what in ("show", "list"):
            return await _looked(service, options, tell)
        by = options.by or settings.by
        if not by:
            raise Refused("bad_correction", "say who does it: --by, or ODDSWIRE_CORRECTION_BY")
        match options.what:
            case "draft":
                said = await _said(options, database, settings)
                name = await service.draft(said, reason=options.reason, by=by)
                tell(orjson.dumps({"id": name}).decode() if options.json else name)
                return EXIT_OK
            case "impact":
                return await _impact(service, options, by, tell)
            case "approve":
                await service.approve(options.id, by=by, digest=options.hash)
            case "apply":
                return await _apply(service, options, by, tell)
            case "abort" | "undo":
                ended = service.abort if options.what == "abort" else service.undo
                back = await ended(options.id, by=by, reason=options.reason)
                tell(orjson.dumps({"id": back}).decode() if options.json else back or f"{options.id} is aborted")
                return EXIT_OK
        tell(f"{options.id} is approved by {by}")
        return EXIT_OK


async def _looked(service: Corrections, options: argparse.Namespace, tell: Tell) -> int:
    if options.what == "list":
        for job in await service.jobs(state=options.state, limit=options.limit):
            tell(orjson.dumps(job_said(job)).decode() if options.json else job_line(job))
        return EXIT_OK
    shown = await service.show(options.id)
    if options.json:
        tell(orjson.dumps(shown_said(shown)).decode())
    else:
        for line in shown_lines(shown):
            tell(line)
    return EXIT_OK


async def _impact(service: Corrections, options: argparse.Namespace, by: str, tell: Tell) -> int:
    found = await service.impact(options.id, by=by, dry=options.dry_run)
    totals = found.totals.said()
    if options.json:
        tell(orjson.dumps({"hash": found.hash, "totals": totals_said(totals)}).decode())
        return EXIT_OK
    for line in totals_lines(totals, found.hash[:16]):
        tell(line)
    return EXIT_OK


async def _apply(service: Corrections, options: argparse.Namespace, by: str, tell: Tell) -> int:
    def along(progress: Progress) -> None:
        if not options.json:
            tell(f"{progress.users_done:,} of {progress.users:,} users")

    job = await service.apply(options.id, by=by, told=along)
    shown = await service.show(options.id)
    if options.json:
        tell(orjson.dumps(shown_said(shown)).decode())
    else:
        tell(f"{job.correction} is {job.state}" + (f": {job.fault}" if job.fault else ""))
    return EXIT_OK if job.state == "done" else EXIT_DIFFERS


async def _said(options: argparse.Namespace, database: DatabaseSettings, settings: CorrectionSettings) -> list[Said]:
    if options.file is not None:
        drafted: list[Said] = _read(options.file, list[Said])
        return drafted
    if options.entered is None:
        raise Refused("bad_correction", "--event needs what was entered of it: --entered")
    async with patient_database(database, settings) as pool:
        graded = await Entering(pool, house_rules(), utc_now).grade(options.event, _read(options.entered, Entered))
    if not graded.other:
        raise Refused("bad_correction", "no market of it has another result than this")
    return graded.other


async def result(options: argparse.Namespace, database: DatabaseSettings, tell: Tell) -> int:
    """`result enter`. Raises Refused, DatabaseUnavailable, OSError."""
    async with patient_database(database, CorrectionSettings()) as pool:
        entering = Entering(pool, house_rules(), utc_now)
        graded = await entering.grade(options.event, _read(options.file, Entered))
        if not options.dry_run:
            await entering.record(graded)
    for line in graded_lines(graded, recorded=not options.dry_run):
        tell(line)
    return EXIT_REFUSED if graded.other or graded.not_graded else EXIT_OK


def graded_lines(graded: Grading, *, recorded: bool) -> list[str]:
    """What became of each market."""
    lines = [f"{'recorded' if recorded else 'graded'}    {_line(one)}" for one in graded.fresh]
    lines += [f"as before   {_line(one)}" for one in graded.same]
    lines += [f"conflicts   {_line(one)}: it has another result, draft a correction" for one in graded.other]
    return lines + [f"not graded  {one.market}  {one.code}: {one.detail}" for one in graded.not_graded]


def _line(said: Said) -> str:
    rule = f"  by {said.result.reason}" if said.result.reason else ""
    return f"{said.result.market}  {said.type}{rule}"


async def report(options: argparse.Namespace, database: DatabaseSettings, tell: Tell) -> int:
    """`report daily|changes`. Raises DatabaseUnavailable."""
    async with patient_database(database, CorrectionSettings()) as pool:
        if options.what == "daily":
            found = await daily(pool, options.date)
            rows = [told(row) for row in found.rows]
            tell(csv_lines(DAILY_COLUMNS, rows, head=True).rstrip() if options.csv else daily_json(found))
            return EXIT_DIFFERS if found.differs else EXIT_OK
        if options.csv:
            tell(csv_lines(CHANGES_COLUMNS, [], head=True).rstrip())
        async for row in changes(pool, options.since, options.until or utc_now()):
            said = told(row)
            tell(
                csv_lines(CHANGES_COLUMNS, [said], head=False).rstrip() if options.csv else orjson.dumps(said).decode()
            )
    return EXIT_OK


def _read(path: Path, kind: Any) -> Any:
    """A JSON file. Raises Refused("bad_file"), OSError."""
    with path.open("rb") as file:
        text = file.read(FILE_BYTES_MAX + 1)
    if len(text) > FILE_BYTES_MAX:
        raise Refused("bad_file", f"{path} is longer than {FILE_BYTES_MAX} bytes")
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise Refused("bad_file", f"{path}: {error}") from error
