"""The in-play delay: bets that wait are decided by the odds as they are when their time has come.

Which bets wait stands in the database alone: whoever looks first decides, and a worker that dies leaves nothing but
bets for another. A worker that cannot see a market leaves its bets, for a while; then they are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from gateway.bets.asked import Asked
from gateway.bets.checks import RECHECKS, Bounds, Seen, verdict_on
from gateway.bets.placing import QuoteSource
from gateway.bets.tables import BetTables, Due
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

LOOK_S = 0.25
"""Between two looks, where nothing is due: a bet waits at most this much longer."""

BATCH = 50
WITHIN = timedelta(seconds=5)
"""For how long a bet is a worker's to decide."""

UNSEEN = timedelta(seconds=30)
"""A bet of which no worker sees the market is refused after this."""

_BOUNDS = Bounds(0, 0, 0)
"""Not checked a second time."""


class Accepting:
    """Decides what is due. `now` is the wall clock."""

    def __init__(self, tables: BetTables, quotes: QuoteSource, now: Callable[[], datetime]) -> None:
        self._tables = tables
        self._quotes = quotes
        self._now = now
        self.decided = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                taken = await self.look()
            except DatabaseUnavailable as error:
                log.warning("bets_wait", error=str(error))
                taken = 0
            if taken < BATCH:
                await asyncio.sleep(LOOK_S)

    async def look(self) -> int:
        """Decides what is due now; gives how many were taken. Raises DatabaseUnavailable."""
        due = await self._tables.take_due(limit=BATCH, within=WITHIN)
        for bet in due:
            await self._decide(bet)
        return len(due)

    async def _decide(self, due: Due) -> None:
        legs = await self._tables.legs(due.bet)
        asked = Asked(due.owner, "", "single", due.stake, "", legs)
        verdict = verdict_on(asked, Seen(self._quotes.of(legs), _BOUNDS), RECHECKS)
        if verdict is not None and verdict.code == "not_ready" and self._now() < due.due + UNSEEN:
            return
        code = None if verdict is None else _REASONS.get(verdict.code, verdict.code)
        await self._tables.decide(due, refused=code, at=self._now())
        self.decided += 1


_REASONS = {"not_ready": "market_not_open", "unknown_market": "market_not_open", "unknown_selection": "market_not_open"}
"""What it means for a bet that waited that its market cannot be seen any more."""
