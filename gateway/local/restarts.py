"""When a part that died starts again, and when it is given up. Pure: takes the time, gives a decision."""

from __future__ import annotations

from collections import deque

DEATHS_MAX = 5
WINDOW_S = 30.0
"""DEATHS_MAX deaths within WINDOW_S end the whole stack: something is wrong that a restart does not cure."""

BACKOFF_FIRST_S = 0.25
"""Wait before the first restart in a window; it doubles with every further death in it, to 2 s before the last."""


class Restarts:
    """The recent deaths of one part."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=DEATHS_MAX)

    def died(self, now_s: float) -> float | None:
        """Seconds to wait before the next start, or None: give up."""
        while self._deaths and self._deaths[0] <= now_s - WINDOW_S:
            self._deaths.popleft()
        self._deaths.append(now_s)
        if len(self._deaths) == DEATHS_MAX:
            return None
        return BACKOFF_FIRST_S * 2.0 ** (len(self._deaths) - 1)
