"""Markets and events encoded at most once for each position and format: what boards and lists are joined from.

Bounded in bytes: beyond the limit the oldest goes, and is encoded again when it is wanted.
"""

from __future__ import annotations

from fanout.contract.codec import event_json
from feeds.contract.book import EventEntry, MarketEntry
from gateway.read.odds import OddsFormat, market_bytes

OVERHEAD_BYTES = 300
"""More than a kept encoding costs beside its bytes (tracemalloc, 10,000 markets: 190 B)."""


class Encoded:
    """The newest encoding of each. `made` counts encodings, `held_bytes` is what they take."""

    def __init__(self, *, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.held_bytes = 0
        self.made = 0
        self._held: dict[tuple[str, OddsFormat | None], tuple[int, bytes]] = {}

    def market(self, entry: MarketEntry, odds: OddsFormat | None) -> bytes:
        """A whole MARKET as it stands."""
        key = (entry.state.id, odds)
        held = self._held.get(key)
        if held is not None and held[0] == entry.s:
            return held[1]
        return self._keep(key, entry.s, market_bytes(entry.state, entry.s, odds))

    def event(self, entry: EventEntry) -> bytes:
        """A whole EVENT as it stands."""
        key = (entry.state.id, None)
        held = self._held.get(key)
        if held is not None and held[0] == entry.s:
            return held[1]
        return self._keep(key, entry.s, event_json(entry.state, entry.s))

    def clear(self) -> None:
        """Positions mean nothing any more."""
        self._held.clear()
        self.held_bytes = 0

    def _keep(self, key: tuple[str, OddsFormat | None], s: int, encoded: bytes) -> bytes:
        self.made += 1
        encoded = bytes(memoryview(encoded))  # orjson's own holds on to 8 KB, whatever its length
        self._drop(key)
        self.held_bytes += len(encoded) + OVERHEAD_BYTES
        self._held[key] = (s, encoded)
        while self.held_bytes > self.bytes_max:
            self._drop(next(iter(self._held)))
        return encoded

    def _drop(self, key: tuple[str, OddsFormat | None]) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self.held_bytes -= len(held[1]) + OVERHEAD_BYTES
