"""Which address to try next, and when: round the list, with jittered exponential backoff. Pure: it is told the time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from fanout.client.limits import ClientLimits


class Attempt(NamedTuple):
    """Connect to `url` after `delay_s`."""

    url: str
    delay_s: float


class Route:
    """The addresses of one stream. After a failure comes the next one, and the wait grows until one attempt is live."""

    def __init__(self, urls: Sequence[str], limits: ClientLimits) -> None:
        self._urls = tuple(urls)
        self._limits = limits
        self._next = 0
        self._failures = 0
        self._not_before_s: dict[str, float] = {}
        self._preferred: str | None = None

    def first(self) -> Attempt:
        """The beginning: at once."""
        return Attempt(self._choose(0.0), 0.0)

    def prefer(self, url: str | None) -> None:
        """The server named the address to go to. None: any other than the last."""
        self._preferred = url

    def succeeded(self) -> None:
        """An attempt went live: waits begin anew."""
        self._failures = 0

    def failed(self, url: str, retry_after_s: float, now_s: float) -> None:
        """This address did not serve, or no longer does: the one after it comes next."""
        if url in self._urls:
            self._next = self._urls.index(url) + 1
        if retry_after_s > 0:
            self._not_before_s[url] = now_s + min(retry_after_s, self._limits.retry_after_max_s)

    def after_failure(self, now_s: float) -> Attempt:
        """The next address and the wait before it."""
        url = self._choose(now_s)
        ceiling_s = min(self._limits.backoff_s * 2.0**self._failures, self._limits.backoff_max_s)
        self._failures = min(self._failures + 1, 30)
        wait_s = random.uniform(ceiling_s / 2, ceiling_s)
        held_back_s = self._not_before_s.pop(url, now_s) - now_s
        return Attempt(url, max(wait_s, held_back_s + wait_s if held_back_s > 0 else 0.0))

    def moving(self, delay_s: float, now_s: float) -> Attempt:
        """A move that the server asked for, a little jitter on top."""
        return Attempt(self._choose(now_s), delay_s + random.uniform(0, self._limits.backoff_s))

    def _choose(self, now_s: float) -> str:
        """The address that was named; else the next of the list, passing over those that asked to be left alone."""
        if self._preferred is not None:
            url, self._preferred = self._preferred, None
            return url
        turns = [(self._next + turn) % len(self._urls) for turn in range(len(self._urls))]
        index = min(turns, key=lambda turn: max(self._not_before_s.get(self._urls[turn], 0.0), now_s))
        self._next = index + 1
        return self._urls[index]
