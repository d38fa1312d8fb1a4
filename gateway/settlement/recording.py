"""Recording what is said of results: kept, folded, and in force, in one short transaction that touches no wallet.

Whoever places a bet at that moment holds the result's row shared and commits first, or waits and is refused. Recording
twice changes nothing, and so does a saying that does not change the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from feeds.contract.errors import Refused
from feeds.contract.results import MarketResult, Settlement, saying_id
from gateway.settlement.outcome import Outcome, outcome_text
from gateway.settlement.said import result_from_text, result_text
from gateway.settlement.sayings import SAYINGS_MAX, Saying, check_result, in_force, outcome_of
from gateway.settlement.sql import statement
from gateway.store.pool import Database

log = structlog.get_logger(__name__)


class Recorded(NamedTuple):
    """What became of a batch: how many sayings were new, how many markets have another outcome for it."""

    new: int
    changed: int
    refused: int


class _Change(NamedTuple):
    market: str
    revision: int
    outcome: str
    taken_back: bool
    saying: str


class Recorder:
    """Records over one database. `now` is the wall clock."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def record(self, settlements: Iterable[Settlement]) -> Recorded:
        """Records what was said, all of it or, where the database fails, perhaps none. Raises DatabaseUnavailable."""
        usable, refused = _usable(settlements)
        if not usable:
            return Recorded(0, 0, refused)
        async with self._database.connection() as connection, connection.transaction():
            new, changed = await keep_and_fold(connection, usable, self._now())
        return Recorded(new, changed, refused)


async def record_in(connection: Any, settlements: Sequence[Settlement], now: datetime) -> None:
    """Records what was said in the transaction under way. Raises Refused, where one cannot be settled by."""
    for settlement in settlements:
        check_result(settlement.result)
    usable, _ = _usable(settlements)
    await keep_and_fold(connection, usable, now)


def _usable(settlements: Iterable[Settlement]) -> tuple[dict[tuple[str, str], Settlement], int]:
    """What can be settled by, each once, and how much cannot, which is told."""
    usable: dict[tuple[str, str], Settlement] = {}
    refused = 0
    for settlement in settlements:
        try:
            check_result(settlement.result)
        except Refused as refusal:
            log.warning("result_refused", feed=settlement.feed, market=settlement.result.market, why=str(refusal))
            refused += 1
            continue
        usable[settlement.result.market, saying_id(settlement.feed, settlement.result)] = settlement
    return usable, refused


async def keep_and_fold(connection: Any, usable: dict[tuple[str, str], Settlement], now: datetime) -> tuple[int, int]:
    """How many sayings were new, how many markets have another outcome for it. In the transaction under way."""
    new = await _keep(connection, usable)
    changes = await _fold(connection, new, now) if new else []
    return len(new), len(changes)


async def _keep(connection: Any, usable: dict[tuple[str, str], Settlement]) -> list[Any]:
    """Keeps sayings; gives market, event and id of those that are new."""
    rows = [
        (
            *(market, saying, one.result.event, one.feed, one.result.kind, one.result.ts, one.result.certainty),
            *(one.result.from_ms, one.result.to_ms, result_text(one.result), one.lane, one.epoch, one.s),
        )
        for (market, saying), one in usable.items()
    ]
    kept: list[Any] = await connection.fetch(statement("keep_sayings"), *_columns(rows))
    return kept


async def _fold(connection: Any, new: Sequence[Any], now: datetime) -> list[_Change]:
    """Folds all sayings of the markets of which something new was said; gives what changed."""
    events = {market: event for market, event, _ in new}
    latest = {market: saying for market, _, saying in new}
    markets = sorted(events)
    await connection.execute(statement("open_results"), markets, [events[market] for market in markets])
    held = await connection.fetch(statement("lock_results"), markets)
    outcomes = await _outcomes(connection, markets)
    changes: list[_Change] = []
    for market, revision, text in held:
        outcome = outcomes.get(market)
        if outcome is None or outcome_text(outcome) == (text or outcome_text(Outcome())):
            continue
        taken_back = not outcome.closes(int(now.timestamp() * 1000))
        changes.append(_Change(market, revision + 1, outcome_text(outcome), taken_back, latest[market]))
    if changes:
        await _put(connection, changes, now)
    return changes


async def _outcomes(connection: Any, markets: list[str]) -> dict[str, Outcome]:
    sayings: dict[str, list[Saying]] = {}
    for market, *said in await connection.fetch(statement("sayings"), markets):
        sayings.setdefault(market, []).append(Saying(*said))
    standing = {}
    for market, said in sayings.items():
        if len(said) > SAYINGS_MAX:
            log.error("too_many_sayings", market=market, sayings=len(said))
            continue
        standing[market] = in_force(said)
    wanted = [(market, one.settlement) for market, one in standing.items() if one.settlement is not None]
    bodies: dict[str, MarketResult] = {}
    if wanted:
        rows = await connection.fetch(statement("bodies"), *_columns(wanted))
        bodies = {market: result_from_text(body) for market, body in rows}
    return {market: outcome_of(bodies.get(market), one.cancelled) for market, one in standing.items()}


async def _put(connection: Any, changes: list[_Change], now: datetime) -> None:
    markets, revisions, outcomes, taken_back, sayings = _columns(changes)
    await connection.execute(statement("put_results"), markets, revisions, outcomes, taken_back, now)
    await connection.execute(statement("put_changes"), markets, revisions, outcomes, sayings, now)
    await connection.execute(statement("put_work"), markets, revisions, now)


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
