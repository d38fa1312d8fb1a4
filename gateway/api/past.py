"""What was, as the API tells it: parameters of the questions about history, and bodies of their answers.

A page of a question is bounded in what it reads and in what it says; a token leads on. Times are RFC 3339, of the log's
clock, to the microsecond.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
import orjson

from fanout.contract.codec import event_json
from fanout.contract.cursor import decode_cursor
from feeds.contract.errors import Refused
from feeds.contract.model import Market, MarketClass
from gateway.access.principal import CLASSES, Principal
from gateway.history.answers import Interval, NotInHistory, PastBoard, PastState
from gateway.history.reads import WIDTHS, HistoryReads
from gateway.history.rows import at_time
from gateway.history.rows import time_us as us_of
from gateway.read.odds import OddsFormat, market_bytes, price_shown
from gateway.read.ordering import standing, with_main_lines
from gateway.read.paging import make_token, read_token
from gateway.read.views import Id, Token, check_player

PAGE_STATES = 200
"""States of a page of raw history: some 3 ms of the worker's thread."""

PAGE_INTERVALS: Final[dict[Interval, int]] = {"1m": 1_440, "1h": 744}
"""Intervals that a page of bars looks at, each with a bar or without: a day, a month."""

PAGE_LINES = 20
"""Markets of a page of a line's movement."""

TURN_STATES = 50
"""States that are told in one go; then whatever waits for the loop has its turn."""

AS_OF_CHARS_MAX = 1_280
"""A cursor over 64 lanes is shorter."""

US_MAX: Final = 7_258_118_400_000_000
"""The year 2200. Nothing was before 1970 or is after this: times beyond are taken for these."""

Moment = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339; an offset's + is to be written %2B")]
AsOf = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=AS_OF_CHARS_MAX,
        description="the board as it stood: at a time, RFC 3339, or as a device at this cursor held it",
        examples=["2026-09-21T20:00:00Z"],
    ),
]


class PricesAsked(msgspec.Struct, frozen=True):
    """Every past state of a market from a time to before another, what stood at the beginning first; or, by interval,
    open, high, low and close of what was on offer: an interval in which no price changed has no bar."""

    id: Id
    from_: Moment | None = msgspec.field(name="from", default=None)
    to: Moment | None = None
    interval: Literal["raw", "1m", "1h"] = "raw"
    odds_format: OddsFormat | None = None
    page_token: Token | None = None

    def __post_init__(self) -> None:
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            raise Refused("contradictory_parameters", "from is after to")


class LineAsked(msgspec.Struct, frozen=True):
    """How a line opened and closed, across the markets that replaced each other as it moved, oldest first. Opening: the
    first state on offer; closing: the last on offer before it went in play. `whole` is false where the market is older
    than what is kept."""

    id: Id
    odds_format: OddsFormat | None = None
    page_token: Token | None = None


class BoardAsked(msgspec.Struct, frozen=True):
    """The board of an event as it stood."""

    id: Id
    as_of: AsOf
    cls: MarketClass | None = msgspec.field(name="class", default=None)
    player: Id | None = None
    odds_format: OddsFormat | None = None

    def __post_init__(self) -> None:
        check_player(self.cls, self.player)


Asked = PricesAsked | LineAsked | BoardAsked


class _Entry(NamedTuple):
    """A past market where gateway/read/ordering.py takes one of the book's."""

    state: Market
    s: int


async def told(asked: Asked, reads: HistoryReads, who: Principal | None) -> bytes | None:
    """The body of an answer, of what `who` may read; None where nothing is known of what was asked.

    Raises Refused, DatabaseUnavailable.
    """
    limits = who if who is not None and who.restricted else None
    try:
        match asked:
            case PricesAsked():
                return await _prices(asked, reads, limits)
            case LineAsked():
                return await _line(asked, reads, limits)
            case BoardAsked():
                return await _board(asked, reads, limits)
    except NotInHistory as error:
        codes = {"bad_cursor": "bad_cursor", "not_archived_yet": "not_archived_yet"}
        raise Refused(codes.get(error.code, "not_in_history"), str(error)) from error


async def _prices(asked: PricesAsked, reads: HistoryReads, limits: Principal | None) -> bytes | None:
    known = await reads.known(asked.id)
    if known is None:
        return None
    began_us, newest = known
    _check(limits, {newest.market.cls}, begun=newest.market.live)
    from_us, to_us = _us(asked.from_, began_us), _us(asked.to, time.time_ns() // 1_000)
    scope = f"history {asked.id} {asked.interval} {asked.from_} {asked.to}"
    place = (from_us, 0) if asked.page_token is None else _place(scope, asked.page_token)
    if asked.interval == "raw":
        items, after = await _states(asked, reads, place, to_us)
    else:
        items, after = await _bars(asked, asked.interval, reads, max(place[0], began_us), to_us)
    return _page(items, None if after is None else make_token(scope, tuple(map(str, after))))


async def _states(
    asked: PricesAsked, reads: HistoryReads, place: tuple[int, int], to_us: int
) -> tuple[list[bytes], tuple[int, int] | None]:
    from_us, from_s = place
    states = await reads.states(asked.id, from_us=from_us, to_us=to_us, from_s=from_s, most=PAGE_STATES + 1)
    page = states[:PAGE_STATES]
    items = await _encoded(page, asked.odds_format)
    if len(states) <= PAGE_STATES:
        return items, None
    return items, (max(page[-1].at_us, from_us), page[-1].s + 1)


async def _bars(
    asked: PricesAsked, interval: Interval, reads: HistoryReads, from_us: int, to_us: int
) -> tuple[list[bytes], tuple[int, int] | None]:
    width_us = int(WIDTHS[interval].total_seconds()) * 1_000_000
    end_us = from_us - from_us % width_us + PAGE_INTERVALS[interval] * width_us
    bars = await reads.bars(asked.id, interval, from_us=from_us, to_us=min(end_us, to_us))
    items = [
        orjson.dumps(
            {
                "selection": bar.selection,
                "start": _text(bar.start_us),
                **{
                    name: price_shown(getattr(bar, name), asked.odds_format)
                    for name in ("open", "high", "low", "close")
                },
                "changes": bar.changes,
            }
        )
        for bar in bars
    ]
    return items, (end_us, 0) if end_us < to_us else None


async def _line(asked: LineAsked, reads: HistoryReads, limits: Principal | None) -> bytes | None:
    chain, known = await reads.chain(asked.id), await reads.known(asked.id)
    if not chain or known is None:
        return None
    newest = known[1].market
    _check(limits, {newest.cls}, begun=newest.live)
    scope = f"line {asked.id}"
    first = 0 if asked.page_token is None else _place(scope, asked.page_token)[0]
    items = []
    for market_id in chain[first : first + PAGE_LINES]:
        ends = await reads.line_ends(market_id)
        opening, closing = [
            b"null" if state is None else _state(state, asked.odds_format) for state in (ends.opening, ends.closing)
        ]
        words = (orjson.dumps(market_id), orjson.dumps(ends.whole), opening, closing)
        items.append(b'{"market":%b,"whole":%b,"opening":%b,"closing":%b}' % words)
    after = first + PAGE_LINES
    return _page(items, make_token(scope, (str(after), "0")) if after < len(chain) else None)


async def _board(asked: BoardAsked, reads: HistoryReads, limits: Principal | None) -> bytes | None:
    at = _moment(asked.as_of)
    if at is not None:
        board = await reads.board_at(asked.id, _us(at, 0))
    elif decode_cursor(asked.as_of) is not None:
        board = await reads.board_at_cursor(asked.id, asked.as_of)
    else:
        raise Refused("bad_parameter", "as_of: neither a time, RFC 3339, nor a cursor")
    if board.event is None:
        return None
    outright = board.event.kind == "outright"
    _check(limits, _classes(asked.cls), begun=board.event.state != "upcoming" and not outright)
    chosen = _chosen(asked, board)
    items = await _in_turns([market_bytes(one.state, one.s, asked.odds_format)] for one in chosen)
    event = event_json(board.event, board.event_s)
    return b'{"event":%b,"items":[%b],"src":%b}' % (event, b",".join(items), orjson.dumps(dict(board.sources)))


def _check(limits: Principal | None, classes: AbstractSet[MarketClass], *, begun: bool) -> None:
    """As of the odds as they stand: what a plan lacks is refused, never left out (gateway/access/entitlement.py).

    Raises Refused("not_in_plan" | "insufficient_scope"). A plan that ends when an event begins has nothing of the past
    of what went in play either.
    """
    if limits is None:
        return
    lacking = classes - limits.classes
    if lacking - limits.plan.classes or (begun and limits.plan.pre_match):
        raise Refused("not_in_plan", f"the plan {limits.plan.name} does not have this")
    if lacking:
        raise Refused("insufficient_scope", "player props need the scope props; ask for another class")


def _classes(cls: MarketClass | None) -> AbstractSet[MarketClass]:
    """What a board of a class holds: alternates stand with their main lines."""
    if cls is None:
        return CLASSES
    return {"main", "alternate"} if cls == "alternate" else {cls}


def _chosen(asked: BoardAsked, board: PastBoard) -> list[_Entry]:
    """The markets that are asked for, in the order of boards."""
    entries = sorted((_Entry(state.market, state.s) for state in board.states), key=standing)
    if asked.cls == "alternate":
        return with_main_lines(entries)
    return [
        entry
        for entry in entries
        if asked.cls in (None, entry.state.cls)
        and (asked.player is None or (entry.state.subject is not None and entry.state.subject.id == asked.player))
    ]


async def _encoded(states: list[PastState], odds: OddsFormat | None) -> list[bytes]:
    return await _in_turns([_state(state, odds)] for state in states)


async def _in_turns(made: Iterable[list[bytes]]) -> list[bytes]:
    """All that is made, a few at a time."""
    items: list[bytes] = []
    for number, one in enumerate(made):
        items += one
        if number % TURN_STATES == TURN_STATES - 1:
            await asyncio.sleep(0)
    return items


def _state(state: PastState, odds: OddsFormat | None) -> bytes:
    return b'{"at":"%b","market":%b}' % (_text(state.at_us).encode(), market_bytes(state.market, state.s, odds))


def _page(items: list[bytes], token: str | None) -> bytes:
    return b'{"items":[%b],"next_page_token":%b}' % (b",".join(items), orjson.dumps(token))


def _place(scope: str, token: str) -> tuple[int, int]:
    """Two numbers of a token. Raises Refused("bad_page_token")."""
    key = read_token(scope, token)
    try:
        first, second = map(int, key)
    except ValueError as error:
        raise Refused("bad_page_token", "page_token is not one that this list gave") from error
    if not (0 <= first <= US_MAX and 0 <= second <= US_MAX):
        raise Refused("bad_page_token", "page_token is not one that this list gave")
    return first, second


def _moment(text: str) -> datetime | None:
    try:
        return msgspec.convert(text, Moment)
    except msgspec.ValidationError:
        return None


def _us(moment: datetime | None, default: int) -> int:
    return default if moment is None else max(0, min(us_of(moment), US_MAX))


def _text(moment_us: int) -> str:
    return at_time(moment_us).isoformat(timespec="microseconds").replace("+00:00", "Z")
