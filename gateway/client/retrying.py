"""Whether a call is tried again, and when. Pure: it is told what happened and given its randomness.

The budget keeps a fleet of clients from making an overload worse (DOMAIN.md, O3): however many calls fail, retries are
at most a tenth of them. Full jitter spreads them (Amazon Builders' Library, "Timeouts, retries, and backoff with
jitter").
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from gateway.client.errors import ApiError, ProblemError, Unreachable
from gateway.client.limits import ApiLimits

RETRIES_PERCENT = 10
"""Retries of a hundred calls."""

SAVED_RETRIES = 10
"""Retries that calls may save up for; what they would save beyond is lost, so a quiet day does not pay for a burst."""

_A_RETRY = 100

_PASSING = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_PASSING_CODES = frozenset({"key_running"})
"""The first attempt of the same write is at work."""


class RetryBudget:
    """A bucket that every call fills by a tenth of a retry, and every retry empties by one. It begins empty: at any
    time retries are at most a tenth of the calls so far. Several clients may share one."""

    def __init__(self) -> None:
        self._saved = 0

    def called(self) -> None:
        """A call begins."""
        self._saved = min(self._saved + RETRIES_PERCENT, SAVED_RETRIES * _A_RETRY)

    def take(self) -> bool:
        """Whether there is a retry; takes it."""
        if self._saved < _A_RETRY:
            return False
        self._saved -= _A_RETRY
        return True


def may_pass(error: ApiError) -> bool:
    """Whether the same call may succeed later. Whether it is safe to make again is another question."""
    if isinstance(error, ProblemError):
        return error.status in _PASSING or error.code in _PASSING_CODES
    return isinstance(error, Unreachable)


def wait_s(error: ApiError, failures: int, limits: ApiLimits, uniform: Callable[[float, float], float]) -> float | None:
    """Seconds before the next attempt after so many failures; None where none is to be made.

    Retry-After is the least; the jitter comes on top, so that not everyone comes back at once.
    """
    if failures >= limits.attempts or not may_pass(error):
        return None
    asked_s = (error.retry_after_s or 0.0) if isinstance(error, ProblemError) else 0.0
    if asked_s > limits.retry_after_max_s:
        return None
    ceiling_s = min(limits.backoff_s * 2.0 ** (failures - 1), limits.backoff_max_s)
    return asked_s + uniform(0.0, ceiling_s)
