"""What went wrong with a provider's answers, in the log at a bounded rate. Counting is done by whoever calls."""

from __future__ import annotations

import time
from typing import Final

import structlog

REFUSAL_LOG_INTERVAL_S: Final = 10.0
"""Each code is logged at once, and then at most this often."""

_CODES_MAX = 64
"""Codes remembered; with more of them, all are forgotten and may be logged again."""

_log = structlog.get_logger(__name__)


class RefusalLog:
    """The refusals of one feed."""

    def __init__(self, feed: str) -> None:
        self._feed = feed
        self._next_s: dict[str, float] = {}

    def add(self, code: str, **about: object) -> None:
        """Something was refused. Never to be given an address: it would hold the API's key."""
        now_s = time.monotonic()
        if now_s < self._next_s.get(code, 0.0):
            return
        if len(self._next_s) >= _CODES_MAX:
            self._next_s.clear()
        self._next_s[code] = now_s + REFUSAL_LOG_INTERVAL_S
        _log.warning("answer_refused", feed=self._feed, code=code, **about)
