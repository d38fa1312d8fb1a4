"""What is refused, counted always and logged at a bounded rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from feeds.contract.errors import Refused
from feeds.recording import Tally

LOG_INTERVAL_MS: Final = 10_000

_log = structlog.get_logger(__name__)


class Refusals:
    """The count of what one source sent. The first refusal is logged at once, then one in LOG_INTERVAL_MS."""

    def __init__(self, source: str, now_ms: Callable[[], int]) -> None:
        self.tally = Tally()
        self._source = source
        self._now_ms = now_ms
        self._next_ms = 0

    def add(self, refusal: Refused, place: str | int | None = None) -> None:
        """Something was refused."""
        self.tally.refuse(refusal.code)
        if self._now_ms() < self._next_ms:
            return
        self._next_ms = self._now_ms() + LOG_INTERVAL_MS
        _log.warning(
            "message_refused",
            source=self._source,
            place=place,
            code=refusal.code,
            detail=str(refusal)[:200],
            refused=self.tally.refused,
        )
