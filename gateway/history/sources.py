"""How a source was, as intervals instead of beats: four beats a second become a row an hour or a day long. Pure.

An interval lasts while beats say the same and none comes after the one before has turned stale. So within an interval
the source was what it says, and after its end the last beat's age decides, as everywhere (feeds/contract/freshness.py).
The one thing that is lost: of beats that all come late, when exactly they were so late that the source was down.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from feeds.contract.freshness import DOWN_AFTER_MS, STALE_AFTER_MS, SourceState
from feeds.contract.records import Beat

HeardState = Literal["live", "recovering", "down", "late"]
"""What beats said, or `late`: they came when they were stale already."""


class Heard(msgspec.Struct):
    """One interval. Times of the log in microseconds, the beat's own in milliseconds."""

    source: str
    state: HeardState
    from_s: int
    from_us: int
    until_s: int
    until_us: int
    until_beat_ts: int

    def state_at(self, at_us: int) -> SourceState:
        """How the source was then; the interval is the last that had begun."""
        if at_us > self.until_us:
            age_ms = max(at_us - self.until_us, at_us - self.until_beat_ts * 1000) / 1000
            if age_ms > DOWN_AFTER_MS or self.state == "down":
                return "down"
            if age_ms > STALE_AFTER_MS:
                return "stale"
        if self.state in ("live", "down"):
            return self.state
        return "stale"


class Sources:
    """The newest interval of every source of one log. `changed` are those to be written."""

    def __init__(self, known: dict[str, Heard] | None = None) -> None:
        self._newest = dict(known or {})
        self._changed: dict[tuple[str, int], Heard] = {}

    def beat(self, source: str, beat: Beat, *, s: int, at_us: int) -> None:
        """The next beat."""
        state = _heard_state(beat, late_ms=at_us // 1000 - beat.ts)
        heard = self._newest.get(source)
        if heard is None or heard.state != state or _turned_stale(heard, at_us):
            heard = Heard(source, state, s, at_us, s, at_us, beat.ts)
            self._newest[source] = heard
        heard.until_s, heard.until_us, heard.until_beat_ts = s, at_us, beat.ts
        self._changed[source, heard.from_s] = heard

    def changed(self) -> list[Heard]:
        """What is new since the last call, oldest first."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed


def _heard_state(beat: Beat, *, late_ms: int) -> HeardState:
    if late_ms > DOWN_AFTER_MS:
        return "down"
    return "late" if late_ms > STALE_AFTER_MS else beat.state


def _turned_stale(heard: Heard, at_us: int) -> bool:
    """Whether the beat before had become too old meanwhile. Of beats that come late only silence counts."""
    silent_us = at_us - heard.until_us
    if heard.state == "live":
        silent_us = max(silent_us, at_us - heard.until_beat_ts * 1000)
    return silent_us > STALE_AFTER_MS * 1000
