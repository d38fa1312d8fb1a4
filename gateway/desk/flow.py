"""How the odds come in: by source how many, and how old they are when this process reads them off the bus. Pure.

An age counts from the receipt of the provider's message by the feed, so it holds the feed's work, the write to the log
and its way here. What is written anew repeats its time: older than AGE_MS_MAX is not counted, for it is no news.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from fanout.contract.fleet import LAG_BOUNDS_MS

STEP_MS = 2_000
"""One column of the heat map."""

COLUMNS_MAX = 300
"""Ten minutes; the oldest goes."""

AGE_MS_MAX = 10_000

Counts = tuple[int, ...]


class Column(NamedTuple):
    """What came within STEP_MS from `at_ms` on: how many of each bucket of LAG_BOUNDS_MS, the last without a bound."""

    at_ms: int
    counts: Counts


class Columns:
    """The newest of one stage, by time."""

    def __init__(self) -> None:
        self._columns: deque[Column] = deque(maxlen=COLUMNS_MAX)

    def add(self, at_ms: int, counts: Sequence[int]) -> None:
        """The next one. One that is not later than the last is left out: the clock went back."""
        if not self._columns or at_ms > self._columns[-1].at_ms:
            self._columns.append(Column(at_ms, tuple(counts)))

    def since(self, at_ms: int) -> list[Column]:
        """Those after a time."""
        return [column for column in self._columns if column.at_ms > at_ms]


class Flow:
    """Told of every state. `rates` is a second's worth by source, over the last whole step."""

    def __init__(self) -> None:
        self.columns = Columns()
        self.rates: dict[str, float] = {}
        self._step = 0
        self._counts = [0] * (len(LAG_BOUNDS_MS) + 1)
        self._by_source: Counter[str] = Counter()

    def came(self, source: str, ts: int, now_ms: int) -> None:
        """A state of this source, of this time (Unix ms)."""
        if now_ms // STEP_MS != self._step:
            self._turn(now_ms)
        self._by_source[source] += 1
        age_ms = now_ms - ts
        if 0 <= age_ms <= AGE_MS_MAX:
            self._counts[bisect_left(LAG_BOUNDS_MS, age_ms)] += 1

    def look(self, now_ms: int) -> None:
        """The clock went on: nothing may have come."""
        if now_ms // STEP_MS != self._step:
            self._turn(now_ms)

    def _turn(self, now_ms: int) -> None:
        if self._step:
            self.columns.add(self._step * STEP_MS, self._counts)
            self.rates = {source: count * 1000 / STEP_MS for source, count in self._by_source.items()}
        self._step = now_ms // STEP_MS
        self._counts = [0] * (len(LAG_BOUNDS_MS) + 1)
        self._by_source = Counter()
