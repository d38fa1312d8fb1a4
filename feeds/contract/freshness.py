"""The freshness rule, one for every reader: how a source (one feed in one lane) is, from its beats and the clock.

Age is the larger of (now - arrival) and (now - the beat's own time). Over 3 s, or a beat that says `recovering`, the
source is stale: its live markets count as suspended. Over 20 s, or a beat that says `down`, it is down: all of its
markets do. Nobody writes that per market; every reader applies it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from feeds.contract.model import FeedState

SourceState = Literal["live", "stale", "down"]

BEAT_INTERVAL_MS = 250
"""How often a leader beats."""

STALE_AFTER_MS = 3_000
DOWN_AFTER_MS = 20_000


class Source(msgspec.Struct):
    """The newest beat of a source, and what was last told about it."""

    feed_state: FeedState
    beat_ts: int
    arrival_ts: int
    told: SourceState = "live"

    def age_ms(self, now_ms: int) -> int:
        """Milliseconds since the newest beat, never negative."""
        return max(now_ms - self.arrival_ts, now_ms - self.beat_ts, 0)

    def state(self, now_ms: int) -> SourceState:
        """The rule."""
        age_ms = self.age_ms(now_ms)
        if self.feed_state == "down" or age_ms > DOWN_AFTER_MS:
            return "down"
        if self.feed_state == "recovering" or age_ms > STALE_AFTER_MS:
            return "stale"
        return "live"


class Sources:
    """All sources of one lane, as this reader sees them."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    def beat(self, source_id: str, feed_state: FeedState, beat_ts: int, now_ms: int) -> None:
        """A beat came."""
        source = self._sources.get(source_id)
        if source is None:
            self._sources[source_id] = Source(feed_state, beat_ts, now_ms)
            return
        source.feed_state = feed_state
        source.beat_ts = beat_ts
        source.arrival_ts = now_ms

    def claimed(self, source_id: str, lead_ts: int, now_ms: int) -> None:
        """A lead record came: from here the source exists, and is recovering until it beats."""
        if source_id not in self._sources:
            self._sources[source_id] = Source("recovering", lead_ts, now_ms)

    def turned(self, now_ms: int) -> list[tuple[str, SourceState]]:
        """Sources whose state differs from what was last told; they count as told now."""
        turned: list[tuple[str, SourceState]] = []
        for source_id, source in self._sources.items():
            state = source.state(now_ms)
            if state != source.told:
                source.told = state
                turned.append((source_id, state))
        return turned

    def not_live(self) -> dict[str, SourceState]:
        """What was last told of every source that is not live."""
        return {source_id: source.told for source_id, source in self._sources.items() if source.told != "live"}

    def ages_ms(self, now_ms: int) -> dict[str, int]:
        """Age of every source's newest beat."""
        return {source_id: source.age_ms(now_ms) for source_id, source in self._sources.items()}

    def clear(self) -> None:
        """The log was lost: nothing is known any more."""
        self._sources.clear()
