"""The simulator's states as messages of the Unified Odds Feed, and what a recovery of them replays. Pure.

Owns what is on offer now, line by line, and the stateful messages of the last hours. Timestamps rise by at least one
from message to message, so that any order of arrival can be put right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple
from xml.sax.saxutils import quoteattr

from feeds.contract.model import Event, Market, Selection
from feeds.contract.prices import milli_text
from feeds.contract.results import MarketResult, SelectionResult, Share
from feeds.ports import State
from feeds.providers.simulator.serving.uof_catalogue import Catalogue, UofLine

STATEFUL_KEPT: Final = 50_000
"""Settlements, cancellations and ends of events kept for recoveries."""

LINES_KEPT: Final = 200_000
"""Markets whose results can be told; beyond it the oldest are forgotten."""

_STATUS: Final = {"open": 1, "suspended": -1, "inactive": 0, "closed": 0, "settled": -3, "void": -4}
_MATCH: Final = {"upcoming": 0, "live": 1, "ended": 4}


class UofMessage(NamedTuple):
    """One message and the key it is routed by."""

    routing_key: str
    body: bytes


class _Offer:
    """A line as it is offered. `market`: the market of ours that it is now; `repriced`: its odds are to be told."""

    __slots__ = ("line", "market", "repriced")

    def __init__(self, line: UofLine, market: Market, *, repriced: bool) -> None:
        self.line = line
        self.market = market
        self.repriced = repriced


class _EventOffers:
    __slots__ = ("event", "offers", "raw_id", "status_due")

    def __init__(self, event: Event, raw_id: str) -> None:
        self.event = event
        self.raw_id = raw_id
        self.status_due = True
        self.offers: dict[tuple[str, str], _Offer] = {}


class UofSource:
    """One producer."""

    def __init__(self, product: int) -> None:
        self.catalogue = Catalogue()
        self._product = product
        self._timestamp = 0
        self._events: dict[str, _EventOffers] = {}
        self._lines: dict[str, tuple[_EventOffers, UofLine]] = {}
        self._stateful: deque[tuple[int, str, str, str]] = deque(maxlen=STATEFUL_KEPT)

    def put(self, states: Iterable[State], now_ms: int) -> list[UofMessage]:
        """What is sent because of these states: an odds_change an event, or a bet_stop where all of it stops."""
        changed: dict[str, dict[tuple[str, str], _Offer]] = {}
        ended: list[_EventOffers] = []
        for state in states:
            if isinstance(state, Event):
                event = self._event(state)
                changed.setdefault(state.id, {})
                if state.state == "ended":
                    ended.append(event)
            elif state.event in self._events:
                offer = self._offer(self._events[state.event], state)
                if offer is not None:
                    changed.setdefault(state.event, {})[offer.line[:2]] = offer
        messages = [self._change(self._events[event_id], offers, now_ms) for event_id, offers in changed.items()]
        for event in ended:
            self._keep(event, "odds_change", _odds_change(event, [], status=True), now_ms)
            del self._events[event.event.id]
        return messages

    def results(self, results: Iterable[MarketResult], now_ms: int, *, rollback_first: bool) -> list[UofMessage]:
        """What is sent of results. `rollback_first`: what takes a settlement back comes before it, then it again."""
        messages: list[UofMessage] = []
        for result in results:
            if result.market not in self._lines:
                continue
            event, line = self._lines[result.market]
            market = _market_attributes(line)
            if result.kind == "settled":
                rows = "".join(_result(outcome, one) for outcome, one in zip(line.outcomes, result.selections))
                inner = f"<outcomes><market {market}>{rows}</market></outcomes>"
                certainty = f' certainty="{result.certainty}"'
                if rollback_first:
                    early = self._message(event, "bet_settlement", inner, now_ms, certainty)
                    messages.append(self._keep(event, "rollback_bet_settlement", f"<market {market}/>", now_ms))
                    messages.append(early)
                messages.append(self._keep(event, "bet_settlement", inner, now_ms, certainty))
            elif result.kind == "rollback":
                messages.append(self._keep(event, "rollback_bet_settlement", f"<market {market}/>", now_ms))
            else:
                kind = "bet_cancel" if result.kind == "cancelled" else "rollback_bet_cancel"
                messages.append(self._keep(event, kind, f"<market {market}/>", now_ms, _times(result)))
        return messages

    def alive(self, now_ms: int, *, subscribed: bool) -> UofMessage:
        """The producer lives."""
        return self._system("alive", f'subscribed="{int(subscribed)}"', now_ms)

    def recovery(self, request_id: int, after_ms: int | None, now_ms: int) -> list[UofMessage]:
        """Everything on offer, the stateful messages since `after_ms`, and that this was all."""
        request = f' request_id="{request_id}"'
        messages = [
            UofMessage(_key(kind, raw_id), body.replace(" product=", f"{request} product=", 1).encode())
            for timestamp, raw_id, kind, body in self._stateful
            if after_ms is not None and timestamp > after_ms
        ]
        for event in self._events.values():
            body = _odds_change(event, event.offers.values(), status=True)
            messages.append(self._message(event, "odds_change", body, now_ms, request))
        messages.append(self._system("snapshot_complete", f'request_id="{request_id}"', now_ms))
        return messages

    def _event(self, state: Event) -> _EventOffers:
        held = self._events.get(state.id)
        if held is None:
            held = self._events[state.id] = _EventOffers(state, self.catalogue.event_id(state))
        self.catalogue.event_id(state)
        held.event = state
        held.status_due = True
        return held

    def _offer(self, event: _EventOffers, market: Market) -> _Offer | None:
        """The line's offer now. None: the market ended while another one had already taken its line."""
        line = self.catalogue.line(event.event, market)
        held = event.offers.get(line[:2])
        if held is not None and held.market.id != market.id and market.gone:
            return None
        self._lines[market.id] = (event, line)
        if len(self._lines) > LINES_KEPT:
            del self._lines[next(iter(self._lines))]
        same = held is not None and not held.repriced and held.market.selections == market.selections
        offer = event.offers[line[:2]] = _Offer(line, market, repriced=not same)
        return offer

    def _change(self, event: _EventOffers, offers: dict[tuple[str, str], _Offer], now_ms: int) -> UofMessage:
        open_lines = {key for key, offer in event.offers.items() if offer.market.st in ("open", "suspended")}
        stopped = all(offer.market.st == "suspended" and not offer.repriced for offer in offers.values())
        if not event.status_due and offers and stopped and offers.keys() == open_lines:
            return self._message(event, "bet_stop", "", now_ms, ' groups="all"')
        body = _odds_change(event, offers.values(), status=event.status_due)
        event.status_due = False
        for offer in offers.values():
            offer.repriced = False
        return self._message(event, "odds_change", body, now_ms)

    def _keep(self, event: _EventOffers, kind: str, inner: str, now_ms: int, more: str = "") -> UofMessage:
        body = self._body(event, kind, inner, now_ms, more)
        self._stateful.append((self._timestamp, event.raw_id, kind, body))
        return UofMessage(_key(kind, event.raw_id), body.encode())

    def _message(self, event: _EventOffers, kind: str, inner: str, now_ms: int, more: str = "") -> UofMessage:
        return UofMessage(_key(kind, event.raw_id), self._body(event, kind, inner, now_ms, more).encode())

    def _body(self, event: _EventOffers, kind: str, inner: str, now_ms: int, more: str) -> str:
        return (
            f'<{kind} event_id="{event.raw_id}" product="{self._product}" timestamp="{self._next(now_ms)}"{more}>'
            f"{inner}</{kind}>"
        )

    def _system(self, kind: str, more: str, now_ms: int) -> UofMessage:
        body = f'<{kind} product="{self._product}" timestamp="{self._next(now_ms)}" {more}/>'
        return UofMessage(f"-.-.-.{kind}.-.-.-.-", body.encode())

    def _next(self, now_ms: int) -> int:
        self._timestamp = max(now_ms, self._timestamp + 1)
        return self._timestamp


def _key(kind: str, raw_id: str) -> str:
    urn, _, number = raw_id.rpartition(":")
    return f"hi.-.live.{kind}.1.{urn}.{number}.-"


def _market_attributes(line: UofLine) -> str:
    specifiers = f" specifiers={quoteattr(line.specifiers)}" if line.specifiers else ""
    return f'id="{line.market}"{specifiers}'


def _odds_change(event: _EventOffers, offers: Iterable[_Offer], *, status: bool) -> str:
    markets = "".join([_market(offer) for offer in offers])
    return (_status(event.event) if status else "") + (f"<odds>{markets}</odds>" if markets else "")


def _status(event: Event) -> str:
    score = f' home_score="{event.score.home}" away_score="{event.score.away}"' if event.score else ""
    clock = f"<clock match_time={quoteattr(event.clock)}/>" if event.clock else ""
    return f'<sport_event_status status="{_MATCH[event.state]}"{score}>{clock}</sport_event_status>'


def _market(offer: _Offer) -> str:
    market = offer.market
    favourite = ' favourite="1"' if offer.line.favourite else ""
    rows = "".join([_outcome(outcome, one) for outcome, one in zip(offer.line.outcomes, market.selections)])
    return f'<market {_market_attributes(offer.line)} status="{_STATUS[market.st]}"{favourite}>{rows}</market>'


def _outcome(outcome: str, selection: Selection) -> str:
    if selection.price is None or selection.st != "open":
        return f'<outcome id="{outcome}" active="0"/>'
    return f'<outcome id="{outcome}" odds="{milli_text(selection.price.milli)}" active="1"/>'


def _result(outcome: str, result: SelectionResult) -> str:
    void = f' void_factor="{_decimal(result.v)}"' if result.v.num else ""
    dead_heat = f' dead_heat_factor="{_decimal(result.dh)}"' if result.dh != Share(1) else ""
    return f'<outcome id="{outcome}" result="{int(result.w.num > 0)}"{void}{dead_heat}/>'


def _decimal(share: Share) -> str:
    return f"{share.num / share.den:.6g}"


def _times(result: MarketResult) -> str:
    start = "" if result.from_ms is None else f' start_time="{result.from_ms}"'
    return start + ("" if result.to_ms is None else f' end_time="{result.to_ms}"')
