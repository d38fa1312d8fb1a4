"""Betfair's events to ours. Pure.

Owns what is fixed of an event at first sight (sport, league, kind), and its life: upcoming until a market of it is in
play, then live, ended when every known market of it is closed. A meeting stays live between two of its races.
"""

from __future__ import annotations

from msgspec.structs import replace

from feeds.contract.model import Event, EventState
from feeds.contract.subjects import lane_of, source_id
from feeds.mapping import Names
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.spec import MarketDefinition
from feeds.providers.betfair.taxonomy import SPORTS, kind_of, opponents
from feeds.providers.times import utc_text


class EventTrack:
    """One event and what its markets have told of it."""

    def __init__(self, market_id: str, definition: MarketDefinition, *, catalogue: Catalogue, names: Names) -> None:
        self._names = names
        sport = names.sport(definition.event_type_id, catalogue.sport(market_id) or "", known=SPORTS)
        competition = catalogue.competition(market_id)
        league = names.league(competition.id, competition.name) if competition else names.league()
        self.id = names.event(definition.event_id).id
        self.topic = names.topic(definition.event_id, sport=sport, league=league)
        self._outright = kind_of(definition).cls == "future"
        self._name = f"Event {definition.event_id}"
        self._start = definition.market_time
        self._been_live = False
        self._closed: dict[str, bool] = {}
        self._published: Event | None = None

    def source(self, feed: str, lanes: int) -> str:
        """`src` of its markets."""
        return source_id(feed, lane_of(self.id, lanes))

    def learn(self, market_id: str, definition: MarketDefinition, catalogue: Catalogue) -> None:
        """A market of this event has this definition now."""
        self._name = definition.event_name or catalogue.event_name(market_id) or self._name
        self._start = definition.open_date or self._start
        self._closed[market_id] = definition.status == "CLOSED"
        self._been_live = self._been_live or definition.in_play

    def lose(self, market_id: str) -> None:
        """The market belongs to another event now. An event that lost all of its markets has ended."""
        self._closed.pop(market_id, None)

    def forget(self, market_id: str) -> bool:
        """The market has been closed for long and is not kept any more. Whether nothing is left of the event."""
        self._closed.pop(market_id, None)
        return not self._closed

    def current(self) -> Event | None:
        """What was last published of it, unless it has ended."""
        return None if self._published is None or self._published.state == "ended" else self._published

    def restart(self) -> None:
        """The recording begins anew: nothing is known of any market."""
        self._closed.clear()
        self._been_live = False

    def publish(self, now_ms: int) -> Event | None:
        """The event as it is now, if that differs from what was last published."""
        home, away = [name and self._names.team("", name) for name in opponents(self._name)]
        event = Event(
            id=self.id,
            topic=self.topic,
            name=self._name,
            start=utc_text(self._start),
            state=self._state(),
            ts=self._published.ts if self._published else now_ms,
            home=home,
            away=away,
            kind="outright" if self._outright else "game",
        )
        if event == self._published:
            return None
        self._published = replace(event, ts=now_ms)
        return self._published

    def _state(self) -> EventState:
        if all(self._closed.values()):
            return "ended"
        return "live" if self._been_live else "upcoming"
