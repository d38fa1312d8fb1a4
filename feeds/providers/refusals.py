"""What a provider sent that was refused, in the log at a bounded rate. Counting is done by whoever calls."""

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
    """The refusals of one source. Never to be given an address with a key, nor anything else that is secret."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._next_s: dict[str, float] = {}

    def add(self, code: str, **about: object) -> None:
        """Something was refused."""
        now_s = time.monotonic()
        if now_s < self._next_s.get(code, 0.0):
            return
        if len(self._next_s) >= _CODES_MAX:
            self._next_s.clear()
        self._next_s[code] = now_s + REFUSAL_LOG_INTERVAL_S
        _log.warning("message_refused", source=self._source, code=code, **about)
