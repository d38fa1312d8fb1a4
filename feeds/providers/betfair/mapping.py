"""Betfair's markets to our events and markets, and which of them changed. Pure: values and `now_ms` in, states out.

Owns what was last published and last told of results, so that a line which changes nothing published (traded volume, a
deep level) gives nothing. Never reads a line and never decides when states are sent, nor when a market is forgotten.

The canonical price of an exchange is the best available to back; `lay` the best to lay, `size` what stands at the best
back, in minor units. Official BASIC files hold no ladders at all: there the last traded price is the price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from msgspec.structs import replace

from feeds.contract.errors import Refused
from feeds.contract.model import Market, Selection
from feeds.contract.prices import Price, price_from_decimal
from feeds.contract.results import MarketResult
from feeds.mapping import Names
from feeds.ports import State
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.events import EventTrack
from feeds.providers.betfair.layout import PROVIDER, Layout, MarketPlan, SelectionPlan, lay_out
from feeds.providers.betfair.line_betting import EVENS, line_plans
from feeds.providers.betfair.parse import BetfairMarket
from feeds.providers.betfair.settlement import next_result
from feeds.providers.endings import closed, not_offered


class _MarketTrack:
    """One Betfair market: its layout, its event, what was last published of each slot, and the last result of each of
    our markets."""

    __slots__ = ("event", "layout", "published", "results", "src")

    def __init__(self, layout: Layout, event: EventTrack, src: str) -> None:
        self.layout = layout
        self.event = event
        self.src = src
        self.published: dict[str, Market] = {}
        self.results: dict[str, MarketResult] = {}


class Translator:
    """Turns changed Betfair markets into the states to put. `feed` and `lanes` make the `src` of every market."""

    def __init__(self, *, feed: str, lanes: int, catalogue: Catalogue, names: Names | None = None) -> None:
        self._feed = feed
        self._lanes = lanes
        self._catalogue = catalogue
        self._names = names or Names(PROVIDER)
        self._markets: dict[str, _MarketTrack] = {}
        self._events: dict[str, EventTrack] = {}

    def states(self, markets: Mapping[str, BetfairMarket], touched: Iterable[str], now_ms: int) -> list[State]:
        """Whole states of what changed among `touched`, newest last; an event before its markets, but `ended` after.

        A touched market that is not in `markets` any more was forgotten by the stream: it is suspended.
        """
        states: list[State] = []
        events: dict[str, EventTrack] = {}
        for market_id in touched:
            market = markets.get(market_id)
            if market is None:
                states += self._forgotten(market_id, now_ms)
            else:
                track = self._track(market, events)
                states += _changed(track, market, now_ms)
        for event in events.values():
            state = event.publish(now_ms)
            if state is not None and state.state == "ended":
                states.append(state)
            elif state is not None:
                states.insert(0, state)
        return states

    def results(self, touched: Iterable[str], pt: int) -> list[MarketResult]:
        """How the touched markets ended, or what takes that back; after their `states`. `pt`: when it was published."""
        results: list[MarketResult] = []
        for track in filter(None, map(self._markets.get, touched)):
            definition, event = track.layout.definition, track.event
            if definition.status != "CLOSED" and not track.results:
                continue
            for plan in track.layout.markets:
                told = track.results.get(plan.id)
                result = next_result(plan, definition, told=told, event=event.id, topic=event.topic, pt=pt)
                if result is not None:
                    track.results[plan.id] = result
                    results.append(result)
        return results

    def current(self) -> list[State]:
        """Everything that has not ended, as last published, each event before its markets."""
        events = [event for track in self._events.values() if (event := track.current()) is not None]
        markets = [market for track in self._markets.values() for market in track.published.values() if not market.gone]
        return [*events, *markets]

    def forget(self, market_ids: Iterable[str], now_ms: int) -> list[State]:
        """These have been over for so long that nothing more is kept of them, nor of an event left without any.

        Gives the end of what was only suspended: a market that vanished, whose closing was never told.
        """
        states: list[State] = []
        for market_id in market_ids:
            track = self._markets.pop(market_id, None)
            if track is None:
                continue
            states += [closed(market, now_ms) for market in track.published.values() if not market.gone]
            if track.event.forget(market_id):
                self._events.pop(track.layout.definition.event_id, None)
                event = track.event.publish(now_ms)
                states += [event] if event else []
        return states

    def restart(self, now_ms: int) -> list[State]:
        """The recording begins anew: whatever has not ended is suspended until it is mentioned again."""
        for event in self._events.values():
            event.restart()
        return [state for track in self._markets.values() for state in _withdrawn(track, now_ms)]

    def _track(self, market: BetfairMarket, events: dict[str, EventTrack]) -> _MarketTrack:
        track = self._markets.get(market.id)
        definition = market.definition
        if track is not None and track.layout.definition is definition:
            return track
        event = self._events.get(definition.event_id)
        if event is None:
            event = self._events[definition.event_id] = EventTrack(
                market.id, definition, catalogue=self._catalogue, names=self._names
            )
        layout = lay_out(market.id, definition, catalogue=self._catalogue, names=self._names)
        if track is None:
            track = self._markets[market.id] = _MarketTrack(layout, event, event.source(self._feed, self._lanes))
        elif track.event is not event:
            track.event.lose(market.id)
            events[track.event.id] = track.event
            track.event = event
            track.src = event.source(self._feed, self._lanes)
        track.layout = layout
        event.learn(market.id, definition, self._catalogue)
        events[event.id] = event
        return track

    def _forgotten(self, market_id: str, now_ms: int) -> list[State]:
        track = self._markets.get(market_id)
        return [] if track is None else _withdrawn(track, now_ms)


def _withdrawn(track: _MarketTrack, now_ms: int) -> list[State]:
    states: list[State] = []
    for slot, market in track.published.items():
        if not_offered(market, market.ts) != market:
            track.published[slot] = not_offered(market, now_ms)
            states.append(track.published[slot])
    return states


def _changed(track: _MarketTrack, market: BetfairMarket, now_ms: int) -> list[State]:
    """What is to be published of one market: slots that ended, then slots that changed."""
    states: list[State] = []
    planner = track.layout.planner
    plans = line_plans(planner, market, track.published) if planner else track.layout.markets
    vanished = track.published.keys() - {plan.slot for plan in plans}
    for slot in sorted(vanished):
        ended = track.published.pop(slot)
        if not ended.gone:
            states.append(closed(ended, now_ms))
    for plan in plans:
        held = track.published.get(plan.slot)
        replaces = held.replaces if held else None
        if held is not None and held.id != plan.id:
            replaces = None if held.gone else held.id
            if not held.gone:
                states.append(closed(held, now_ms, replaced_by=plan.id))
            held = None
        state = _state(track, plan, market, held.ts if held else now_ms, replaces)
        if state != held:
            state = replace(state, ts=now_ms)
            track.published[plan.slot] = state
            states.append(state)
    return states


def _state(track: _MarketTrack, plan: MarketPlan, market: BetfairMarket, ts: int, replaces: str | None) -> Market:
    layout = track.layout
    return Market(
        id=plan.id,
        event=track.event.id,
        topic=track.event.topic,
        cls=plan.cls,
        type=plan.type,
        period=plan.period,
        src=track.src,
        ts=ts,
        st=layout.st,
        selections=tuple([_selection(selection, market) for selection in plan.selections]),
        live=layout.definition.in_play,
        group=plan.group,
        line=plan.line,
        gone=layout.gone,
        replaces=replaces,
    )


def _selection(plan: SelectionPlan, market: BetfairMarket) -> Selection:
    price: Price | None = None
    lay: Price | None = None
    size: int | None = None
    ltp: Price | None = None
    if plan.quoted and plan.offer != "odds":
        price, size = _line_offer(plan, market)
    elif plan.quoted:
        quote = market.quote(plan.key)
        ltp = _price(quote.ltp) if quote.ltp is not None else None
        lay = _price(quote.lay[0]) if quote.lay is not None else None
        if quote.back is not None:
            price = _price(quote.back[0])
            size = _minor_units(quote.back[1]) if price is not None else None
        elif market.depth is None and not market.laddered:
            price = ltp
    return Selection(
        id=plan.id,
        name=plan.name,
        st=plan.st,
        price=price,
        side=plan.side,
        line=plan.line,
        lay=lay.milli if lay else None,
        size=size,
        ltp=ltp.milli if ltp else None,
    )


def _line_offer(plan: SelectionPlan, market: BetfairMarket) -> tuple[Price | None, int | None]:
    """Evens and what stands at the line, while anything is on offer on this side of it."""
    quote = market.quote(plan.key)
    best = quote.back if plan.offer == "sell" else quote.lay
    return (None, None) if best is None else (EVENS, _minor_units(best[1]))


@lru_cache(maxsize=4096)
def _price(odds: float) -> Price | None:
    """Odds as a price, by the shortest text of the number, which is the text Betfair sent. None: out of range."""
    try:
        return price_from_decimal(repr(odds))
    except Refused:
        return None


def _minor_units(size: float) -> int:
    """A size in hundredths, half up, by its shortest text."""
    return int((Decimal(repr(size)) * 100).to_integral_value(ROUND_HALF_UP))
