"""Whether a bet may be placed, as a list of checks: each one verdict, with a stable code. Pure.

What they look at is the worker's own book, as `Quote`s. None of them knows of money or of other bets: those are decided
in the database, under the lock of the wallet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from feeds.contract.freshness import SourceState
from feeds.contract.model import Event, Market, Selection
from feeds.contract.prices import milli_text
from gateway.bets.asked import Asked, Leg
from gateway.money.amounts import amount_text, payout_of


class Quote(NamedTuple):
    """A market as the worker's book has it. `s`: position of its state. `ready`: the book holds its lane, and heard of
    it lately. `same_epoch`: the client's cursor is of this log, or it named none."""

    market: Market | None
    event: Event | None
    s: int
    source: SourceState
    ready: bool
    same_epoch: bool = True

    @property
    def live(self) -> bool:
        """Whether it is bet on in play."""
        return (self.market is not None and self.market.live) or (self.event is not None and self.event.state == "live")

    def selection(self, selection_id: str) -> Selection | None:
        """One of its outcomes."""
        found = () if self.market is None else self.market.selections
        return next((each for each in found if each.id == selection_id), None)


class Bounds(NamedTuple):
    """Limits of one bet, in minor units."""

    stake_min: int
    stake_max: int
    payout_max: int


class Seen(NamedTuple):
    """What a bet is checked against: a quote for each leg."""

    quotes: tuple[Quote, ...]
    bounds: Bounds


class Verdict(NamedTuple):
    """Why not. `more`: what the client needs to go on."""

    code: str
    detail: str
    more: Mapping[str, object] = {}


Check = Callable[[Asked, Seen], Verdict | None]


def _pairs(asked: Asked, seen: Seen) -> Sequence[tuple[Leg, Quote]]:
    return tuple(zip(asked.legs, seen.quotes, strict=True))


def book_is_ready(asked: Asked, seen: Seen) -> Verdict | None:
    """A book that is not whole, or that has heard nothing lately, knows no price."""
    del asked
    if all(quote.ready for quote in seen.quotes):
        return None
    return Verdict("not_ready", "this worker does not hold the odds of it at the moment")


def markets_are_known(asked: Asked, seen: Seen) -> Verdict | None:
    """Ids that are none of ours."""
    for leg, quote in _pairs(asked, seen):
        if quote.market is None:
            return Verdict("unknown_market", f"there is no market {leg.market}", {"market": leg.market})
        if not quote.market.gone and quote.selection(leg.selection) is None:
            text = f"market {leg.market} has no selection {leg.selection}"
            return Verdict("unknown_selection", text, {"market": leg.market, "selection": leg.selection})
    return None


def events_differ(asked: Asked, seen: Seen) -> Verdict | None:
    """Legs of one event depend on each other."""
    del asked
    events = [quote.market.event for quote in seen.quotes if quote.market is not None]
    if len(set(events)) == len(events):
        return None
    return Verdict("same_event", "the legs of a parlay are of different events")


def markets_are_open(asked: Asked, seen: Seen) -> Verdict | None:
    """Open, with a price, of a source that is live."""
    for leg, quote in _pairs(asked, seen):
        why = _not_open(leg, quote)
        if why is not None:
            more: dict[str, object] = {"market": leg.market, "reason": why}
            if quote.market is not None and quote.market.replaced_by is not None:
                more["replaced_by"] = quote.market.replaced_by
            return Verdict("market_not_open", f"market {leg.market}: {why}", more)
    return None


def _not_open(leg: Leg, quote: Quote) -> str | None:
    market, selection = quote.market, quote.selection(leg.selection)
    if market is None:
        return "unknown"
    if market.gone or market.st != "open":
        return "gone" if market.gone else market.st
    if quote.event is None or quote.event.state == "ended":
        return "ended"
    if quote.source == "down" or (quote.source == "stale" and quote.live):
        return "suspended"
    if selection is None or selection.st != "open" or selection.price is None:
        return "suspended"
    return None


def book_is_not_behind(asked: Asked, seen: Seen) -> Verdict | None:
    """A client that saw a later state than this worker has is not to be told an older price."""
    for leg, quote in _pairs(asked, seen):
        if quote.same_epoch and leg.s > quote.s:
            return Verdict("book_behind", f"market {leg.market} is at {quote.s} here", {"market": leg.market})
    return None


def prices_are_kept(asked: Asked, seen: Seen) -> Verdict | None:
    """The price that is given is one the policy takes. Told are all legs as they stand."""
    if all(_takes(leg, struck(leg, quote)) for leg, quote in _pairs(asked, seen)):
        return None
    legs = [
        {"market": leg.market, "selection": leg.selection, "price": milli_text(struck(leg, quote)), "s": quote.s}
        for leg, quote in _pairs(asked, seen)
    ]
    return Verdict("odds_changed", "the odds are not what was asked for", {"legs": legs})


def struck(leg: Leg, quote: Quote) -> int:
    """The price of an open leg, in thousandths."""
    selection = quote.selection(leg.selection)
    assert selection is not None
    assert selection.price is not None
    return selection.price.milli


def _takes(leg: Leg, milli: int) -> bool:
    if leg.exact:
        return milli == leg.asked
    return leg.slip is None or milli >= leg.asked - leg.slip


def stake_is_within(asked: Asked, seen: Seen) -> Verdict | None:
    """The house's limits, and those a desk has set for a market."""
    desks = [quote.market.desk for quote in seen.quotes if quote.market is not None]
    most = min([seen.bounds.stake_max, *(desk.max_stake for desk in desks if desk and desk.max_stake is not None)])
    if not seen.bounds.stake_min <= asked.stake <= most:
        least = amount_text(seen.bounds.stake_min, asked.currency)
        more = {"min_stake": least, "max_stake": amount_text(most, asked.currency)}
        return Verdict("limit_exceeded", f"a stake is {least} to {more['max_stake']} here", more)
    prices = [struck(leg, quote) for leg, quote in _pairs(asked, seen)]
    if payout_of(asked.stake, prices) > seen.bounds.payout_max:
        most_text = amount_text(seen.bounds.payout_max, asked.currency)
        return Verdict("limit_exceeded", f"a bet pays {most_text} at most", {"max_payout": most_text})
    return None


CHECKS: tuple[Check, ...] = (
    book_is_ready,
    markets_are_known,
    events_differ,
    markets_are_open,
    book_is_not_behind,
    prices_are_kept,
    stake_is_within,
)
"""In this order; the first that says something is what the client is told."""

RECHECKS: tuple[Check, ...] = (book_is_ready, markets_are_known, markets_are_open, prices_are_kept)
"""After the in-play delay."""


def verdict_on(asked: Asked, seen: Seen, checks: Sequence[Check] = CHECKS) -> Verdict | None:
    """The first verdict against it, or None: it may be placed."""
    for check in checks:
        verdict = check(asked, seen)
        if verdict is not None:
            return verdict
    return None
