"""Whether a shard takes more devices now: closed while it is late or owes too many images, whatever their number. Pure.

A device that is refused costs little and comes back after a while; one that is taken by a shard that is late makes it
later for everyone. It opens again by itself, once the lags of a second ago are forgotten.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

from fanout.scheduler import quantiles

LAG_WINDOW_MS = 1_000.0
LAGS_MAX = 1_024
"""Lags kept; at more flushes than these in the window, the newest."""

Closed = Literal["late", "owes_images"]


class AdmissionLimits(NamedTuple):
    """`lag_ms`: of the flushes of the fast tiers, p99 over a second. `images`: devices that wait for a catch-up
    chunk."""

    lag_ms: float
    images: int


class Admission:
    """Told of every flush of a fast tier, asked for every device."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.lag_p99_ms = 0
        self._limits = limits
        self._lags_ms: deque[tuple[float, float]] = deque(maxlen=LAGS_MAX)

    def flushed(self, lag_ms: float, now_ms: float) -> None:
        """A flush ended so long after it was due."""
        self._lags_ms.append((now_ms, lag_ms))

    def look(self, overdue_ms: float, now_ms: float) -> None:
        """Takes stock, a few times a second. `overdue_ms`: how late a flush is by now that has not ended yet."""
        lags_ms = self._lags_ms
        while lags_ms and lags_ms[0][0] < now_ms - LAG_WINDOW_MS:
            lags_ms.popleft()
        self.lag_p99_ms = max(quantiles(lag_ms for _, lag_ms in lags_ms)["p99"], round(overdue_ms))

    @property
    def lags_ms(self) -> list[float]:
        """Those of the last second."""
        return [lag_ms for _, lag_ms in self._lags_ms]

    def closed(self, images: int) -> Closed | None:
        """Why no device may come now, or None. `images`: devices that wait for a chunk at this moment."""
        if self.lag_p99_ms > self._limits.lag_ms:
            return "late"
        return "owes_images" if images > self._limits.images else None
