"""Wires the desk's commands: settings, a connection, what was asked for, and what is told of it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterable

from pydantic import ValidationError

from feeds.adapters import process
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.desk import DeskLog
from feeds.contract.errors import LogUnavailable, Refused
from feeds.contract.settings import BusSettings
from gateway.desk.arguments import edit_of
from gateway.desk.commands import Command, parse_aim
from gateway.desk.reading import overlays, trail
from gateway.desk.settings import DeskSettings
from gateway.desk.telling import change_json, change_lines, done_line, fault_lines, shown_json, shown_lines
from gateway.desk.writing import Desk, Unanswered

EXIT_FAILED = 1
EXIT_REFUSED = 2

REACH_S = 5.0
"""A nats-server that does not answer within this is not waited for."""


def desk(options: argparse.Namespace) -> int:
    """One command. Exit status: 0, 1 the log does not answer or not everything was written, 2 refused."""
    process.configure_logs("error")
    try:
        bus = BusSettings() if options.nats_url is None else BusSettings(nats_url=options.nats_url)
        return process.run(_run(options, bus, DeskSettings()))
    except ValidationError as error:
        return _complain(["; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())], EXIT_REFUSED)
    except Refused as refusal:
        return _complain([f"{refusal} ({refusal.code})"], EXIT_REFUSED)
    except (LogUnavailable, OSError) as error:
        return _complain([str(error)], EXIT_FAILED)


def _complain(lines: Iterable[str], status: int) -> int:
    for line in lines:
        print(f"oddswire desk: {line}", file=sys.stderr)
    return status


async def _run(options: argparse.Namespace, bus: BusSettings, settings: DeskSettings) -> int:
    aim = None if options.scope is None else parse_aim(options.scope)
    if options.desk == "show":
        async with _reaching(bus, settings) as log:
            for shown in await overlays(log, aim, lanes=bus.lanes):
                print(*([shown_json(shown)] if options.json else shown_lines(shown)), sep="\n")
        return 0
    if options.desk == "audit":
        async with _reaching(bus, settings) as log:
            for change in await trail(log, aim, limit=options.last):
                print(*([change_json(change)] if options.json else change_lines(change)), sep="\n")
        return 0
    command = _command(options, settings)
    async with _reaching(bus, settings) as log:
        return await _carry_out(command, Desk(log, lanes=bus.lanes, now_ms=_now_ms))


def _command(options: argparse.Namespace, settings: DeskSettings) -> Command:
    return Command(
        id=options.id or secrets.token_hex(8),
        aim=parse_aim(options.scope),
        edit=edit_of(options),
        by=options.by or settings.by,
        why=options.reason,
        version=options.version,
    )


async def _carry_out(command: Command, at: Desk) -> int:
    again = f"give it again with --id {command.id}"
    try:
        done = await at.carry_out(command)
    except Unanswered as error:
        return _complain([f"it may have been written, or not: {error}", again], EXIT_FAILED)
    print(done_line(command, done))
    if done.whole:
        return 0
    return _complain([*fault_lines(done), f"{again} --version {done.overlay.version - 1}"], EXIT_FAILED)


@contextlib.asynccontextmanager
async def _reaching(bus: BusSettings, settings: DeskSettings) -> AsyncIterator[DeskLog]:
    """The log, which is not waited for. Raises LogUnavailable."""
    connection = Connection(bus.nats_url, name="desk")
    opening = asyncio.ensure_future(connection.open())
    try:
        await asyncio.wait([opening], timeout=REACH_S)
        if not opening.done():
            opening.cancel()
            raise LogUnavailable(f"no nats-server answers at {bus.nats_url}")
        await opening
        yield DeskLog(connection, bus=bus, trail_age_s=settings.audit_age_s)
    finally:
        await connection.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
