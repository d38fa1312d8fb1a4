"""One line's market, and one event, as contract states. Pure functions of how they stand.

Owns statuses and prices. A price is shown while the market is offered, also when it is suspended; an outcome that is
not active, or has no odds that can be bet at, is inactive and shows none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from feeds.contract.errors import Refused
from feeds.contract.model import Event, EventState, Market, MarketClass, Score, Selection, Status
from feeds.contract.prices import Price, price_from_decimal
from feeds.providers.sportradar.book import EventBook
from feeds.providers.sportradar.layout import EventPlan, LinePlan, OutcomePlan
from feeds.providers.sportradar.lines import LineView, Standing
from feeds.providers.sportradar.spec import UNDECIDED, OutcomeOdds, SettledMarket, SportEventStatus

_STATUS: Final[Mapping[Standing, Status]] = {
    "active": "open",
    "suspended": "suspended",
    "inactive": "inactive",
    "settled": "settled",
    "void": "void",
}


def market_state(
    *, plan: LinePlan, event: EventPlan, book: EventBook, cls: MarketClass, view: LineView, ts: int
) -> Market | None:
    """A line as a market. None where it has no outcomes yet, or names are missing, which are wanted then."""
    closed = book.closed and not view.ended
    st: Status = "closed" if closed else _STATUS[view.standing]
    market_id = plan.market_id(cls)
    selections: list[Selection] = []
    unnamed = False
    decided = _decided(view.settlement)
    for odds in book.lines[plan.line].known_outcomes():
        outcome = plan.outcome(odds.id)
        if outcome is None:
            unnamed = True
            continue
        over = st if st in ("settled", "void", "closed") else "settled" if odds.id in decided else None
        selections.append(_selection(plan.selection_id(market_id, odds.id), outcome, odds, over))
    if unnamed or not selections:
        return None
    return Market(
        id=market_id,
        event=event.identity.id,
        topic=event.topic,
        cls=cls,
        type=plan.kind.type,
        period=plan.kind.period,
        src=event.src,
        ts=ts,
        st=st,
        selections=tuple(selections),
        live=book.live,
        group=plan.group_id(cls),
        line=plan.kind.line,
        subject=plan.subject,
        reason=None if closed else view.reason,
        gone=view.ended or closed,
    )


def _selection(selection_id: str, outcome: OutcomePlan, odds: OutcomeOdds, over: Status | None) -> Selection:
    price = _price(odds.odds) if over is None and odds.odds is not None and odds.active is not False else None
    st: Status = over or ("open" if price is not None else "inactive")
    return Selection(selection_id, outcome.name, st, price, outcome.side, outcome.line)


def _decided(settlement: SettledMarket | None) -> frozenset[str]:
    if settlement is None:
        return frozenset()
    return frozenset(outcome.id for outcome in settlement.outcomes if outcome.result != UNDECIDED)


@lru_cache(maxsize=8192)
def _price(odds: str) -> Price | None:
    """Odds as a price. None: out of range, as 1.0 is, and no price that can be bet at."""
    try:
        return price_from_decimal(odds)
    except Refused:
        return None


def event_state(plan: EventPlan, book: EventBook, *, all_ended: bool, ts: int) -> Event:
    """An event as it stands. Played to its end, it has ended when all its markets have."""
    state: EventState = "live" if book.live or book.over else "upcoming"
    if book.closed or (book.over and all_ended):
        state = "ended"
    event = plan.event(ts)
    status = book.status
    return replace(
        event, state=state, score=_score(status), clock=status.match_time if status and state == "live" else None
    )


def _score(status: SportEventStatus | None) -> Score | None:
    if status is None or status.home_score is None or status.away_score is None:
        return None
    return Score(status.home_score, status.away_score)
