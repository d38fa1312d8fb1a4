"""Results of one lane that wait to be published. Pure.

A market's results go out in the order they came, the next one only after the one before was acknowledged; markets do
not wait for each other. Whether a market's results may go out at all is for the asker to say: its state has to be in
the log first. Nothing here is lost but at a limit, and what is lost is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from feeds.contract.results import MarketResult

WAITING_MAX = 20_000
"""Results that wait. Beyond it the oldest one is dropped and counted: of a market's sayings the newest decides."""

HELD_MS_MAX = 3_600_000
"""How long a result waits for its turn, as it does while another feed owns the market. Then it is dropped and counted:
an owner that was live for so long has said itself how the market ended."""


class _Waiting(NamedTuple):
    result: MarketResult
    since_ms: int


class WaitingResults:
    """What waits, market by market."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Waiting]] = {}
        self._count = 0
        self.dropped = 0

    def __len__(self) -> int:
        return self._count

    def put(self, result: MarketResult, now_ms: int) -> None:
        """A result to publish."""
        if self._count == WAITING_MAX:
            self._drop(next(iter(self._waiting)))
        self._waiting.setdefault(result.market, deque()).append(_Waiting(result, now_ms))
        self._count += 1

    def due(self, ready: Callable[[MarketResult], bool], limit: int, now_ms: int) -> list[MarketResult]:
        """The first result of every market that is ready, at most `limit`. They wait on until `published`."""
        due: list[MarketResult] = []
        for market, waiting in list(self._waiting.items()):
            if ready(waiting[0].result):
                due.append(waiting[0].result)
                if len(due) == limit:
                    break
            elif now_ms - waiting[0].since_ms > HELD_MS_MAX:
                self._drop(market)
        return due

    def published(self, result: MarketResult) -> None:
        """A result that was due has been acknowledged."""
        waiting = self._waiting.get(result.market)
        if waiting is not None and waiting[0].result is result:  # else it was dropped at the limit meanwhile
            self._pop(result.market)

    def _drop(self, market: str) -> None:
        self._pop(market)
        self.dropped += 1

    def _pop(self, market: str) -> None:
        waiting = self._waiting[market]
        waiting.popleft()
        self._count -= 1
        if not waiting:
            del self._waiting[market]
