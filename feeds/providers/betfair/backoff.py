"""How long to wait before the next connection: exponential, with full jitter. Pure but for chance.

Source: AWS Architecture Blog, "Exponential Backoff And Jitter": a wait is any between nothing and the ceiling.
"""

from __future__ import annotations

from random import Random

_DOUBLINGS_MAX = 30


class Backoff:
    """Waits whose ceiling doubles from `first_s` to `max_s`, until something `succeeded`."""

    def __init__(self, *, first_s: float, max_s: float, rng: Random) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._rng = rng
        self._failures = 0

    def next_s(self) -> float:
        """The wait after one more failure."""
        ceiling_s = min(self._first_s * 2.0**self._failures, self._max_s)
        self._failures = min(self._failures + 1, _DOUBLINGS_MAX)
        return self._rng.uniform(0, ceiling_s)

    def succeeded(self) -> None:
        """Ceilings begin anew."""
        self._failures = 0
