"""The table of live prices, fitted to a terminal: events with score and clock, a row for each market. Pure.

A row is made of styled pieces and cut to the width before any style becomes an escape sequence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from fanout.contract.replica import Message, Replica
from fanout.watch_view import american, market_name, plain

Style = Literal["", "bold", "dim", "up", "down", "alarm"]

_ESCAPES: dict[Style, str] = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "up": "\x1b[32m",
    "down": "\x1b[31m",
    "alarm": "\x1b[33m",
}
_RESET = "\x1b[0m"
_ARROWS: dict[int, tuple[str, Style]] = {1: ("▲", "up"), -1: ("▼", "down"), 0: (" ", "")}
_CLASSES = ("main", "alternate", "prop", "future", "special")
_STATES = ("live", "upcoming", "ended")
_NAME_COLUMNS = 26


class Piece(NamedTuple):
    """Text in one style."""

    text: str
    style: Style = ""


Row = list[Piece]


def table(replica: Replica, moved: dict[str, int], *, head: Iterable[Row], lines: int) -> list[Row]:
    """At most `lines` rows: the head, then events with their markets, live and main ones first.

    `moved` gives the direction of selections that moved a moment ago. What does not fit is counted in the last row.
    """
    rows = list(head)
    markets = sorted(replica.markets.values(), key=lambda market: _order(market, replica.events))
    event_id = None
    for index, market in enumerate(markets):
        needed = 1 if market["event"] == event_id else 2
        if len(rows) + needed > lines - (1 if index + 1 < len(markets) else 0):
            rows.append([Piece(f"... {len(markets) - index} more markets", "dim")])
            break
        if market["event"] != event_id:
            event_id = market["event"]
            rows.append(_event_row(replica.events.get(event_id), market))
        rows.append(_market_row(market, replica, moved))
    return rows[:lines]


def render(row: Row, *, columns: int, colour: bool) -> str:
    """The row in at most so many columns."""
    parts: list[str] = []
    for piece in row:
        text = plain(piece.text)[:columns]
        columns -= len(text)
        escape = _ESCAPES.get(piece.style, "") if colour else ""
        parts.append(f"{escape}{text}{_RESET}" if escape and text else text)
    return "".join(parts)


def _order(market: Message, events: dict[str, Message]) -> tuple[int, str, str, int, str, str]:
    event = events.get(market["event"], {})
    state = _STATES.index(event["state"]) if event.get("state") in _STATES else len(_STATES)
    cls = _CLASSES.index(market["class"]) if market["class"] in _CLASSES else len(_CLASSES)
    return state, event.get("start", ""), market["topic"], cls, market_name(market), market["id"]


def _event_row(event: Message | None, market: Message) -> Row:
    if event is None:
        return [Piece(market["topic"], "bold")]
    row = [Piece(event["name"], "bold"), Piece(f"  {event['topic']}", "dim")]
    score = event.get("score")
    if score is not None:
        row.append(Piece(f"  {score['home']}-{score['away']}", "bold"))
    row.append(Piece(f"  {event.get('clock') or event['state']}"))
    return row


def _market_row(market: Message, replica: Replica, moved: dict[str, int]) -> Row:
    status = replica.status(market)
    row = [Piece(f"  {market_name(market)[:_NAME_COLUMNS]:<{_NAME_COLUMNS}}")]
    for selection in market["x"]:
        arrow, style = _ARROWS[moved.get(selection["id"], 0)]
        shut = status != "open" or selection["st"] != "open"
        row.append(Piece(f"  {selection['name']} ", "dim"))
        row.append(Piece(american(selection["a"]), "dim" if shut else style or "bold"))
        row.append(Piece(f" {arrow}", style))
    if status != "open":
        reason = market.get("reason") if market["st"] == status else market["src"] + " not live"
        row.insert(1, Piece(f" {status}" + (f" ({reason})" if reason else ""), "alarm"))
    return row
