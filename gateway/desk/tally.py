"""Bets of one worker, counted as they are answered: placed, and refused by reason. Pure."""

from __future__ import annotations

from collections import Counter

from gateway.desk.status import REASONS_MAX


class Tally:
    """A replay is no bet."""

    def __init__(self) -> None:
        self.placed = 0
        self._refused: Counter[str] = Counter()

    def heard(self, code: str) -> None:
        """A bet was answered: by this problem, or empty: it was placed."""
        if code:
            self._refused[code] += 1
        else:
            self.placed += 1

    @property
    def refused(self) -> dict[str, int]:
        """By reason."""
        return dict(self._refused.most_common(REASONS_MAX))
