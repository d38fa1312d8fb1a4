"""Recording what is said of results: kept, folded, and in force, in one short transaction that touches no wallet.

Whoever places a bet at that moment holds the result's row shared and commits first, or waits and is refused. Recording
twice changes nothing, and so does a saying that does not change the outcome. One that would take back what bets were
paid by is kept aside, held, and is in force for nobody until a correction brings it there (corrections/provided.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from feeds.contract.errors import Refused
from feeds.contract.results import Settlement, saying_id
from gateway.settlement.outcome import Outcome, outcome_from_text, outcome_text, takes_back
from gateway.settlement.said import result_from_text, result_text
from gateway.settlement.sayings import SAYINGS_MAX, InForce, Saying, check_result, in_force, outcome_of, saying_of
from gateway.settlement.sql import statement
from gateway.store.pool import Database

log = structlog.get_logger(__name__)


class Recorded(NamedTuple):
    """What became of a batch: how many sayings were new, how many markets have another outcome for it, how many of the
    new ones are held, for they are against what bets were paid by."""

    new: int
    changed: int
    refused: int
    held: int = 0


_Usable = dict[tuple[str, str], Settlement]
"""What can be settled by, by market and id of the saying."""


class _Change(NamedTuple):
    market: str
    revision: int
    outcome: str
    taken_back: bool
    saying: str


class _Markets(NamedTuple):
    """Markets of which something new was said, locked: what was in force, and what is with all of it."""

    revisions: dict[str, int]
    before: dict[str, str]
    after: dict[str, Outcome]

    @property
    def changed(self) -> list[str]:
        """Those with another outcome."""
        nothing = outcome_text(Outcome())
        return [one for one, now in self.after.items() if outcome_text(now) != self.before.get(one, nothing)]


class Recorder:
    """Records over one database. `now` is the wall clock."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def record(self, settlements: Iterable[Settlement]) -> Recorded:
        """Records what was said, all of it or, where the database fails, perhaps none. What is against a result that
        bets were paid by is held for a correction. Raises DatabaseUnavailable."""
        usable, refused = _usable(settlements)
        if not usable:
            return Recorded(0, 0, refused)
        async with self._database.connection() as connection:
            if not await _unknown(connection, usable):  # of most that comes twice no result is locked
                return Recorded(0, 0, refused)
            async with connection.transaction():
                new, markets = await _locked(connection, usable)
                held = await _to_hold(connection, markets)
                await _keep(connection, {key: one for key, one in new.items() if key[0] not in held})
                await _hold(connection, {key: one for key, one in new.items() if key[0] in held})
                changed = await _put(connection, markets, held, new, self._now())
        return Recorded(len(new), changed, refused, sum(key[0] in held for key in new))


async def record_in(connection: Any, settlements: Sequence[Settlement], now: datetime) -> None:
    """Brings what was said into force in the transaction under way, whatever was paid; what was held of it is held no
    more. Raises Refused, where one cannot be settled by."""
    for settlement in settlements:
        check_result(settlement.result)
    usable, _ = _usable(settlements)
    new, markets = await _locked(connection, usable, known="known_in_force")
    await _keep(connection, new)
    await connection.execute(statement("release_held"), *_columns(list(usable)))
    await _put(connection, markets, frozenset(), new, now)


def _usable(settlements: Iterable[Settlement]) -> tuple[_Usable, int]:
    """What can be settled by, each once, and how much cannot, which is told."""
    usable: _Usable = {}
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


async def _unknown(connection: Any, usable: _Usable, known: str = "known_sayings") -> _Usable:
    """What was not said before."""
    rows = await connection.fetch(statement(known), *_columns(list(usable)))
    before = {(market, saying) for market, saying in rows}
    return {key: one for key, one in usable.items() if key not in before}


async def _locked(connection: Any, usable: _Usable, known: str = "known_sayings") -> tuple[_Usable, _Markets]:
    """Locks the results of markets, then looks what is new, and folds it with all that was said of them."""
    events = {market: one.result.event for (market, _), one in usable.items()}
    names = sorted(events)
    await connection.execute(statement("open_results"), names, [events[market] for market in names])
    rows = await connection.fetch(statement("lock_results"), names)
    new = await _unknown(connection, usable, known)
    revisions = {market: revision for market, revision, _ in rows}
    before = {market: text for market, _, text in rows if text is not None}
    return new, _Markets(revisions, before, await _outcomes(connection, new))


async def _to_hold(connection: Any, markets: _Markets) -> frozenset[str]:
    """Markets of which nothing comes into force by itself: something is held already, a correction has them, or what
    bets were paid by would be taken back."""
    names = sorted(markets.after)
    held = {market for (market,) in await connection.fetch(statement("held_markets"), names)}
    taken_back = [
        market
        for market in markets.changed
        if market not in held
        and market in markets.before
        and takes_back(outcome_from_text(markets.before[market]), markets.after[market])
    ]
    if taken_back:
        held |= {market for (market,) in await connection.fetch(statement("paid_markets"), taken_back)}
    return frozenset(held)


async def _keep(connection: Any, new: _Usable) -> None:
    if new:
        await connection.execute(statement("keep_sayings"), *_columns(_rows(new)))


async def _hold(connection: Any, new: _Usable) -> None:
    if new:
        await connection.execute(statement("hold_sayings"), *_columns(_rows(new)))


def _rows(new: _Usable) -> list[tuple[Any, ...]]:
    return [
        (
            *(market, saying, one.result.event, one.feed, one.result.kind, one.result.ts, one.result.certainty),
            *(one.result.from_ms, one.result.to_ms, result_text(one.result), one.lane, one.epoch, one.s),
        )
        for (market, saying), one in sorted(new.items())
    ]


async def _outcomes(connection: Any, new: _Usable) -> dict[str, Outcome]:
    """Of each market by all that was said of it, what is new included."""
    sayings: dict[str, list[Saying]] = {}
    for (market, saying), one in new.items():
        sayings.setdefault(market, []).append(saying_of(saying, one.result))
    for market, *said in await connection.fetch(statement("sayings"), sorted(sayings)):
        sayings[market].append(Saying(*said))
    standing = {}
    for market, known in sayings.items():
        if len(known) > SAYINGS_MAX:
            log.error("too_many_sayings", market=market, sayings=len(known))
            continue
        standing[market] = in_force(known)
    bodies = {market: one.result for (market, saying), one in new.items() if _settling(standing, market) == saying}
    wanted = [(market, one.settlement) for market, one in standing.items() if one.settlement and market not in bodies]
    if wanted:
        rows = await connection.fetch(statement("bodies"), *_columns(wanted))
        bodies |= {market: result_from_text(body) for market, body in rows}
    return {market: outcome_of(bodies.get(market), one.cancelled) for market, one in standing.items()}


def _settling(standing: dict[str, InForce], market: str) -> str | None:
    return standing[market].settlement if market in standing else None


async def _put(connection: Any, markets: _Markets, held: frozenset[str], new: _Usable, now: datetime) -> int:
    """Brings other outcomes into force, but for those that are held; gives how many there were."""
    latest = dict(new.keys())
    now_ms = int(now.timestamp() * 1000)
    changes = [
        _Change(
            market,
            markets.revisions[market] + 1,
            outcome_text(markets.after[market]),
            not markets.after[market].closes(now_ms),
            latest[market],
        )
        for market in sorted(set(markets.changed) - held)
    ]
    if not changes:
        return 0
    names, revisions, outcomes, taken_back, sayings = _columns(changes)
    await connection.execute(statement("put_results"), names, revisions, outcomes, taken_back, now)
    await connection.execute(statement("put_changes"), names, revisions, outcomes, sayings, now)
    await connection.execute(statement("put_work"), names, revisions, now)
    return len(changes)


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
