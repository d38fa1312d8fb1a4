"""A slate for measuring: markets that change one after the other, evenly, every change of the same size. Pure.

The same updates as states for the log, and as the bytes a device is to get, for peers that have no log.
"""

from __future__ import annotations

import re

from fanout.contract.codec import delta_json
from feeds.contract.book import Delta, SelectionDelta
from feeds.contract.model import Event, Market, Selection, Side
from feeds.contract.prices import Price, price_from_milli
from feeds.contract.subjects import lane_of, source_id

TOPIC = "football.bench"
"""Everybody listens to the whole of it."""

QUIET_TOPIC = "football.quiet"
"""Nothing is here: to connect to it costs no image."""

MARKETS_PER_EVENT = 50
FEED = "bench"

DELTA_TS = re.compile(rb'"p":\d+,"s":\d+,"ts":(\d+),')
"""One DELTA on the wire, and when its update was made (Unix ms)."""

DELTA_MARK = b'"p":'
"""Stands once in every DELTA and nowhere else in a frame."""

_PRICES = tuple(price_from_milli(milli) for milli in range(1850, 1990, 7))


def events(markets: int) -> list[Event]:
    """The events of so many markets."""
    count = -(-markets // MARKETS_PER_EVENT)
    return [_event(number) for number in range(count)]


def market(number: int, turn: int, *, lanes: int, ts: int) -> Market:
    """Market `number` as of its change number `turn`: both prices have moved since the one before."""
    event = f"E{number // MARKETS_PER_EVENT}"
    return Market(
        id=f"M{number:04}",
        event=event,
        topic=f"{TOPIC}.{event}",
        cls="main",
        type="total",
        period="game",
        src=source_id(FEED, lane_of(event, lanes)),
        ts=ts,
        st="open",
        live=True,
        line="47.5",
        selections=tuple(
            Selection(id=f"M{number:04}-{side}", name=f"{side} 47.5", side=side, line="47.5", price=price)
            for side, price in _sides(turn)
        ),
    )


def delta(number: int, turn: int, *, s: int, ts: int) -> bytes:
    """The same change as a device gets it."""
    changed = tuple(SelectionDelta(f"M{number:04}-{side}", price=price) for side, price in _sides(turn))
    return delta_json(Delta(f"M{number:04}", s, ts, selections=changed), max(1, s - 1000))


def _event(number: int) -> Event:
    return Event(
        id=f"E{number}",
        topic=f"{TOPIC}.E{number}",
        name=f"Away {number} @ Home {number}",
        start="2026-09-21T20:00:00Z",
        state="live",
        ts=0,
    )


def _sides(turn: int) -> tuple[tuple[Side, Price], tuple[Side, Price]]:
    return ("over", _PRICES[turn % len(_PRICES)]), ("under", _PRICES[(turn + 7) % len(_PRICES)])
