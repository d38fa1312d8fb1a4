"""How far the archive is behind the log, and when that is an alarm. Pure.

The log forgets by age. The alarm comes at a tenth of that age: with the default six hours, 36 minutes in, and five and
a half hours before anything could be lost.
"""

from __future__ import annotations

import msgspec

ALARM_PART = 0.1
REPEAT_S = 60.0
"""An alarm that goes on is said again this often."""


class Lag(msgspec.Struct):
    """One lane. `oldest_us`: when the log stored the oldest record known of that is not archived; None: all is."""

    log_age_s: float
    oldest_us: int | None = None
    pending: int = 0
    alarmed: bool = False
    said_s: float = 0.0

    def waits(self, oldest_us: int, pending: int) -> None:
        """There is something to archive."""
        if self.oldest_us is None:
            self.oldest_us = oldest_us
        self.pending = pending

    def interrupted(self, now_us: int) -> None:
        """Nothing can be read or written from now on, so whatever comes now waits."""
        if self.oldest_us is None:
            self.oldest_us = now_us

    def archived(self, at_us: int, pending: int) -> None:
        """All up to a record that the log stored then; `pending` more came after it."""
        self.pending = pending
        self.oldest_us = at_us if pending else None

    def seconds(self, now_s: float) -> float:
        """Age of the oldest record that waits."""
        return 0.0 if self.oldest_us is None else max(0.0, now_s - self.oldest_us / 1e6)

    def alarm(self, now_s: float) -> str | None:
        """What is to be said now: `raised`, again now and then, `cleared`, or nothing."""
        late = self.seconds(now_s) > self.log_age_s * ALARM_PART
        if late and (not self.alarmed or now_s - self.said_s >= REPEAT_S):
            self.alarmed, self.said_s = True, now_s
            return "raised"
        if self.alarmed and not late:
            self.alarmed = False
            return "cleared"
        return None
