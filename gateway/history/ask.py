"""Runs what `oddswire history` was asked, and tells the answers: JSON, one object a line."""

from __future__ import annotations

import argparse
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from fanout.contract.codec import event_json, market_json
from gateway.history import fill
from gateway.history.answers import LineEnds, NotInHistory, PastBoard, PastState
from gateway.history.reads import HistoryReads
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings

Tell = Callable[[str], None]

SLOW_S = 3_600.0
"""For statements that fill or export."""


async def ask(options: argparse.Namespace, settings: DatabaseSettings, tell: Tell) -> int:
    """Gives the exit status. Raises NotInHistory, NotEmpty, DatabaseUnavailable."""
    slow = options.what in ("fill", "export", "import-check")
    patient = settings.model_copy(update={"statement_timeout_s": SLOW_S} if slow else {})
    async with open_database(patient, replica=options.what not in ("fill", "import-check")) as database:
        match options.what:
            case "fill":
                await fill.fill(database, rows=options.rows, days=options.days, now_us=_now_us())
            case "timing":
                tell(_json(await fill.measure(database, reads=options.reads, seed=1)))
            case "export" | "import-check":
                return await _parquet(options, database, tell)
            case "holes":
                return await _holes(database, tell)
            case _:
                async for line in _read(options, HistoryReads(database)):
                    tell(line)
    return 0


async def _read(options: argparse.Namespace, reads: HistoryReads) -> AsyncIterator[str]:
    match options.what:
        case "prices" if options.interval == "raw":
            async for line in _states(options, reads):
                yield line
        case "prices":
            until_us = _now_us() if options.until is None else options.until
            for bar in await reads.bars(options.market, options.interval, from_us=options.since, to_us=until_us):
                yield _json(bar)
        case "board" if options.cursor is not None:
            yield _board(await reads.board_at_cursor(options.event, options.cursor))
        case "board":
            yield _board(await reads.board_at(options.event, options.at))
        case "line":
            for ends in await reads.movement(options.market):
                yield _line(ends)
        case "live":
            proof = await reads.was_live(options.market, options.selection, options.price, options.cursor)
            state = None if proof.state is None else _state(proof.state)
            yield _json({"live": proof.live, "doubt": proof.doubt, "state": state})


async def _states(options: argparse.Namespace, reads: HistoryReads) -> AsyncIterator[str]:
    """All of them, one answer of the archive after the other."""
    until_us = _now_us() if options.until is None else options.until
    from_us, from_s = options.since, 0
    while states := await reads.states(options.market, from_us=from_us, to_us=until_us, from_s=from_s):
        for state in states:
            yield _json(_state(state))
        from_us, from_s = max(states[-1].at_us, from_us), states[-1].s + 1


async def _parquet(options: argparse.Namespace, database: Database, tell: Tell) -> int:
    try:
        from gateway.history import exchange  # noqa: PLC0415 pyarrow is optional
    except ModuleNotFoundError as error:
        raise NotInHistory("no_parquet", f"{error.name} is not installed: pip install 'oddswire[parquet]'") from error
    if options.what == "export":
        tell(_json({"changes": await exchange.export(database, options.file, day=options.day, event=options.event)}))
        return 0
    found = await exchange.compare(database, options.file)
    tell(_json(found))
    return 0 if found.same else 1


async def _holes(database: Database, tell: Tell) -> int:
    rows = await database.fetch("SELECT * FROM history.hole ORDER BY noticed")
    for row in rows:
        tell(_json(dict(row)))
    return 1 if rows else 0


def _board(board: PastBoard) -> str:
    event = None if board.event is None else msgspec.Raw(event_json(board.event, board.event_s))
    return _json({"event": event, "src": board.sources, "items": [_state(state)["market"] for state in board.states]})


def _line(ends: LineEnds) -> str:
    told = {"market": ends.market_id, "whole": ends.whole}
    for name, state in (("opening", ends.opening), ("closing", ends.closing)):
        told[name] = None if state is None else _state(state)
    return _json(told)


def _state(state: PastState) -> dict[str, Any]:
    return {"at_us": state.at_us, "market": msgspec.Raw(market_json(state.market, state.s))}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _now_us() -> int:
    return time.time_ns() // 1_000
