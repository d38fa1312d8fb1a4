"""Tells of refused lines without flooding the log."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from feeds.contract.errors import Refused

REFUSAL_LOG_INTERVAL_S: Final = 10.0
"""Refused lines are counted always, and logged at most this often."""

_log = structlog.get_logger(__name__)


class RefusalLog:
    """The first refused line of `source` at once, then no more often than REFUSAL_LOG_INTERVAL_S."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._next_at = 0.0

    def add(self, refusal: Refused, line: int | None, refused: int) -> None:
        """A line was refused, the `refused`-th."""
        now = asyncio.get_running_loop().time()
        if now < self._next_at:
            return
        self._next_at = now + REFUSAL_LOG_INTERVAL_S
        _log.warning(
            "line_refused",
            source=self._source,
            line=line,
            code=refusal.code,
            detail=str(refusal)[:200],
            refused=refused,
        )
