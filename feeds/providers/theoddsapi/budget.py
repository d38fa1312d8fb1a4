"""How much slower than wished the API is asked, so that the month's quota lasts. Pure: no clock, no I/O.

The rule: requests cost `spend_per_s` a second at the wished intervals; what remains must last until the quota begins
anew, on the first of the next month, UTC. All intervals are stretched by the same factor, never shortened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

INTERVAL_S_MAX: Final = 3_600.0
"""No interval is stretched beyond: an hour later the quota is looked at anew."""

_REMAINING = "x-requests-remaining"
_USED = "x-requests-used"
_LAST = "x-requests-last"
_QUOTA_MAX = 10**12


class Quota(NamedTuple):
    """What the API told of the quota; None: it did not. `last`: what the last request cost."""

    remaining: int | None = None
    used: int | None = None
    last: int | None = None


class Wish(NamedTuple):
    """Requests of one kind: what one costs, and how often it is to be made."""

    cost: float
    interval_s: float


def read_quota(headers: Mapping[str, str]) -> Quota:
    """The quota by an answer's headers. What is no number is not told."""
    return Quota(*(_whole(headers.get(name)) for name in (_REMAINING, _USED, _LAST)))


def spend_per_s(wishes: Iterable[Wish]) -> float:
    """What all requests cost in a second at the wished intervals."""
    return sum(wish.cost / wish.interval_s for wish in wishes)


def stretch(spend: float, *, remaining: int | None, reserve: int, until_reset_s: float) -> float:
    """By what all intervals are stretched, at least 1. Infinite when nothing remains."""
    if remaining is None or spend <= 0:
        return 1.0
    left = remaining - reserve
    if left <= 0:
        return float("inf")
    return max(1.0, spend * until_reset_s / left)


def stretched(interval_s: float, factor: float) -> float:
    """An interval at a factor."""
    return max(interval_s, min(interval_s * factor, INTERVAL_S_MAX))


def until_reset_s(now_s: float) -> float:
    """From a Unix time to the first of the next month, UTC."""
    now = datetime.fromtimestamp(now_s, UTC)
    first = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    return (first - now).total_seconds()


def _whole(text: str | None) -> int | None:
    if text is None or not text.isascii():
        return None
    whole = text.strip().partition(".")[0]
    return min(int(whole), _QUOTA_MAX) if whole.isdigit() and len(whole) <= 18 else None
