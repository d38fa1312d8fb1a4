"""Corrections that nobody sat down to draft: what providers say against results that bets were paid by.

What is held of one event becomes one draft, once nothing more has come for a while: what is rolled back and settled
again meanwhile pays nobody back and forth, and each user is told once. More that comes while a draft is not being
applied takes the draft's place. Its impact is approved by its policies, where it is within what they let go without a
person; another waits for somebody who approves it, or ends it. Whatever is approved is applied here, and goes on here
where that was killed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from feeds.contract.errors import Refused
from gateway.settlement.corrections.applying import lock
from gateway.settlement.corrections.drafts import MARKETS_MAX, Draft, Job, Said, settlements
from gateway.settlement.corrections.impact import turns_of
from gateway.settlement.corrections.service import POLICY, Corrections, Drafting
from gateway.settlement.corrections.sql import statement
from gateway.settlement.metrics import SettlementMetrics
from gateway.settlement.outcome import takes_back
from gateway.settlement.recording import record_in
from gateway.settlement.said import result_from_text
from gateway.settlement.types_of_markets import types_of
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

LOOK_S = 0.5
"""Between two looks; half of it at random, for several settlers look."""

EVENTS_MAX = 100
"""Drafted in one look."""

SETTLER = "settler"
"""Who computes and applies, in a job's deeds."""


class Provided:
    """Of one settler. `gather_s`: how long an event's sayings wait for more; `now` is the wall clock."""

    def __init__(
        self,
        database: Database,
        corrections: Corrections,
        *,
        gather_s: float,
        metrics: SettlementMetrics,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._corrections = corrections
        self._gather = timedelta(seconds=gather_s)
        self._metrics = metrics
        self._now = now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except DatabaseUnavailable as error:
                self._metrics.failures.inc()
                log.warning("corrections_wait", error=str(error))
            await asyncio.sleep(LOOK_S * random.uniform(0.5, 1.0))

    async def look(self) -> bool:
        """Drafts what is held, and brings each job as far as it goes by itself; whether anything was done. Raises
        DatabaseUnavailable."""
        done = False
        events = await self._database.fetch(statement("held_events"), self._now() - self._gather, EVENTS_MAX)
        for (event,) in events:
            done |= await self._tried(event, self._draft(event))
        waiting = 0
        for job in await self._corrections.provided():
            step = self._next(job)
            moved = step is not None and await self._tried(job.correction, step)
            done |= moved
            waiting += not moved
        self._metrics.corrections_waiting.set(waiting)
        return done

    async def _tried(self, what: str, work: Awaitable[bool]) -> bool:
        """Whether it did something. What is refused, another settler may have done, or it is to be done anew."""
        try:
            return await work
        except Refused as refusal:
            log.info("correction_waits", of=what, code=refusal.code, why=str(refusal))
            return False

    def _next(self, job: Job) -> Awaitable[bool] | None:
        """The next step of a job; None: somebody is to approve it, or to look at it."""
        if job.state == "drafted":
            return self._compute(job)
        if job.state == "computed":
            return self._approve(job) if orjson.loads(job.totals or "{}")["automatic"] else None
        return None if job.fault else self._apply(job)

    async def _compute(self, job: Job) -> bool:
        await self._corrections.impact(job.correction, by=SETTLER)
        return True

    async def _approve(self, job: Job) -> bool:
        await self._corrections.approve(job.correction, by=POLICY, digest=job.hash)
        return True

    async def _apply(self, job: Job) -> bool:
        ended = await self._corrections.apply(job.correction, by=SETTLER)
        self._metrics.corrections.labels(ended.state).inc()
        log.info("correction_ended", correction=job.correction, state=ended.state, fault=ended.fault)
        return ended.state == "done"

    async def _draft(self, event: str) -> bool:
        async with self._corrections.transaction() as connection:
            for (job,) in await connection.fetch(statement("held_jobs"), event):
                await lock(connection, job)  # before what is held for it, as who ends or applies it does
            held = await self._free(connection, await connection.fetch(statement("lock_held"), event))
            if not held:
                return False
            draft = Draft(await _said(connection, held))
            turns = await turns_of(connection, draft)
            if not any(takes_back(turn.before, turn.after) for turn in turns.values()):
                await record_in(connection, settlements(draft), self._now())
                return True
            feeds = sorted({one.feed for one in draft.said})
            drafting = Drafting(_reason(draft), f"feed:{','.join(feeds)}", provided=True)
            name = await self._corrections.put(connection, draft, drafting)
            keys = [row["market"] for row in held], [row["saying"] for row in held]
            await connection.execute(statement("claim_held"), name, *keys)
            return True

    async def _free(self, connection: Any, held: Sequence[Any]) -> list[Any]:
        """What of it goes into a new draft. Drafts of before give way to it, unless all of it were too much."""
        jobs = sorted({row["correction"] for row in held if row["correction"] is not None})
        markets = sorted({row["market"] for row in held})
        if len(markets) > MARKETS_MAX:
            jobs = []
        taken = {market for (market,) in await connection.fetch(statement("taken_markets"), markets, jobs)}
        if all(row["correction"] is not None or row["market"] in taken for row in held):
            return []
        for job in jobs:
            if not await self._corrections.give_way(connection, job, by=SETTLER, reason="more was said of the event"):
                taken |= {row["market"] for row in held if row["correction"] == job}
        chosen = set([market for market in markets if market not in taken][:MARKETS_MAX])
        return [row for row in held if row["market"] in chosen]


async def _said(connection: Any, held: Sequence[Any]) -> tuple[Said, ...]:
    types = await types_of(connection, sorted({row["market"] for row in held}))
    return tuple(
        Said(result_from_text(row["body"]), types[row["market"]], row["feed"], row["lane"], row["epoch"], row["s"])
        for row in held
    )


def _reason(draft: Draft) -> str:
    """What users are told of why: the provider's own words, where it gave any."""
    words = [one.result.reason for one in draft.said if one.result.reason]
    return (words[-1] if words else "the provider of results changed its result")[:500]
