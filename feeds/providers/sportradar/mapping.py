"""A producer's messages to our events, markets and results. Pure: messages, documents and `now_ms` in, states out.

Owns which messages are of this producer, and what is put again after a recovery. Never reads bytes, never fetches a
name: what is missing stands in `directory.wanted`, and what waits for it is published when it is learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from feeds.contract.results import MarketResult
from feeds.mapping import MappingTable, Names
from feeds.ports import State
from feeds.providers.sportradar.book import Book
from feeds.providers.sportradar.directory import Directory, Want
from feeds.providers.sportradar.events import EventTrack
from feeds.providers.sportradar.layout import PROVIDER, Planner
from feeds.providers.sportradar.spec import (
    AnyEventMessage,
    Cashout,
    Description,
    Document,
    Fixture,
    FixtureChange,
    Line,
    OddsChange,
    Player,
)
from feeds.providers.times import utc_text_of_ms


class Told(NamedTuple):
    """What is to be put, and then said of results."""

    states: list[State]
    results: list[MarketResult]

    def and_then(self, later: Told) -> Told:
        """Both, in this order."""
        return Told([*self.states, *later.states], [*self.results, *later.results])


class Translator:
    """One producer's events. `product` None takes the messages of all, as a recording has them."""

    def __init__(self, *, feed: str, lanes: int, mapping: MappingTable, product: int | None) -> None:
        self.directory = Directory()
        self._product = product
        self._planner = Planner(feed=feed, lanes=lanes, names=Names(PROVIDER, mapping), directory=self.directory)
        self._book = Book()
        self._tracks: dict[str, EventTrack] = {}
        self._askers: dict[Want, dict[str, None]] = {}

    def apply(self, message: AnyEventMessage, now_ms: int) -> Told:
        """What a message changes. Raises Refused("too_many_lines" | "too_many_events") and then has changed nothing."""
        if self._product is not None and message.product not in (None, self._product):
            return Told([], [])
        if isinstance(message, Cashout | FixtureChange) and message.event_id not in self._tracks:
            return Told([], [])  # its fixture is read when there is something to publish of it
        track = self._track(message)
        applied = track.book.apply(message, self.directory.groups)
        if isinstance(message, FixtureChange):
            self.directory.want(Want("fixture", message.event_id))
        if isinstance(message, OddsChange):
            track.mentioned.update(market.line for market in message.markets)
        track.say(applied.sayings)
        return self._told(track, applied.touched, now_ms)

    def learn(self, document: Document, now_ms: int) -> Told:
        """An answer of the API, and what waited for it."""
        self.directory.learn(document)
        if isinstance(document, Fixture):
            track = self._tracks.get(document.id)
            return Told([], []) if track is None else self._replanned(track, document, now_ms)
        if isinstance(document, Player):
            return self._retried(Want("player", document.id), now_ms)
        told = Told([], [])
        for one in document:
            if isinstance(one, Description) and one.variant is not None:
                told = told.and_then(self._retried(Want("variant", one.variant, one.id), now_ms))
        return told

    def give_up(self, want: Want, now_ms: int) -> Told:
        """The API does not have it, and what waited for it goes on without."""
        self.directory.give_up(want)
        fixture = self.directory.fixture(want.id) if want.kind == "fixture" else None
        track = self._tracks.get(want.id)
        if fixture is not None and track is not None:
            return self._replanned(track, fixture, now_ms)
        return self._retried(want, now_ms)

    def begin_recovery(self) -> None:
        """From now on it matters which lines are mentioned."""
        for track in self._tracks.values():
            track.mentioned.clear()

    def recovered(self, *, whole: bool, now_ms: int) -> Iterator[Told]:
        """Event by event, all there is, at the end of a recovery: to be put again, so that nothing counts as absent.

        `whole`: everything on offer was told, so that what was not mentioned is not on offer.
        """
        for track in list(self._tracks.values()):
            missing = track.book.recovered(track.mentioned) if whole else ()
            track.mentioned.clear()
            told = self._told(track, missing, now_ms)
            yield Told([*told.states, *track.published()], told.results)

    def _track(self, message: AnyEventMessage) -> EventTrack:
        track = self._tracks.get(message.event_id)
        if track is None:
            for event_id in self._book.forgettable():
                self._book.forget(event_id)
                self.directory.forget(event_id)
                del self._tracks[event_id]
            book = self._book.event(message.event_id)
            track = self._tracks[message.event_id] = EventTrack(book, self.directory.groups, message.timestamp)
        return track

    def _told(self, track: EventTrack, touched: Iterable[Line], now_ms: int) -> Told:
        if track.plan is None:
            fixture = self.directory.fixture(track.book.id)
            if fixture is not None:
                track.replan(self._planner.event(fixture, start=utc_text_of_ms(track.first_at_ms), topic=None))
        told = Told(track.states(touched, self._planner, now_ms), track.results(self._planner))
        for want in self.directory.missed():
            self._askers.setdefault(want, {})[track.book.id] = None
        return told

    def _replanned(self, track: EventTrack, fixture: Fixture, now_ms: int) -> Told:
        topic = None if track.plan is None else track.plan.topic
        track.replan(self._planner.event(fixture, start=utc_text_of_ms(track.first_at_ms), topic=topic))
        return self._told(track, (), now_ms)

    def _retried(self, want: Want, now_ms: int) -> Told:
        """A player or a variant is known: events that asked for it may go on."""
        told = Told([], [])
        for event_id in self._askers.pop(want, ()):
            track = self._tracks.get(event_id)
            if track is not None:
                told = told.and_then(self._told(track, (), now_ms))
        return told
