"""Tells every shard what has committed, by looking at the outbox again and again. It keeps nothing.

A look asks for exactly what has committed since the snapshot of the look before, so nothing is missed, whatever order
transactions commit in, and nothing is told twice unless a look failed halfway. What a relay does not know, because it
was not there or the bus was not, it does not look for: it says that it `began`, and shards ask for what they lack. So
there is no position to keep, any number of relays may run, and one that is killed costs what the others tell late.

(Why it polls: a transaction that notifies holds a lock of the whole database until its commit is on the disk, so bets
would commit one after the other.)
"""

from __future__ import annotations

import asyncio
import time

import structlog

from fanout.contract.news import News, encode
from feeds.contract.subjects import NEWS_BEGAN_SUBJECT, NEWS_TOLD_SUBJECT
from gateway.news.metrics import NewsMetrics
from gateway.news.ports import Away, Bus
from gateway.news.settings import NewsSettings
from gateway.news.tables import NewsTables
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

RETRY_S = 0.25
"""After the database did not answer."""

MESSAGE_BYTES_MAX = 262_144
"""Of one message on the bus, unless a single piece of news is larger."""


class Relay:
    """Of one process."""

    def __init__(self, tables: NewsTables, bus: Bus, settings: NewsSettings, metrics: NewsMetrics) -> None:
        self._tables = tables
        self._bus = bus
        self._settings = settings
        self._metrics = metrics
        self._since = ""

    async def run(self) -> None:
        """Until cancelled."""
        failing = False
        losses = -1
        while True:
            try:
                await self._bus.connected()
                if losses != self._bus.losses:
                    losses = self._bus.losses
                    await self._begin()
                more = await self._look()
                failing = False
            except (DatabaseUnavailable, Away) as error:
                self._metrics.failures.inc()
                if not failing:
                    log.warning("news_wait", error=str(error) or type(error).__name__)
                failing, more = True, False
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(0 if more else self._settings.poll_ms / 1000)

    async def _begin(self) -> None:
        """From here on everything is told; what was committed before, shards are to ask for."""
        self._since = await self._tables.snapshot()
        await self._bus.publish(NEWS_BEGAN_SUBJECT, b"")
        self._metrics.began.inc()

    async def _look(self) -> bool:
        """Tells what has committed, page after page. Gives whether there was more than a page."""
        since, position, snapshot, pages = self._since, 0, "", 0
        while True:
            found = await self._tables.committed(since, after=position, limit=self._settings.page)
            if _went_back(since, found.snapshot):
                log.warning("numbering_went_back", was=since, now=found.snapshot)
                await self._begin()
                return False
            self._metrics.backlog.set(found.rows)
            self._metrics.too_large.inc(found.too_large)
            await self._tell(found.news)
            position, snapshot, pages = found.position, snapshot or found.snapshot, pages + 1
            if found.rows < self._settings.page:
                self._since = snapshot  # of the first page: later ones saw at least as much
                return pages > 1

    async def _tell(self, news: tuple[News, ...]) -> None:
        for part in parts(news):
            await self._bus.publish(NEWS_TOLD_SUBJECT, encode(part))
            now_s = time.time()
            for one in part:
                self._metrics.publish_seconds.observe(max(0.0, now_s - one.ts / 1000))
            self._metrics.told.inc(len(part))


def parts(news: tuple[News, ...]) -> list[list[News]]:
    """The news in messages of bounded size, in order."""
    found: list[list[News]] = []
    left = 0
    for one in news:
        size = len(bytes(one.data)) + len(one.account) + 64
        if size > left:
            found.append([])
            left = MESSAGE_BYTES_MAX
        found[-1].append(one)
        left -= size
    return found


def _went_back(since: str, now: str) -> bool:
    """Whether the database counts transactions from below where it was: another one, restored from an export."""
    return int(now.split(":")[1]) < int(since.split(":")[1])
