"""When a tier flushes next, decided from what its flushes cost. Pure: milliseconds in, milliseconds out.

A tick is due every interval; a tier without one is due when asked for. A tier whose flushes take long leaves at least
as much time again to everything else, so it stretches under load; never past the ceiling between two flushes, and it
says so by its lag.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

LAGS_KEPT = 128
"""Ticks over which the lag's quantiles are told."""


class TickClock:
    """The ticks of one tier. `lag`: how long after it was due a flush had ended, ms."""

    def __init__(self, interval_ms: int, ceiling_ms: int, now_ms: float, *, phase: float = 0.0) -> None:
        self.interval_ms = interval_ms
        self.due_ms = now_ms + interval_ms * (1 + phase)
        self._ceiling_ms = max(interval_ms, ceiling_ms)
        self._lags_ms: deque[float] = deque(maxlen=LAGS_KEPT)

    def ask(self, now_ms: float) -> float:
        """The tier without an interval has something to flush. Gives when that is due: now, but for what it owes."""
        self.due_ms = max(self.due_ms, now_ms)
        return self.due_ms

    def flushed(self, began_ms: float, ended_ms: float) -> float:
        """A flush ran from `began_ms` to `ended_ms`. Gives when the next one is due."""
        self._lags_ms.append(ended_ms - self.due_ms)
        took_ms = ended_ms - began_ms
        wished_ms = max(self.due_ms + self.interval_ms, ended_ms + took_ms)
        self.due_ms = max(min(wished_ms, began_ms + self._ceiling_ms), ended_ms)
        return self.due_ms

    @property
    def lags_ms(self) -> Sequence[float]:
        """The lags of the last ticks."""
        return self._lags_ms

    def lag_ms(self) -> dict[str, int]:
        """Quantiles of the lag over the last ticks, as heartbeats tell them."""
        return quantiles(self._lags_ms)


def quantiles(lags_ms: Iterable[float]) -> dict[str, int]:
    """p50 and p99 of some lags, whole ms."""
    ranked = sorted(lags_ms) or [0.0]
    last = len(ranked) - 1
    return {"p50": round(ranked[last // 2]), "p99": round(ranked[last * 99 // 100])}
