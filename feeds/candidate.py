"""A process that may lead a feed: asks for the lease, leads while the log lets it, and stands by until it may again.

It must never run two terms at once, nor end because another took over. Each term has a provider and a writer of its
own, which are gone when it is over; a standby says nothing on the log.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from feeds.candidacy import Candidacy, LeaseTimes, Mandate, Question
from feeds.contract.coordination import Conflict, Coordination, Unavailable
from feeds.contract.errors import NotLeader
from feeds.metrics import FeedMetrics

log = structlog.get_logger(__name__)

LOOK_KIND = "feed-candidate"
"""A kind of records nobody writes: reading one tells whether the coordination answers."""

JITTER = 0.2
"""Part of the interval by which two questions differ at random, so that standbys do not ask in step."""


class Term(Protocol):
    """One time of leading a feed, from taking over to the end."""

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Leads until `stop`; `on_ready` once it is live in every lane. Raises NotLeader in a group."""

    @property
    def heard_s(self) -> float:
        """Since when every lane of the log has answered, by the monotonic clock."""

    def stop(self) -> None:
        """Says `down` in every lane; then `run` returns."""


class Candidate:
    """One process of `feed`. `begin` makes a term; `say` is told, in a word, when it is `ready` (leading and live) and
    when it is `standby`. A lease lost is logged and changes nothing: see feeds/candidacy.py."""

    def __init__(
        self,
        coordination: Coordination,
        begin: Callable[[Mandate], Term],
        *,
        feed: str,
        owner: str,
        times: LeaseTimes,
        metrics: FeedMetrics,
        say: Callable[[str], None],
    ) -> None:
        self._coordination = coordination
        self._begin = begin
        self._feed = feed
        self._lease = lease_name(feed)
        self._owner = owner
        self._times = times
        self._candidacy = Candidacy(owner, times)
        self._mandates: asyncio.Queue[Mandate | None] = asyncio.Queue()
        self._asking = asyncio.Lock()
        self._term: Term | None = None
        self._say = say
        self._told = ""
        self._leading = metrics.leading.labels(feed)
        self._takeovers = metrics.takeovers.labels(feed)
        self._epoch = metrics.lease_epoch.labels(feed)

    async def run(self) -> None:
        """Until `stop`; the lease is then given up, so that a standby takes over at once. Raises in a group what a term
        raises but for NotLeader."""
        try:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(self._keep_asking())
                while (mandate := await self._mandates.get()) is not None:
                    await self._lead(mandate)
                async with self._asking:  # a renewal on its way would come after the lease was given up
                    asking.cancel()
        finally:
            await self._give_up()

    def stop(self) -> None:
        """Who leads says `down`; `run` returns."""
        self._candidacy.ends()
        self._mandates.put_nowait(None)
        if self._term is not None:
            self._term.stop()

    async def _lead(self, mandate: Mandate) -> None:
        if self._candidacy.role == "ending":
            return
        log.info("leading", feed=self._feed, owner=mandate.owner, epoch=mandate.epoch)
        self._leading.set(1)
        self._term = self._begin(mandate)
        try:
            await self._term.run(self._ready)
        except* NotLeader as group:
            deposed = _first(group)
            log.warning("stood_down", feed=self._feed, epoch=mandate.epoch, why=str(deposed))
            self._candidacy.deposed(deposed.epoch, time.monotonic())
        finally:
            self._term = None
            self._leading.set(0)

    def _ready(self) -> None:
        self._takeovers.inc()
        self._tell("ready")

    def _tell(self, word: str) -> None:
        if word != self._told:
            self._told = word
            self._say(word)

    async def _keep_asking(self) -> None:
        while True:
            now_s = time.monotonic()
            question = self._candidacy.question(now_s, now_s if self._term is None else self._term.heard_s)
            if question is not None:
                async with self._asking:
                    await self._ask(question)
            await asyncio.sleep(self._times.interval_s * random.uniform(1 - JITTER, 1 + JITTER))

    async def _ask(self, question: Question) -> None:
        candidacy = self._candidacy
        held, away, asked_s = candidacy.holds, candidacy.away, time.monotonic()
        try:
            if question == "look":
                await self._coordination.get(LOOK_KIND, self._feed)
                candidacy.looked(time.monotonic())
            else:
                epoch = await self._coordination.lease(self._lease, self._owner, ttl_s=self._times.ttl_s)
                self._granted(epoch, asked_s)
        except Conflict as conflict:
            candidacy.refused()
            self._refused(conflict, held=held)
        except Unavailable as error:
            candidacy.unreachable(asked_s)
            if not away:
                log.warning("coordination_away", feed=self._feed, role=candidacy.role, why=str(error))
        if away and not candidacy.away:
            log.info("coordination_back", feed=self._feed, role=candidacy.role)

    def _granted(self, epoch: int, asked_s: float) -> None:
        self._epoch.set(epoch)
        mandate = self._candidacy.granted(epoch, asked_s)
        if mandate is not None:
            self._mandates.put_nowait(mandate)

    def _refused(self, conflict: Conflict, *, held: bool) -> None:
        if self._candidacy.role == "standby":
            if self._told != "standby":
                log.info("standby", feed=self._feed, why=str(conflict))
            self._tell("standby")
        elif held:
            log.warning("lease_lost", feed=self._feed, why=str(conflict))

    async def _give_up(self) -> None:
        try:
            await self._coordination.release(self._lease, self._owner)
        except Unavailable as error:
            log.warning("lease_not_released", feed=self._feed, why=str(error))


def lease_name(feed: str) -> str:
    """The lease of a feed."""
    return f"feed/{feed}"


def _first(group: BaseExceptionGroup[NotLeader]) -> NotLeader:
    error: NotLeader | BaseExceptionGroup[NotLeader] = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
