"""MARKET, DELTA and EVENT as the wire writes them: compact JSON, absolute values, `ts` before `x`. Encode once."""

from __future__ import annotations

from typing import Any

import orjson
from msgspec import UNSET

from feeds.contract.book import Delta, SelectionDelta
from feeds.contract.model import Event, Market, Selection
from feeds.contract.prices import Price, cents_text, milli_text


def market_json(market: Market, s: int) -> bytes:
    """A whole MARKET at position `s`."""
    return orjson.dumps(market_body(market, s))


def market_body(market: Market, s: int) -> dict[str, Any]:
    """What `market_json` writes, for who says its prices in another way. `x` is in the order of the selections."""
    body: dict[str, Any] = {
        "id": market.id,
        "event": market.event,
        "topic": market.topic,
        "class": market.cls,
        "type": market.type,
        "period": market.period,
    }
    if market.group is not None:
        body["group"] = market.group
    if market.line is not None:
        body["line"] = market.line
    if market.subject is not None:
        subject = market.subject
        body["subject"] = {"type": subject.type, "id": subject.id, "name": subject.name}
    body |= {"src": market.src, "p": 0, "s": s, "ts": market.ts, "st": market.st}
    if market.reason is not None:
        body["reason"] = market.reason
    body["live"] = market.live
    if market.gone:
        body["gone"] = True
    if market.replaced_by is not None:
        body["replaced_by"] = market.replaced_by
    if market.replaces is not None:
        body["replaces"] = market.replaces
    body["x"] = [_selection(selection) for selection in market.selections]
    return body


def delta_json(delta: Delta, p: int) -> bytes:
    """A DELTA that leads from position `p` (or from any, where `p` is 0) to the delta's own."""
    body: dict[str, Any] = {"id": delta.id, "p": p, "s": delta.s, "ts": delta.ts}
    if delta.st is not UNSET:
        body["st"] = delta.st
        if delta.reason is not None:
            body["reason"] = delta.reason
    if delta.live is not UNSET:
        body["live"] = delta.live
    if delta.src is not UNSET:
        body["src"] = delta.src
    if delta.gone:
        body["gone"] = True
        if delta.replaced_by is not None:
            body["replaced_by"] = delta.replaced_by
    if delta.selections:
        body["x"] = [_selection_delta(selection) for selection in delta.selections]
    return orjson.dumps(body)


def event_json(event: Event, s: int) -> bytes:
    """A whole EVENT at position `s`."""
    body: dict[str, Any] = {"id": event.id, "topic": event.topic, "name": event.name}
    if event.home is not None:
        body["home"] = event.home
    if event.away is not None:
        body["away"] = event.away
    if event.kind != "game":
        body["kind"] = event.kind
    body |= {"start": event.start, "state": event.state}
    if event.score is not None:
        body["score"] = {"home": event.score.home, "away": event.score.away}
    if event.clock is not None:
        body["clock"] = event.clock
    body["s"] = s
    return orjson.dumps(body)


def _selection(selection: Selection) -> dict[str, Any]:
    body: dict[str, Any] = {"id": selection.id, "name": selection.name}
    if selection.side is not None:
        body["side"] = selection.side
    if selection.line is not None:
        body["line"] = selection.line
    _price(body, selection.price)
    if selection.lay is not None:
        body["lay"] = milli_text(selection.lay)
    if selection.size is not None:
        body["size"] = cents_text(selection.size)
    if selection.ltp is not None:
        body["ltp"] = milli_text(selection.ltp)
    body["st"] = selection.st
    return body


def _selection_delta(delta: SelectionDelta) -> dict[str, Any]:
    body: dict[str, Any] = {"id": delta.id}
    if delta.price is not UNSET:
        _price(body, delta.price)
    if delta.lay is not UNSET:
        body["lay"] = None if delta.lay is None else milli_text(delta.lay)
    if delta.size is not UNSET:
        body["size"] = None if delta.size is None else cents_text(delta.size)
    if delta.ltp is not UNSET:
        body["ltp"] = None if delta.ltp is None else milli_text(delta.ltp)
    if delta.st is not UNSET:
        body["st"] = delta.st
    return body


def _price(body: dict[str, Any], price: Price | None) -> None:
    if price is None:
        body["a"] = body["d"] = None
    else:
        body["a"] = price.american
        body["d"] = milli_text(price.milli)
