"""Asks what the shard's accounts lack, a few questions at a time, and again where nobody answers.

How it is asked is handed in (`Ask`): over NATS by main.py. It owns no account: see accounts.py.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import structlog

from fanout.accounts import Accounts
from fanout.contract.news import Question, decode_answers, decode_news, encode
from fanout.pulse import now_ms
from feeds.contract.errors import Refused

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Messages of questions under way."""

RETRY_S = (0.2, 3.0)
"""Between two attempts while nobody answers: from the first to the second, twice as long each time, with jitter."""


class NoAnswer(Exception):
    """Nobody answers at the moment."""


Ask = Callable[[bytes], Awaitable[bytes]]
"""Gives the answer to a message. Raises NoAnswer."""


async def nobody(question: bytes) -> bytes:
    """Where there is nobody to ask."""
    del question
    raise NoAnswer("nobody tells news here")


class Asker:
    """Of one shard."""

    def __init__(self, accounts: Accounts, ask: Ask) -> None:
        self._accounts = accounts
        self._ask = ask
        self._awake = asyncio.Event()
        self._failures = 0
        self._quiet_until_s = 0.0
        accounts.wake = self._awake.set

    def hear(self, data: bytes) -> None:
        """News, as the bus brings them. What cannot be understood is logged; asking finds it again."""
        try:
            news = decode_news(data)
        except Refused as refusal:
            log.warning("news_refused", why=str(refusal))
            return
        self._accounts.hear(news, now_ms())

    def doubt(self) -> None:
        """Something may have been told to nobody."""
        self._quiet_until_s = 0.0
        self._accounts.doubt()
        self._awake.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._awake.wait()
            wait_s = self._quiet_until_s - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            asked = self._accounts.questions(now_ms())
            if not asked:
                self._awake.clear()
                continue
            await self._put(asked)

    async def _put(self, asked: Sequence[Question]) -> None:
        try:
            answers = decode_answers(await self._ask(encode(asked)))
        except (NoAnswer, Refused) as error:
            self._fail(asked, str(error))
            return
        self._failures = 0
        self._accounts.answered(answers, now_ms())
        heard = {answer.account for answer in answers}
        left_out = [question for question in asked if question.account not in heard]
        if left_out:
            self._accounts.unanswered(left_out, now_ms(), retry_ms=0)

    def _fail(self, asked: Sequence[Question], why: str) -> None:
        if not self._failures:
            log.warning("news_unanswered", why=why)
        retry_s = min(RETRY_S[0] * 2.0**self._failures, RETRY_S[1])
        self._failures = min(self._failures + 1, 10)
        self._quiet_until_s = asyncio.get_running_loop().time() + retry_s * random.uniform(0.5, 1.0)
        self._accounts.unanswered(asked, now_ms(), retry_ms=int(retry_s * 1000))
