"""How fast settlement and corrections go: they pause between batches, longer while placing bets is slow for others.

The p99 of placing bets is read from a gateway's /metrics, from the histogram of answers that it keeps anyway: how many
came since the last look. Where it cannot be read, the pause is the one that is set.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial

import httpx
from prometheus_client.parser import text_string_to_metric_families

ROUTE = "place_bet"
METRIC = "oddswire_gateway_request_seconds"
LOOK_S = 1.0
"""A gateway that does not tell within this is not waited for."""

LOOK_EVERY_S = 1.0
"""A look costs the gateway a page, and a p99 of fewer answers says little."""

ANSWERS_MIN = 20
"""Fewer answers than this since the last look say nothing of a p99."""

Buckets = Mapping[float, float]
"""Answers that took at most so many seconds, over all workers."""


def p99_s(before: Buckets, after: Buckets) -> float | None:
    """Upper bound of the bucket in which the p99 of the answers between two looks lies; None: too few came. Pure."""
    came = {bound: count - before.get(bound, 0.0) for bound, count in sorted(after.items())}
    total = came.get(math.inf, 0.0)
    if total < ANSWERS_MIN:
        return None
    return next(bound for bound, count in came.items() if count >= 0.99 * total)


class Pauses:
    """The pause after a batch, ms: doubled while the p99 is above its limit, a quarter less while it is not. Pure."""

    def __init__(self, *, usual_ms: float, longest_ms: float, p99_ms_max: float) -> None:
        self._usual_ms = usual_ms
        self._longest_ms = longest_ms
        self._p99_ms_max = p99_ms_max
        self.pause_ms = usual_ms

    def after(self, p99_ms: float | None) -> float:
        """The next pause."""
        if p99_ms is None:
            self.pause_ms = max(self._usual_ms, 0.75 * self.pause_ms)
        elif p99_ms > self._p99_ms_max:
            self.pause_ms = min(self._longest_ms, max(1.0, 2 * self.pause_ms))
        else:
            self.pause_ms = 0.75 * self.pause_ms
        return self.pause_ms


class Metrics:
    """Looks at a gateway. `fetch` gives the text of its /metrics."""

    def __init__(self, fetch: Callable[[], Awaitable[str]]) -> None:
        self._fetch = fetch
        self._before: Buckets | None = None

    async def p99_ms(self) -> float | None:
        """Since the last look; None where it cannot be told."""
        try:
            after = buckets(await self._fetch())
        except (httpx.HTTPError, ValueError):
            return None
        before, self._before = self._before, after
        found = None if before is None else p99_s(before, after)
        return None if found is None else 1_000 * found


class Yielding:
    """Pauses between the batches of one who works. `metrics`: where the p99 of placing bets is read, None: nowhere."""

    def __init__(self, pauses: Pauses, metrics: Metrics | None) -> None:
        self._pauses = pauses
        self._metrics = metrics
        self._look_s = 0.0

    async def pause(self) -> None:
        """Between two batches."""
        now_s = asyncio.get_running_loop().time()
        if self._metrics is not None and now_s >= self._look_s:
            self._look_s = now_s + LOOK_EVERY_S
            self._pauses.after(await self._metrics.p99_ms())
        await asyncio.sleep(self._pauses.pause_ms / 1_000)


def reading(url: str) -> Metrics | None:
    """Of the gateway whose /metrics are at this address; empty: None."""
    return Metrics(partial(fetched, url)) if url else None


def buckets(text: str) -> Buckets:
    """Of placing bets. Raises ValueError."""
    found: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == METRIC else ():
            if sample.name.endswith("_bucket") and sample.labels.get("route") == ROUTE:
                bound = float(sample.labels["le"])
                found[bound] = found.get(bound, 0.0) + sample.value
    return found


@cache
def _trusted() -> ssl.SSLContext:
    """Made once: reading all certificates costs more than all the rest of a look."""
    return httpx.create_ssl_context(trust_env=False)


async def fetched(url: str) -> str:
    """The text of a gateway's /metrics."""
    async with httpx.AsyncClient(timeout=LOOK_S, trust_env=False, verify=_trusted()) as client:
        answer = await client.get(url)
        return answer.raise_for_status().text
