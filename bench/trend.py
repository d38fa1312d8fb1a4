"""Whether a number grows: what was read of it from time to time, and the straight line through that. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import linear_regression
from typing import NamedTuple

HOUR_S = 3600.0


class Trend(NamedTuple):
    """The line that fits best (least squares): its value at the first reading, and its slope."""

    began: float
    per_s: float
    took_s: float

    @property
    def grew(self) -> float:
        """From the first reading to the last."""
        return self.per_s * self.took_s

    @property
    def share_per_hour(self) -> float:
        """Of what it was at the beginning, if it goes on like this."""
        return self.per_s * HOUR_S / self.began


def trend(readings: Sequence[tuple[float, float]]) -> Trend:
    """Of at least two readings at different times: pairs of seconds and value."""
    first_s, last_s = readings[0][0], readings[-1][0]
    slope, intercept = linear_regression([at_s - first_s for at_s, _ in readings], [value for _, value in readings])
    return Trend(intercept, slope, last_s - first_s)
