"""Times of providers as ours: Unix milliseconds, and RFC 3339 in UTC with whole seconds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

UNIX_MS_MAX: Final = 253_402_300_799_000
"""The last second of the year 9999."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def with_zone(moment: datetime) -> datetime:
    """A time without a zone is UTC, as all of the providers' are."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def unix_ms_of(moment: datetime) -> int:
    """A time of a provider's, never by way of a float."""
    return (with_zone(moment) - _EPOCH) // _MS


def utc_text(moment: datetime) -> str:
    """A time of a provider's as an event's `start`. Raises OverflowError where it has no year in UTC."""
    return with_zone(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_text_of_ms(at_ms: int) -> str:
    """Unix milliseconds as an event's `start`; a time no calendar has becomes its nearest."""
    return utc_text(datetime.fromtimestamp(min(max(at_ms, 0), UNIX_MS_MAX) // 1000, UTC))
