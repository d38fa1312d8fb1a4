"""Recounts every bet of a database: rows streamed from one snapshot, through recount.py."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from gateway.money.audit import Audit
from gateway.settlement.recount import CountedBet, Ruling, check_counted
from gateway.settlement.said import result_from_text
from gateway.settlement.sql import statement
from gateway.store.pool import Database

MARKETS_HELD = 20_000
"""Markets whose results are held; beyond it those not asked for lately are read again."""

_BY_INDEX = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off"
"""Rows of a bet are found by their indexes, however small a table was when the planner last looked."""

_BATCH_ROWS = 1_000
_TOLD_EVERY = 100_000


async def recount(database: Database, found: Audit, tell: Callable[[str], None]) -> None:
    """Notes what differs, and how much there was. Raises DatabaseUnavailable."""
    bets = busy = 0
    async with database.connection() as connection:
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        await transaction.start()
        await connection.execute("SET LOCAL statement_timeout = 0")
        await connection.execute(_BY_INDEX)
        rulings = _Rulings(connection)
        cursor = await connection.cursor(statement("recount_bets"))
        while rows := await cursor.fetch(_BATCH_ROWS):
            counted = [_counted(row) for row in rows]
            known = await rulings.of(market for bet in counted for market, _, _ in bet.legs)
            for bet in counted:
                found.note(check_counted(bet, known))
                busy += bet.busy
            bets += len(counted)
            if bets % _TOLD_EVERY == 0:
                tell(f"bets recounted: {bets:,}")
        await transaction.rollback()
    found.counted |= {"bets recounted": bets} | ({"of those being settled": busy} if busy else {})


def _counted(row: Any) -> CountedBet:
    *facts, legs, busy = row
    return CountedBet._make((*facts, tuple(map(tuple, orjson.loads(legs or "[]"))), busy))


class _Rulings:
    """Markets by their sayings, read when they are first asked for."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._held: OrderedDict[str, Ruling] = OrderedDict()

    async def of(self, markets: Iterable[str]) -> dict[str, Ruling]:
        """The rulings of these markets."""
        wanted = set(markets)
        missing = sorted(wanted - self._held.keys())
        sayings: dict[str, list[tuple[str, Any]]] = {market: [] for market in missing}
        for market, saying, body in await self._connection.fetch(statement("recount_sayings"), missing):
            sayings[market].append((saying, result_from_text(body)))
        for market, said in sayings.items():
            self._held[market] = Ruling(said)
        for market in wanted:
            self._held.move_to_end(market)
        known = {market: self._held[market] for market in wanted}
        while len(self._held) > MARKETS_HELD:
            self._held.popitem(last=False)
        return known
