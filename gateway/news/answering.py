"""Answers shards that ask for an account's news or state, from the database: so many at once, a few may wait.

Who is turned away gets an empty answer and asks again later, as does who gets none. A process that stops answering
costs its shards one time out; the others of the group answer then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from fanout.contract.news import Answer, decode_questions, encode
from feeds.contract.errors import Refused
from gateway.news.metrics import NewsMetrics
from gateway.news.settings import NewsSettings
from gateway.news.tables import NewsTables
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

ANSWER_BYTES_MAX = 524_288
"""Of one message, half of what NATS carries; accounts beyond it are left out, and asked for again."""

Say = Callable[[bytes], Awaitable[None]]


class Answering:
    """Of one process."""

    def __init__(self, tables: NewsTables, settings: NewsSettings, metrics: NewsMetrics) -> None:
        self._tables = tables
        self._metrics = metrics
        self._waiting_max = settings.answers_waiting
        self._places = asyncio.Semaphore(settings.connections - 1)
        self._under_way: set[asyncio.Task[None]] = set()

    def hear(self, data: bytes, say: Say) -> None:
        """A message of a shard."""
        work = self._turn_away(say) if len(self._under_way) >= self._waiting_max else self._answer(data, say)
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._done)

    async def _answer(self, data: bytes, say: Say) -> None:
        try:
            questions = decode_questions(data)
            async with self._places:
                answers = await self._tables.answers(questions)
        except (Refused, DatabaseUnavailable) as error:
            log.warning("unanswered", error=str(error))
            await self._turn_away(say)
            return
        fitting = fitting_of(answers)
        self._metrics.answered.inc(len(fitting))
        await say(encode(fitting))

    async def _turn_away(self, say: Say) -> None:
        self._metrics.turned_away.inc()
        await say(b"")

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.result()  # what nobody expected is told by the loop


def fitting_of(answers: list[Answer]) -> list[Answer]:
    """Those that fit into one message, one at least."""
    left = ANSWER_BYTES_MAX
    fitting: list[Answer] = []
    for answer in answers:
        left -= len(encode((answer,)))
        if left < 0 and fitting:
            break
        fitting.append(answer)
    return fitting
