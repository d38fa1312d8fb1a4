"""What the simulated feed offers: events with markets, changed at random in every way a real feed changes them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from feeds.contract.model import Event, Market, MarketClass, Score, Selection, Status, Subject, event_topic
from feeds.contract.prices import price_from_milli

State = Market | Event

LEAGUES = (("football", "nfl"), ("football", "cfb"), ("tennis", "atp"))
CLASSES: tuple[MarketClass, ...] = ("main", "alternate", "prop")
CLOSED: tuple[Status, ...] = ("suspended", "inactive", "closed")
PRICES_MILLI = (1_500, 2_000, 3_250)
"""Few, so that a price often returns to what it was."""
MARKETS_MAX = 4
"""Markets an event may begin; later ones are only replaced."""


class Slate:
    """The last state of every market and event. Every call gives the states to publish, in order."""

    def __init__(self, random: Random, events: int) -> None:
        self._random = random
        self._ts = 1_790_000_000_000
        self.markets: dict[str, Market] = {}
        self.events: dict[str, Event] = {}
        for number in range(events):
            sport, league = LEAGUES[number % len(LEAGUES)]
            self._begin_event(f"E{number}", sport, league)
        self._changes: tuple[tuple[int, Callable[[Market], list[State]]], ...] = (
            (40, self._price),
            (10, self._status),
            (6, self._flicker),
            (5, self._selection_status),
            (3, self._flags),
            (4, self._selections),
            (5, self._gone),
            (4, self._settled_or_back),
            (4, self._same),
            (6, self._event),
            (2, self._end_event),
            (4, self._new_market),
        )

    def everything(self) -> list[State]:
        """Every last state, as a leader writes it into a new log."""
        return [*self.events.values(), *self.markets.values()]

    def topics(self) -> list[str]:
        """Topics of every kind that mean something of this slate."""
        paths = {prefix for event in self.events.values() for prefix in _prefixes(event.topic)}
        paths |= {f"{market.topic}.{market.id}" for market in self.markets.values()}
        return sorted(paths)

    def change(self) -> list[State]:
        """One thing happens."""
        weights = [weight for weight, _ in self._changes]
        _, change = self._random.choices(self._changes, weights)[0]
        market = self.markets[self._random.choice(sorted(self.markets))]
        states = change(market)
        for state in states:
            if isinstance(state, Market):
                self.markets[state.id] = state
            else:
                self.events[state.id] = state
        return states

    def _begin_event(self, event_id: str, sport: str, league: str) -> None:
        event = Event(
            event_id,
            event_topic(sport, league, event_id),
            f"Game {event_id}",
            "2026-09-21T20:00:00Z",
            "live",
            self._now(),
        )
        self.events[event_id] = event
        for _ in range(self._random.randint(1, 2)):
            market = self._market(event)
            self.markets[market.id] = market

    def _now(self) -> int:
        self._ts += self._random.randint(1, 40)
        return self._ts

    def _market(self, event: Event, *, replaces: str | None = None) -> Market:
        number = sum(market.event == event.id for market in self.markets.values())
        cls = self._random.choice(CLASSES)
        return Market(
            id=f"{event.id}M{number}",
            event=event.id,
            topic=event.topic,
            cls=cls,
            type="spread",
            period="game",
            src="alpha-0",
            ts=self._now(),
            st=self._random.choice(("open", "open", "open", "suspended")),
            selections=tuple(self._offer(f"O{index}") for index in range(2)),
            line=self._random.choice((None, "-3.5")),
            subject=Subject("player", "P7", "A. Player") if cls == "prop" else None,
            replaces=replaces,
        )

    def _offer(self, selection_id: str) -> Selection:
        return Selection(selection_id, f"Side {selection_id}", price=price_from_milli(self._milli()))

    def _milli(self) -> int:
        return self._random.choice(PRICES_MILLI)

    def _price(self, market: Market) -> list[State]:
        selections = list(market.selections)
        for index in range(len(selections)):
            if self._random.random() < 0.6:
                price = None if self._random.random() < 0.1 else price_from_milli(self._milli())
                selections[index] = replace(selections[index], price=price)
        if self._random.random() < 0.2:
            lay = self._random.choice((None, self._milli()))
            selections[0] = replace(selections[0], lay=lay, size=None if lay is None else lay * 3, ltp=lay)
        return [replace(market, ts=self._now(), selections=tuple(selections))]

    def _status(self, market: Market) -> list[State]:
        if market.gone:
            return []
        if market.st == "open":
            reason = self._random.choice((None, "possible_score"))
            return [replace(market, ts=self._now(), st=self._random.choice(CLOSED), reason=reason)]
        return [replace(market, ts=self._now(), st="open", reason=None)]

    def _flicker(self, market: Market) -> list[State]:
        if market.gone:
            return []
        down = replace(market, ts=self._now(), st="suspended", reason="possible_score")
        back = replace(down, ts=self._now(), st="open", reason=None)
        return [down, back, *self._price(back)]

    def _selection_status(self, market: Market) -> list[State]:
        first, *others = market.selections
        status: Status = "open" if first.st != "open" else "inactive"
        return [replace(market, ts=self._now(), selections=(replace(first, st=status), *others))]

    def _flags(self, market: Market) -> list[State]:
        src = self._random.choice(("alpha-0", "beta-0"))
        return [replace(market, ts=self._now(), live=not market.live, src=src)]

    def _selections(self, market: Market) -> list[State]:
        if len(market.selections) > 2:
            return [replace(market, ts=self._now(), selections=market.selections[:2])]
        return [replace(market, ts=self._now(), selections=(*market.selections, self._offer("O2")))]

    def _gone(self, market: Market) -> list[State]:
        if market.gone:
            return []
        replaced = None
        states: list[State] = []
        if self._random.random() < 0.4:
            other = self._market(self.events[market.event], replaces=market.id)
            replaced = other.id
            states.append(other)
        return [replace(market, ts=self._now(), st="closed", reason=None, gone=True, replaced_by=replaced), *states]

    def _settled_or_back(self, market: Market) -> list[State]:
        if not market.gone:
            return []
        if self._random.random() < 0.4:
            return [replace(market, ts=self._now(), st="settled")]
        status: Status = self._random.choice(("open", "suspended"))
        return [replace(market, ts=self._now(), st=status, gone=False, replaced_by=None)]

    def _same(self, market: Market) -> list[State]:
        return [] if market.gone else [market]

    def _event(self, market: Market) -> list[State]:
        event = self.events[market.event]
        score = Score(self._random.randint(0, 30), self._random.randint(0, 30))
        return [replace(event, ts=self._now(), state="live", score=score)]

    def _end_event(self, market: Market) -> list[State]:
        event = self.events[market.event]
        markets = [other for other in self.markets.values() if other.event == event.id and not other.gone]
        over = [replace(other, ts=self._now(), st="closed", reason=None, gone=True) for other in markets]
        return [*over, replace(event, ts=self._now(), state="ended")]

    def _new_market(self, market: Market) -> list[State]:
        event = self.events[market.event]
        if sum(other.event == event.id for other in self.markets.values()) >= MARKETS_MAX:
            return []
        return [self._market(event)]


def _prefixes(topic: str) -> list[str]:
    sport, league, _ = topic.split(".")
    return [sport, f"{sport}.{league}", topic]
