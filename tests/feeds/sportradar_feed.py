"""A feed of Sportradar in memory: messages in, what was told out."""

from __future__ import annotations

from feeds.contract.model import Event, EventState, Market
from feeds.contract.results import MarketResult
from feeds.providers.sportradar.documents import parse_document
from feeds.providers.sportradar.mapping import Told, Translator
from feeds.providers.sportradar.parse import parse
from feeds.providers.sportradar.spec import EventMessage
from tests.feeds.uof_messages import (
    T,
    translator,
)


class UofFeed:
    """A translator and what it has published."""

    def __init__(self, made: Translator | None = None) -> None:
        self.translator = made or translator()
        self.markets: dict[str, Market] = {}
        self.event: Event | None = None
        self.results: list[MarketResult] = []
        self.now_ms = T

    def say(self, *messages: bytes) -> list[Market]:
        """Gives the market states that came of it."""
        told = Told([], [])
        for data in messages:
            said = parse(data)
            assert isinstance(said, EventMessage)
            told = told.and_then(self.translator.apply(said, self._tick()))
        return self.take(told)

    def take(self, told: Told) -> list[Market]:
        states = [one for one in told.states if isinstance(one, Market)]
        self.markets.update({one.id: one for one in states})
        for one in told.states:
            if isinstance(one, Event):
                self.event = one
        self.results += told.results
        return states

    def learn(self, data: bytes) -> list[Market]:
        return self.take(self.translator.learn(parse_document(data), self._tick()))

    def event_state(self) -> EventState | None:
        return self.event.state if self.event else None

    def _tick(self) -> int:
        self.now_ms += 1
        return self.now_ms
