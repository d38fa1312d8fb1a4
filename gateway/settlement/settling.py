"""A settler: takes work, and settles its bets batch by batch until none is left.

Which work there is, whose it is and how far it has got stand in the database alone. A settler that dies leaves its work
to others once its hold on it has passed; one that lost its hold finds the bets settled, and does nothing to them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog

from gateway.settlement.batches import Batch, Cause, House, aimed, post, read_batch, tell
from gateway.settlement.metrics import SettlementMetrics
from gateway.settlement.offsetting import Offsetting
from gateway.settlement.pace import Pace
from gateway.settlement.pacing import Pauses, Yielding, reading
from gateway.settlement.settings import SettlementSettings
from gateway.settlement.sql import statement
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

RETRY_S = (0.1, 3.0)
"""Wait after a failure: from, doubling, up to; half of it at random."""

WAITING_AGAIN = timedelta(seconds=5)
"""When a market is looked at again of which bets wait to be accepted."""


class Work(NamedTuple):
    """A market whose bets are to be settled by `revision`; those up to `after` are. `waiting`: a bet of it waits to be
    accepted, so it is to be done again."""

    market: str
    revision: int
    recorded: datetime
    after: str
    waiting: bool


class _Share(NamedTuple):
    """What of a batch is a work's: its bets, and whether they are its last."""

    work: Work
    bets: list[str]
    last: bool


class Settler:
    """One settler. `name` is unique to it; `now` is the wall clock."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        settings: SettlementSettings,
        metrics: SettlementMetrics,
        now: Callable[[], datetime],
        offsetting: Offsetting,
    ) -> None:
        self._database = database
        self._name = name
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._offsetting = offsetting
        self._lease = timedelta(seconds=settings.lease_s)
        self._pace = Pace(settings.bets_per_s)
        pauses = Pauses(usual_ms=0, longest_ms=settings.pause_ms_max, p99_ms_max=settings.place_p99_ms)
        self._yielding = Yielding(pauses, reading(settings.pace_metrics))
        self._house = House()
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        wait_s, wait_s_max = RETRY_S
        while True:
            try:
                done = await self.work()
                wait_s = RETRY_S[0]
            except DatabaseUnavailable as error:
                self._metrics.failures.inc()
                log.warning("settling_waits", error=str(error))
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(2 * wait_s, wait_s_max)
                continue
            if not done:
                await self._look_again()

    async def work(self) -> bool:
        """Takes work that is due, and does it; whether there was any. Raises DatabaseUnavailable."""
        rows = await self._database.fetch(statement("claim"), self._name, self._lease, self._settings.claim_markets)
        works = sorted(Work(*row) for row in rows)  # in the order in which results are recorded: they share these rows
        taken = bool(works)
        while works:
            works = await self._batch(works)
        return taken

    async def _look_again(self) -> None:
        self.wake.clear()
        try:
            async with asyncio.timeout(self._settings.look_s * random.uniform(0.5, 1.0)):
                await self.wake.wait()
        except TimeoutError:
            return

    async def _batch(self, works: list[Work]) -> list[Work]:
        """Settles one batch; gives what is left to do. Raises DatabaseUnavailable."""
        async with self._database.connection() as connection, connection.transaction():
            shares = await self._shares(connection, works)
            settled, rest = await self._settle(connection, shares)
        self._metrics.batches.inc()
        await self._pace.spend(settled)
        await self._yielding.pause()
        return [*rest, *works[len(shares) :]]

    async def _shares(self, connection: Any, works: list[Work]) -> list[_Share]:
        """The bets of the next batch: of as many works as fit."""
        shares: list[_Share] = []
        room = self._settings.batch_bets
        for work in works:
            rows = await connection.fetch(statement("next_bets"), work.market, work.after, room)
            shares.append(_Share(work, [bet for (bet,) in rows], last=len(rows) < room))
            room -= len(rows)
            if room <= 0:
                break
        return shares

    async def _settle(self, connection: Any, shares: list[_Share]) -> tuple[int, list[Work]]:
        """Settles the bets of a batch and moves its works on; gives how many steps there were, and works with more."""
        causes = {bet: Cause(share.work.market, share.work.revision) for share in shares for bet in share.bets}
        batch = await read_batch(connection, sorted(causes))
        kept_whole = await self._offsetting.kept_whole(connection, batch, causes)
        steps = aimed(batch, kept_whole)
        at = self._now()
        if steps:
            await post(connection, steps, causes, batch.accounts, self._house, at)
            await tell(connection, steps, batch.purses, at)
        rest = await self._move_on(connection, shares, batch)
        recorded = {share.work.market: share.work.recorded for share in shares}
        for step in steps:
            self._metrics.settled(step, (at - recorded[causes[step.bet.bet].market]).total_seconds())
        return len(steps), rest

    async def _move_on(self, connection: Any, shares: list[_Share], batch: Batch) -> list[Work]:
        """The last thing of a transaction: who records a result waits for these rows, and bets for who records."""
        done, again, rest = [], [], []
        for share in shares:
            work = share.work
            waiting = work.waiting or _waits(share, batch)
            if not share.last:
                rest.append(work._replace(after=share.bets[-1], waiting=waiting))
            elif waiting:
                again.append((work.market, work.revision))
            else:
                done.append((work.market, work.revision))
        if done:
            await connection.execute(statement("end_work"), *map(list, zip(*done)), self._name)
        if again:
            await connection.execute(statement("renew_work"), *map(list, zip(*again)), self._name, WAITING_AGAIN)
        for work in rest:
            place = (work.market, work.revision, self._name, work.after, work.waiting, self._lease)
            await connection.execute(statement("move_work"), *place)
        return rest


def _waits(share: _Share, batch: Batch) -> bool:
    """Whether a bet may yet be accepted that this result is about: a market with a result refuses them, but one of
    which only the bets of some past time are void does not. Or a correction has one under review."""
    if not batch.reviewed.isdisjoint(share.bets):
        return True
    outcome = batch.outcomes.get(share.work.market)
    return outcome is not None and bool(outcome.cancelled) and not batch.waiting.isdisjoint(share.bets)
