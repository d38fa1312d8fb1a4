"""The Odds API's snapshots to our events and markets, and which of them changed. Pure: values and times in, states out.

Owns what the bookmaker offers on every event, and what was last published of it. A snapshot tells all there is within
its scope, so what it lacks is not on offer: suspended, never settled. What is older than what is held is passed over,
and an event with anything older comes from an older snapshot, of which also what it lacks means nothing. When a line
moves, the old market ends and the new one replaces it. Scores end an event, and its markets with it, closed: how they
ended is not told by this provider.

Never reads bytes and never decides when to ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from feeds.contract.model import Event, Market
from feeds.mapping import Names
from feeds.ports import State
from feeds.providers.endings import closed, not_offered
from feeds.providers.theoddsapi.layout import Layout, PriceFormat
from feeds.providers.theoddsapi.parse import Snapshot, offered_by, updated_at
from feeds.providers.theoddsapi.spec import SportEvent
from feeds.providers.theoddsapi.tracks import EventTrack, Scope
from feeds.providers.times import unix_ms_of

PROVIDER: Final = "theoddsapi"
"""The word ids are derived with."""

FORGOTTEN_AFTER_MS: Final = 48 * 3_600_000
"""An event that began, and was last mentioned, so long ago has ended, though no score said so."""


class Listed(NamedTuple):
    """An event for those who ask about it."""

    id: str
    sport: str
    start_ms: int
    started: bool


class Translator:
    """Turns snapshots of one bookmaker into the states to put. `feed` and `lanes` make the `src` of every market."""

    def __init__(
        self, *, feed: str, lanes: int, names: Names, bookmaker: str, price_format: PriceFormat = "decimal"
    ) -> None:
        self._feed = feed
        self._lanes = lanes
        self._names = names
        self._bookmaker = bookmaker
        self._layout = Layout(names, bookmaker=bookmaker, price_format=price_format)
        self._tracks: dict[str, EventTrack] = {}
        self.older = False
        """Whether the last answer about odds held anything older than what was known."""

    @property
    def skipped(self) -> Counter[str]:
        """What could not be read of answers that were understood, by reason."""
        return self._layout.skipped

    def events(self) -> list[Listed]:
        """The events that are on offer and have not ended."""
        return [
            Listed(track.raw.id, track.raw.sport_key, unix_ms_of(track.raw.commence_time), track.started)
            for track in self._tracks.values()
            if track.listed and not track.over
        ]

    def odds(self, snapshot: Snapshot, scope: Scope, now_ms: int, at_ms: int | None = None) -> list[State]:
        """What an answer about odds changes, newest last. `at_ms`: the time it is of, where that is not now.

        Entries of other sports or events than the scope's are passed over.
        """
        at_ms = now_ms if at_ms is None else at_ms
        states: list[State] = []
        self.older = False
        mentioned: set[str] = set()
        for event in snapshot.events:
            if event.sport_key != scope.sport or event.id != (scope.event or event.id) or event.bookmakers is None:
                continue
            mentioned.add(event.id)
            track = self._track(event)
            track.mentioned_ms = at_ms
            if track.over:
                continue
            self.older = self._learn(track, event, scope) or self.older
            states += track.changes(self._layout, now_ms, at_ms)
        if not self.older:
            for track in self._within(scope):
                if track.raw.id not in mentioned and not track.over:
                    states += self._unmentioned(track, scope, now_ms, at_ms)
        return _ends_last(states)

    def scores(self, snapshot: Snapshot, now_ms: int, at_ms: int | None = None) -> list[State]:
        """What an answer about scores changes. Events nobody offered odds on are only remembered where they ended."""
        at_ms = now_ms if at_ms is None else at_ms
        states: list[State] = []
        for event in snapshot.events:
            if event.completed is None:
                continue
            track = self._tracks.get(event.id)
            if track is None:
                if not event.completed:
                    continue
                track = self._track(event)
            track.mentioned_ms = at_ms
            if not track.over:
                track.score(event)
                states += track.changes(self._layout, now_ms, at_ms)
        return _ends_last(states)

    def unanswered(self, scope: Scope, now_ms: int) -> list[State]:
        """Nobody knows any more what is within this scope: it counts as not offered."""
        states: list[State] = []
        for track in self._within(scope):
            if not track.over:
                track.withdraw(scope)
                states += track.changes(self._layout, now_ms, now_ms)
        return states

    def passed(self, now_ms: int, at_ms: int | None = None) -> list[State]:
        """Time passed: what began, and what is forgotten because nobody mentions it any more."""
        at_ms = now_ms if at_ms is None else at_ms
        states: list[State] = []
        for event_id, track in list(self._tracks.items()):
            last_ms = max(unix_ms_of(track.raw.commence_time), track.mentioned_ms)
            if last_ms + FORGOTTEN_AFTER_MS < at_ms and not track.listed:
                track.end()
                states += track.changes(self._layout, now_ms, at_ms)
                del self._tracks[event_id]
            elif track.begins(at_ms):
                states += track.changes(self._layout, now_ms, at_ms)
        return _ends_last(states)

    def image(self) -> list[State]:
        """Everything there is, as last published: an event before its markets."""
        return [state for track in self._tracks.values() for state in track.image()]

    def restart(self, now_ms: int) -> list[State]:
        """Nothing is known any more: whatever has not ended is suspended until it is mentioned again."""
        states: list[State] = []
        for track in self._tracks.values():
            track.restart()
            states += track.changes(self._layout, now_ms, now_ms)
        return states

    def absent(self, market: Market, now_ms: int) -> Market:
        """A market of the log that no answer mentioned: suspended; closed where its event is known to have ended."""
        over = any(track.over and track.id == market.event for track in self._tracks.values())
        return closed(market, now_ms) if over and not market.gone else not_offered(market, now_ms)

    def _track(self, event: SportEvent) -> EventTrack:
        track = self._tracks.get(event.id)
        if track is None:
            track = self._tracks[event.id] = EventTrack(event, self._names, feed=self._feed, lanes=self._lanes)
        return track

    def _within(self, scope: Scope) -> Iterable[EventTrack]:
        if scope.event is None:
            return [track for track in self._tracks.values() if track.raw.sport_key == scope.sport]
        track = self._tracks.get(scope.event)
        return [] if track is None else [track]

    def _learn(self, track: EventTrack, event: SportEvent, scope: Scope) -> bool:
        """Takes what is newer; whether anything was older, so that nothing can be said of what is missing."""
        bookmaker = offered_by(event, self._bookmaker)
        if bookmaker is None:
            return track.learn(event, {}, {}, scope)
        found = {market.key: market for market in bookmaker.markets}
        updated = {key: updated_at(market, bookmaker) for key, market in found.items()}
        return track.learn(event, found, updated, scope)

    def _unmentioned(self, track: EventTrack, scope: Scope, now_ms: int, at_ms: int) -> list[State]:
        if scope.event is None:
            track.unlist()
        else:
            track.withdraw(scope)
        return track.changes(self._layout, now_ms, at_ms)


def scopes(snapshot: Snapshot) -> list[Scope]:
    """What a recorded answer about odds tells all of, as nobody wrote down what was asked: its sports, or its event.

    None for an answer about scores, and for an empty list: nobody knows of which sport that was.
    """
    events = [event for event in snapshot.events if event.bookmakers is not None]
    if snapshot.listed:
        return [Scope(sport) for sport in dict.fromkeys(event.sport_key for event in events)]
    return [Scope(event.sport_key, event.id) for event in events]


def _ends_last(states: list[State]) -> list[State]:
    """Ended events behind everything else."""
    return sorted(states, key=lambda state: isinstance(state, Event) and state.state == "ended")
