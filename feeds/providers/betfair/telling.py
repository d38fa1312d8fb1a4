"""What a sink is told of Betfair's stream, live or recorded: states in batches, results after them, health when it is
new. Owns that order, and how long a closed market is kept. Never reads a line, never waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from feeds.contract.model import FeedState
from feeds.contract.results import MarketResult
from feeds.ports import FeedSink, State
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import Change, StreamReader

CLOSED_KEPT_MS: Final = 3_600_000
"""A market closed, or not mentioned by an image, this long by the stream's own clock is forgotten, and its event with
the last of its markets. Should Betfair correct it later still, it comes as one never seen, closed, with its result."""


class Teller:
    """Tells `sink` what `translator` makes of changes. `told` is the health last said."""

    def __init__(self, sink: FeedSink, translator: Translator, now_ms: Callable[[], int]) -> None:
        self.told: FeedState | None = None
        self._sink = sink
        self._translator = translator
        self._now_ms = now_ms
        self._states: list[State] = []
        self._results: list[MarketResult] = []
        self._lapsed = False

    def begin(self) -> None:
        """Nothing is known yet, or any more: `recovering`, and whatever has not ended is suspended."""
        self.say("recovering")
        self._states += self._translator.restart(self._now_ms())
        self.flush()
        self._lapsed = False

    def learn(self, reader: StreamReader, change: Change) -> list[str]:
        """A change that the reader has applied. Its states wait for `flush`. Gives the markets forgotten by now."""
        pt = self._now_ms() if change.pt is None else change.pt
        self._states += self._translator.states(reader.markets, change.markets, self._now_ms())
        self._results += self._translator.results(change.markets, pt)
        forgotten = [] if change.pt is None else reader.over_since(change.pt - CLOSED_KEPT_MS)
        if forgotten:
            reader.forget(forgotten)
            self._states += self._translator.forget(forgotten, self._now_ms())
        return forgotten

    def say(self, state: FeedState) -> None:
        """How the provider is, if that is new, after all it has told so far.

        A sink that hears `recovering` expects all that is known before the next `live`: it is told again.
        """
        if state == self.told:
            return
        if state == "live" and self._lapsed:
            self._states += self._translator.current()
        self.flush()
        self._lapsed = state != "live"
        self.told = state
        self._sink.health(state)

    def flush(self) -> None:
        """Put what waits."""
        if self._states:
            states, self._states = self._states, []
            self._sink.put(states)
        if self._results:
            results, self._results = self._results, []
            self._sink.results(results)
