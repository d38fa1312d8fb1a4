"""Feed messages: XML bytes to spec. Pure and total: any bytes give a message or a Refused, which changes nothing.

Owns what is a message: required attributes, the range of numbers, how many markets and outcomes there may be. Unknown
attributes and elements are passed over, unknown messages are refused. Never holds state and never maps to our model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from feeds.contract.errors import Refused
from feeds.providers.sportradar.spec import (
    MARKET_STATUSES,
    SUSPENDED,
    Alive,
    BetCancel,
    BetSettlement,
    BetStop,
    Cashout,
    FixtureChange,
    Line,
    MarketRef,
    Message,
    OddsChange,
    OddsMarket,
    OutcomeOdds,
    ProductDown,
    RollbackBetCancel,
    RollbackBetSettlement,
    SettledMarket,
    SettledOutcome,
    SnapshotComplete,
    SportEventStatus,
)
from feeds.providers.sportradar.specifiers import canonical
from feeds.providers.sportradar.xml import Element, read_xml

MARKETS_MAX: Final = 5_000
"""Markets of one message."""

OUTCOMES_MAX: Final = 2_000
"""Outcomes of one market."""

ID_CHARACTERS_MAX: Final = 128

_INTEGER = re.compile(r"-?[0-9]{1,15}\Z")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?\Z")
_WHOLE = re.compile(r"([0-9]{1,9})(\.0+)?\Z")
_ABSENT: Final = frozenset({"", "NaN"})


def parse(data: bytes) -> Message:
    """One message. Raises Refused("unknown_message" | "bad_value" | "bad_specifiers"), or the codes of read_xml."""
    root = read_xml(data)
    make = _MESSAGES.get(root.tag)
    if make is None:
        raise Refused("unknown_message", f"not a message of the feed: {root.tag[:80]!r}")
    return make(root)


def integer(element: Element, name: str) -> int:
    """A required whole number. Raises Refused("bad_value")."""
    found = integer_or_none(element, name)
    if found is None:
        raise Refused("bad_value", f"{element.tag[:40]} without {name}")
    return found


def integer_or_none(element: Element, name: str) -> int | None:
    """A whole number where there is one. Raises Refused("bad_value")."""
    text = element.get(name)
    if text is None:
        return None
    if not _INTEGER.match(text):
        raise Refused("bad_value", f"{name} is not a whole number: {text[:40]!r}")
    return int(text)


def identifier(element: Element, name: str = "id") -> str:
    """A required id. Raises Refused("bad_value")."""
    text = element.get(name)
    if not text or len(text) > ID_CHARACTERS_MAX:
        raise Refused("bad_value", f"{element.tag[:40]} without a good {name}")
    return text


def _number(element: Element, name: str) -> str | None:
    text = element.get(name)
    if text is None or text in _ABSENT:
        return None
    if not _NUMBER.match(text):
        raise Refused("bad_value", f"{name} is not a number: {text[:40]!r}")
    return text


def _choice(element: Element, name: str, allowed: frozenset[int]) -> int | None:
    found = integer_or_none(element, name)
    if found is not None and found not in allowed:
        raise Refused("bad_value", f"{name} is not one of {sorted(allowed)}: {found}")
    return found


def _code(element: Element, name: str) -> str | None:
    """A number that only names something."""
    found = integer_or_none(element, name)
    return None if found is None else str(found)


def _flag(element: Element, name: str) -> bool | None:
    found = _choice(element, name, frozenset({0, 1}))
    return None if found is None else found == 1


def _event(root: Element) -> dict[str, Any]:
    return {
        "event_id": identifier(root, "event_id"),
        "timestamp": integer(root, "timestamp"),
        "product": integer_or_none(root, "product"),
        "request_id": integer_or_none(root, "request_id"),
    }


def _system(root: Element) -> dict[str, int]:
    return {"product": integer(root, "product"), "timestamp": integer(root, "timestamp")}


def _children(parent: Element | None, tag: str, most: int) -> list[Element]:
    found = [] if parent is None else parent.findall(tag)
    if len(found) > most:
        raise Refused("bad_value", f"{len(found)} elements {tag}, at most {most} are read")
    return found


def _line(market: Element) -> Line:
    return Line(identifier(market), canonical(market.get("specifiers", "")))


def _odds_change(root: Element) -> Message:
    status = root.find("sport_event_status")
    return OddsChange(
        **_event(root),
        status=None if status is None else _status(status),
        markets=tuple([_odds_market(market) for market in _children(root.find("odds"), "market", MARKETS_MAX)]),
    )


def _status(element: Element) -> SportEventStatus:
    clock = element.find("clock")
    time = None if clock is None else clock.get("match_time")
    return SportEventStatus(
        integer(element, "status"),
        match_status=integer_or_none(element, "match_status"),
        home_score=_score(element, "home_score"),
        away_score=_score(element, "away_score"),
        match_time=time[:16] if time else None,
    )


def _score(element: Element, name: str) -> int | None:
    whole = _WHOLE.match(element.get(name, ""))
    return int(whole[1]) if whole else None


def _odds_market(market: Element) -> OddsMarket:
    return OddsMarket(
        line=_line(market),
        sent_specifiers=market.get("specifiers"),
        status=_choice(market, "status", MARKET_STATUSES),
        favourite=market.get("favourite") == "1",
        outcomes=tuple([_outcome(outcome) for outcome in _children(market, "outcome", OUTCOMES_MAX)]),
    )


def _outcome(outcome: Element) -> OutcomeOdds:
    return OutcomeOdds(
        identifier(outcome),
        odds=_number(outcome, "odds"),
        active=_flag(outcome, "active"),
        team=integer_or_none(outcome, "team"),
        probabilities=_number(outcome, "probabilities"),
    )


def _bet_stop(root: Element) -> Message:
    status = _choice(root, "market_status", MARKET_STATUSES)
    return BetStop(
        **_event(root),
        groups=tuple(group.strip() for group in root.get("groups", "all").split("|") if group.strip()),
        market_status=SUSPENDED if status is None else status,
    )


def _bet_settlement(root: Element) -> Message:
    return BetSettlement(
        **_event(root),
        certainty=_choice(root, "certainty", frozenset({1, 2})) or 2,
        markets=tuple([_settled(market) for market in _children(root.find("outcomes"), "market", MARKETS_MAX)]),
    )


def _settled(market: Element) -> SettledMarket:
    return SettledMarket(
        line=_line(market),
        sent_specifiers=market.get("specifiers"),
        void_reason=_code(market, "void_reason"),
        outcomes=tuple([_settled_outcome(outcome) for outcome in _children(market, "outcome", OUTCOMES_MAX)]),
    )


def _settled_outcome(outcome: Element) -> SettledOutcome:
    result = _choice(outcome, "result", frozenset({-1, 0, 1}))
    if result is None:
        raise Refused("bad_value", "outcome without result")
    return SettledOutcome(
        identifier(outcome), result, _factor(outcome, "void_factor"), _factor(outcome, "dead_heat_factor")
    )


def _factor(outcome: Element, name: str) -> str | None:
    text = _number(outcome, name)
    if text is not None and not 0 <= float(text) <= 1:
        raise Refused("bad_value", f"{name} is not within 0 and 1: {text[:40]!r}")
    return text


def _refs(root: Element) -> tuple[MarketRef, ...]:
    return tuple(
        [
            MarketRef(_line(market), market.get("specifiers"), _code(market, "void_reason"))
            for market in _children(root, "market", MARKETS_MAX)
        ]
    )


def _bet_cancel(root: Element) -> Message:
    start, end = integer_or_none(root, "start_time"), integer_or_none(root, "end_time")
    return BetCancel(**_event(root), start_time=start, end_time=end, markets=_refs(root))


def _rollback_bet_cancel(root: Element) -> Message:
    start, end = integer_or_none(root, "start_time"), integer_or_none(root, "end_time")
    return RollbackBetCancel(**_event(root), start_time=start, end_time=end, markets=_refs(root))


_MESSAGES: Final[Mapping[str, Callable[[Element], Message]]] = {
    "odds_change": _odds_change,
    "bet_stop": _bet_stop,
    "bet_settlement": _bet_settlement,
    "rollback_bet_settlement": lambda root: RollbackBetSettlement(**_event(root), markets=_refs(root)),
    "bet_cancel": _bet_cancel,
    "rollback_bet_cancel": _rollback_bet_cancel,
    "fixture_change": lambda root: FixtureChange(**_event(root), change_type=integer_or_none(root, "change_type")),
    "cashout": lambda root: Cashout(**_event(root)),
    "alive": lambda root: Alive(**_system(root), subscribed=_flag(root, "subscribed") is not False),
    "snapshot_complete": lambda root: SnapshotComplete(**_system(root), request_id=integer(root, "request_id")),
    "product_down": lambda root: ProductDown(**_system(root)),
}
