"""Which reads a principal may make, by class and by whether the event has begun. Pure.

What a plan does not include is refused (403), never left out of a body: so a body is the same bytes for everyone who
may have it, it is made once for all plans, its ETag and cursor mean the same to all, and nobody takes a board with a
hole for the whole board. The problem says what to ask for instead (`class=main`). The catalogue is open to every plan.

Whoever may read everything has no check, so this costs those alone who pay for less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from feeds.contract.book import MarketEntry
from feeds.contract.errors import Refused
from feeds.contract.model import MarketClass
from gateway.access.principal import CLASSES, Principal, Scope
from gateway.api.routes import READS
from gateway.read import views
from gateway.read.book import Lane, ReadBook

_SCOPES: dict[type[views.View], Scope] = {read.view: read.scope for read in READS}

NONE: frozenset[MarketClass] = frozenset()


class Asked(NamedTuple):
    """What a read touches: classes of markets, and whether of an event that has begun."""

    classes: frozenset[MarketClass] = NONE
    begun: bool = False


def check_of(principal: Principal, book: ReadBook) -> Callable[[views.View], None] | None:
    """What raises Refused("insufficient_scope" | "not_in_plan") for a read that is closed; None where none is."""
    if not principal.restricted:
        return None

    def check(view: views.View) -> None:
        scope = _SCOPES.get(type(view))
        if scope not in principal.scopes:
            raise Refused("insufficient_scope", f"this needs the scope {scope}")
        _check(principal, asked(view, book))

    return check


def _check(principal: Principal, asked: Asked) -> None:
    lacking = asked.classes - principal.classes
    if lacking - principal.plan.classes:
        open_ = ", ".join(f"class={name}" for name in sorted(principal.classes))
        raise Refused("not_in_plan", f"the plan {principal.plan.name} has not all of this; ask with {open_}")
    if lacking:
        raise Refused("insufficient_scope", "player props need the scope props; ask for another class")
    if asked.begun and principal.plan.pre_match:
        raise Refused("not_in_plan", f"the plan {principal.plan.name} ends when the event begins")


def asked(view: views.View, book: ReadBook) -> Asked:
    """What a read touches. A view that is not told here touches everything: it is closed to who may not read all."""
    match view:
        case views.SportsView() | views.LeaguesView() | views.EventsView() | views.EventView():
            return Asked()
        case views.FuturesView():  # a season is no match: its futures are sold while it goes on
            return Asked(frozenset(("future",)))
        case views.BoardView():
            return Asked(_classes_of_board(view.cls), begun=_begun(view.id, book))
        case views.MarketView():
            return _asked_of_market(book.market(view.id), book)
    return Asked(CLASSES, begun=True)


def _classes_of_board(cls: MarketClass | None) -> frozenset[MarketClass]:
    """Alternates stand with their main lines, so they touch both."""
    if cls is None:
        return CLASSES
    return frozenset(("main", "alternate")) if cls == "alternate" else frozenset((cls,))


def _asked_of_market(found: tuple[Lane, MarketEntry] | None, book: ReadBook) -> Asked:
    """Of a market that is not there nothing is closed: the answer is that it is not there."""
    if found is None:
        return Asked()
    state = found[1].state
    return Asked(frozenset((state.cls,)), begun=state.cls != "future" and _begun(state.event, book))


def _begun(event_id: str, book: ReadBook) -> bool:
    """Also where the event's own state is not known yet."""
    group = book.group(event_id)
    if group is None or group.event is None:
        return group is not None
    return group.event.state.kind != "outright" and group.event.state.state != "upcoming"
