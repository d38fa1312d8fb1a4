"""Asks the API for the names that are wanted, so many at once, and hands on what was waiting for them.

Owns retries: an API that cannot answer is asked again, later and later; one that has no such thing is believed. Never
decides what is wanted.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

import structlog

from feeds.contract.errors import Refused
from feeds.providers.sportradar.directory import Want
from feeds.providers.sportradar.mapping import Told, Translator
from feeds.providers.sportradar.refusals import Refusals
from feeds.providers.sportradar.rest import ApiUnavailable, UofApi

TICK_S: Final = 0.05
RETRY_MS_MAX: Final = 60_000

_log = structlog.get_logger(__name__)


class Asking:
    """One feed's questions. `put` takes what an answer brings."""

    def __init__(
        self,
        translator: Translator,
        api: UofApi,
        *,
        at_once: int,
        retry_ms: int,
        put: Callable[[Told], None],
        refusals: Refusals,
        now_ms: Callable[[], int],
    ) -> None:
        self._translator = translator
        self._api = api
        self._at_once = at_once
        self._retry_ms = retry_ms
        self._put = put
        self._refusals = refusals
        self._now_ms = now_ms
        self._asked: set[Want] = set()
        self._failures: dict[Want, tuple[int, int]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for want in self._next():
                    self._asked.add(want)
                    group.create_task(self._ask(want))
                await asyncio.sleep(TICK_S)

    def _next(self) -> list[Want]:
        """What to ask now: the oldest first, but none that failed a moment ago."""
        now_ms, chosen = self._now_ms(), list[Want]()
        for want in self._translator.directory.wanted:
            if len(self._asked) + len(chosen) >= self._at_once:
                break
            if want not in self._asked and self._failures.get(want, (0, 0))[1] <= now_ms:
                chosen.append(want)
        return chosen

    async def _ask(self, want: Want) -> None:
        """Asks, and goes on with what is wanted next while there is anything: an answer does not wait for a tick."""
        following: Want | None = want
        while following is not None:
            await self._ask_one(following)
            self._asked.discard(following)
            following = next(iter(self._next()), None)
            if following is not None:
                self._asked.add(following)

    async def _ask_one(self, want: Want) -> None:
        try:
            told = self._translator.learn(await self._api.find(want), self._now_ms())
        except ApiUnavailable as error:
            self._fail(want, error)
            return
        except Refused as refusal:
            self._refusals.add(refusal, want.id)
            told = self._translator.give_up(want, self._now_ms())
        self._failures.pop(want, None)
        self._put(told)

    def _fail(self, want: Want, error: ApiUnavailable) -> None:
        failures = self._failures.get(want, (0, 0))[0] + 1
        wait_ms = min(self._retry_ms * 2 ** min(failures - 1, 16), RETRY_MS_MAX)
        self._failures[want] = (failures, self._now_ms() + round(wait_ms * random.uniform(0.5, 1.5)))
        _log.warning("name_unavailable", kind=want.kind, id=want.id, failures=failures, detail=str(error))
