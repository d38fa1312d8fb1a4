"""How a polled feed is, by when each sport last answered. Pure: told of answers with their times, asked for a state.

`recovering` until every sport answered since the feed was last not live, then `live`. A sport that fails a few times in
a row, or has not answered for `stale_s`, makes the feed `recovering`; one without an answer for `down_s`, `down`. One
feed has one health, so one sport that is cut off suspends them all: give it a feed of its own where that is too much.
"""

from __future__ import annotations

from collections.abc import Iterable

from feeds.contract.model import FeedState


class Health:
    """Times are seconds of one rising clock."""

    def __init__(
        self, sports: Iterable[str], *, failures_max: int, stale_s: float, down_s: float, now_s: float
    ) -> None:
        self._failures_max = failures_max
        self._stale_s = stale_s
        self._down_s = down_s
        self._good_s = dict.fromkeys(sports, now_s)
        self._failures = dict.fromkeys(self._good_s, 0)
        self._missing = set(self._good_s)
        self._state: FeedState = "recovering"

    def good(self, sport: str, now_s: float) -> None:
        """A sport answered, and what it said was put."""
        self._good_s[sport] = now_s
        self._failures[sport] = 0
        self._missing.discard(sport)

    def failed(self, sport: str) -> None:
        """A sport did not answer, or with nothing that can be read."""
        self._failures[sport] += 1

    def state(self, now_s: float) -> FeedState:
        """How the feed is."""
        silence_s = now_s - min(self._good_s.values())
        if silence_s > self._down_s:
            return self._lost("down")
        if silence_s > self._stale_s or max(self._failures.values()) >= self._failures_max:
            return self._lost("recovering")
        if self._missing:
            return "recovering"
        self._state = "live"
        return "live"

    def _lost(self, state: FeedState) -> FeedState:
        if self._state == "live":
            self._missing = set(self._good_s)
        self._state = state
        return state
