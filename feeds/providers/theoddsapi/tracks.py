"""One event: what the bookmaker offers on it, what was last published of it, and what of that changes. Pure.

Owns an event's life (upcoming until its time has come or a score is told, then live, ended by a score) and that of its
markets: offered, not offered, replaced by another line, closed. What is fixed of an event is fixed at first sight.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from msgspec.structs import replace

from feeds.contract.model import Event, EventState, Market, Score, Selection
from feeds.contract.subjects import lane_of, source_id
from feeds.mapping import Names
from feeds.ports import State
from feeds.providers.endings import closed, not_offered
from feeds.providers.theoddsapi.layout import Layout, MarketPlan, in_order
from feeds.providers.theoddsapi.spec import OddsMarket, SportEvent
from feeds.providers.theoddsapi.taxonomy import SPORTS, is_featured, league_word, owner_of, sport_word
from feeds.providers.times import unix_ms_of, utc_text

OLDER_IN_A_ROW_MAX: Final = 5
"""After so many older answers about an event one counts as a correction, or old prices would stay for ever."""

MARKETS_HELD_MAX: Final = 4_096
"""Markets held of an event; beyond it those not offered are closed."""

_AWAY_FIRST = frozenset({"football", "basketball", "baseball", "hockey"})
_SCORE_DIGITS_MAX = 6


class Scope(NamedTuple):
    """What an answer tells all of: market `keys` of one event, or of all events of a sport.

    `keys` None: nobody knows what was asked. A list then tells all featured keys, an event all others.
    """

    sport: str
    event: str | None = None
    keys: frozenset[str] | None = None

    def covers(self, key: str) -> bool:
        """Whether a market key that is missing is not on offer. Lay prices come unasked with their key."""
        if self.keys is None:
            return is_featured(key) == (self.event is None)
        return key in self.keys or owner_of(key) in self.keys


class EventTrack:
    """One event. `raw`: as last told of. `listed`: the sport's last list had it. `over`: it has ended.

    `mentioned_ms`: when an answer last had it, for whoever forgets events.
    """

    def __init__(self, raw: SportEvent, names: Names, *, feed: str, lanes: int) -> None:
        identity = names.event(raw.id)
        word = sport_word(raw.sport_key)
        sport = names.sport(word, word, known=SPORTS)
        self.id = identity.id
        self.raw = raw
        self.listed = True
        self.over = False
        self.started = False
        self.mentioned_ms = 0
        self._names = names
        league = names.league(raw.sport_key, league_word(raw.sport_key))
        self._topic = names.topic(raw.id, sport=sport, league=league)
        self._away_first = sport in _AWAY_FIRST
        self._outright = raw.home_team is None
        self._src = source_id(feed, lane_of(self.id, lanes))
        self._score: Score | None = None
        self._offered: dict[str, OddsMarket] = {}
        self._updated: dict[str, datetime] = {}
        self._older: dict[bool, int] = {}
        self._markets: dict[str, Market] = {}
        self._slots: dict[str, str] = {}
        self._replaced: dict[str, str] = {}
        self._event: Event | None = None
        self._basis: tuple[object, ...] = ()

    def learn(
        self,
        event: SportEvent,
        found: Mapping[str, OddsMarket],
        updated: Mapping[str, datetime | None],
        scope: Scope,
    ) -> bool:
        """An answer has this event, with these markets by key, told of at these times.

        Gives whether anything was older than what is held. Then only what is newer is taken, and nothing withdrawn.
        """
        older = {key for key in found if self._is_older(key, updated.get(key))}
        listing = scope.event is None
        self._older[listing] = self._older.get(listing, 0) + 1 if older else 0
        if older and self._older[listing] <= OLDER_IN_A_ROW_MAX:
            self._take({key: market for key, market in found.items() if key not in older}, updated)
            return True
        self._older[listing] = 0
        self.raw = event
        self.listed = self.listed or listing
        self.withdraw(scope, but=found)
        self._take(found, updated)
        return False

    def withdraw(self, scope: Scope, *, but: Mapping[str, OddsMarket] | None = None) -> None:
        """What the scope covers is not offered any more, but these."""
        for key in [key for key in self._offered if scope.covers(key) and key not in (but or ())]:
            del self._offered[key]

    def unlist(self) -> None:
        """The sport's list does not have it: nothing of it is offered."""
        self.listed = False
        self._offered.clear()

    def restart(self) -> None:
        """Nothing is known any more, not even how new it was."""
        self.unlist()
        self._updated.clear()
        self._older.clear()

    def score(self, event: SportEvent) -> None:
        """A score of it is told, or that it is over."""
        by_name = {each.name: each.score for each in event.scores or ()}
        home, away = (_points(by_name.get(team or "")) for team in (event.home_team, event.away_team))
        if home is not None and away is not None:
            self._score = Score(home, away)
            self.started = True
        if event.completed:
            self.end()

    def end(self) -> None:
        """It has ended, however it ended."""
        self.over = True
        self.unlist()

    def begins(self, at_ms: int) -> bool:
        """Whether its time has come just now. One that was put off is upcoming again, unless it has a score."""
        started = self._score is not None or unix_ms_of(self.raw.commence_time) <= at_ms
        began = started != self.started
        self.started = started
        return began

    def changes(self, layout: Layout, now_ms: int, at_ms: int) -> list[State]:
        """What is to be published: the event before its markets, but `ended` after."""
        self.begins(at_ms)
        basis = self._rests_on()
        if basis == self._basis:
            return []
        self._basis = basis
        plans = {} if self.over else layout.plans(self.raw, self._offered)
        if not plans and self._event is None:
            return []
        states: list[State] = [*self._ends(plans, now_ms), *self._begins_or_moves(plans, now_ms)]
        event = self._describe(now_ms)
        if self._event is None or replace(event, ts=self._event.ts) != self._event:
            self._event = event
            states.insert(len(states) if self.over else 0, event)
        return states

    def image(self) -> list[State]:
        """Everything published of it that has not ended."""
        if self._event is None or self.over:
            return []
        return [self._event, *self._markets.values()]

    def _rests_on(self) -> tuple[object, ...]:
        """All that what is published depends on, so that an answer which tells nothing new costs a comparison."""
        raw = self.raw
        outcomes = {key: market.outcomes for key, market in self._offered.items()}
        teams = (raw.home_team, raw.away_team, raw.sport_title)
        return self._state(), self._score, raw.commence_time, teams, outcomes

    def _is_older(self, key: str, updated: datetime | None) -> bool:
        held = self._updated.get(key)
        return held is not None and updated is not None and updated < held

    def _take(self, found: Mapping[str, OddsMarket], updated: Mapping[str, datetime | None]) -> None:
        self._offered.update(found)
        self._updated.update({key: at for key in found if (at := updated.get(key)) is not None})

    def _ends(self, plans: Mapping[str, MarketPlan], now_ms: int) -> list[State]:
        """Markets that are not offered now: replaced by another line, closed with the event, or suspended."""
        states: list[State] = []
        moved = {plan.slot: plan.id for plan in plans.values() if plan.slot}
        lined: dict[tuple[str | None, str | None], str] = {
            (plan.group, plan.key.line): plan.id for plan in plans.values() if plan.group
        }
        self._replaced = {}
        crowded = len(self._markets) > MARKETS_HELD_MAX
        for market_id in [market_id for market_id in self._markets if market_id not in plans]:
            market = self._markets[market_id]
            successor = moved.get(self._slots[market_id]) or lined.get((market.group, market.line))
            if self.over or crowded or successor:
                if successor and successor not in self._markets and self._slots[market_id]:
                    self._replaced[successor] = market_id
                states.append(closed(market, now_ms, replaced_by=successor))
                del self._markets[market_id]
                continue
            if market != not_offered(market, market.ts):
                self._markets[market_id] = not_offered(market, now_ms)
                states.append(self._markets[market_id])
        return states

    def _begins_or_moves(self, plans: Mapping[str, MarketPlan], now_ms: int) -> list[State]:
        """Markets that are offered and are not yet published so."""
        states: list[State] = []
        for market_id, plan in plans.items():
            held = self._markets.get(market_id)
            market = self._market(plan, held, now_ms)
            if held is None or market != held:
                self._markets[market_id] = replace(market, ts=now_ms)
                states.append(self._markets[market_id])
        live = set(self._markets)
        self._slots = {market_id: slot for market_id, slot in self._slots.items() if market_id in live}
        self._slots.update({market_id: plan.slot for market_id, plan in plans.items()})
        return states

    def _market(self, plan: MarketPlan, held: Market | None, now_ms: int) -> Market:
        return Market(
            id=plan.id,
            event=self.id,
            topic=self._topic,
            cls=plan.key.cls,
            type=plan.key.type,
            period=plan.key.period,
            src=self._src,
            ts=held.ts if held else now_ms,
            st="open" if plan.quoted else "suspended",
            selections=_with_withdrawn(plan.selections, held),
            live=self._state() == "live",
            group=plan.group,
            line=plan.key.line,
            subject=plan.subject,
            reason=None if plan.quoted else "not_offered",
            replaces=held.replaces if held else self._replaced.get(plan.id),
        )

    def _describe(self, now_ms: int) -> Event:
        raw = self.raw
        home = self._names.team(raw.home_team, raw.home_team) if raw.home_team else None
        away = self._names.team(raw.away_team, raw.away_team) if raw.away_team else None
        name = raw.sport_title or raw.sport_key
        if home and away:
            name = f"{away} @ {home}" if self._away_first else f"{home} v {away}"
        return Event(
            id=self.id,
            topic=self._topic,
            name=name,
            start=utc_text(raw.commence_time),
            state=self._state(),
            ts=now_ms,
            home=home,
            away=away,
            score=self._score,
            kind="outright" if self._outright else "game",
        )

    def _state(self) -> EventState:
        if self.over:
            return "ended"
        return "live" if self.started and not self._outright else "upcoming"


def _with_withdrawn(selections: tuple[Selection, ...], held: Market | None) -> tuple[Selection, ...]:
    """The selections, and those held that are not offered any more: they stay, without prices."""
    offered = {selection.id for selection in selections}
    withdrawn = [
        replace(selection, st="suspended", price=None, lay=None)
        for selection in (held.selections if held else ())
        if selection.id not in offered
    ]
    return tuple(sorted([*selections, *withdrawn], key=in_order)) if withdrawn else selections


def _points(text: str | None) -> int | None:
    """A score that is a plain number."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > _SCORE_DIGITS_MAX:
        return None
    return int(text)
