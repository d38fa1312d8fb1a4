"""What was, by market, by event, by moment and by cursor: the archive as a library for the gateway. Writes nothing.

Moments are microseconds of Unix time by the log's clock. Every call raises DatabaseUnavailable.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from fanout.contract.cursor import decode_cursor
from feeds.contract.freshness import SourceState
from feeds.contract.model import Event, Market
from feeds.contract.records import decode_record
from feeds.contract.subjects import event_subject
from gateway.history.answers import Bar, Interval, LineEnds, NotInHistory, PastBoard, PastPrice, PastState, Proof, judge
from gateway.history.rows import at_time, decoded_form, market_key, market_of, numbers_of_row, time_us
from gateway.history.sql import statement
from gateway.history.tables import heard_of
from gateway.store.pool import Database, Row

STATES_MAX = 20_000
"""States of one answer; who wants more goes on behind the last one."""

WIDTHS: Final[dict[Interval, timedelta]] = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1)}

END_OF_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)

_ANY_LOG: Final = 32_767
_ANY_S: Final = 2**62


class Point(NamedTuple):
    """A position of one lane's log, and the first moment known to be at or behind it."""

    log: int
    s: int
    at_us: int


class HistoryReads:
    """The questions. One object serves any number of askers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def states(
        self, market_id: str, *, from_us: int, to_us: int, from_s: int = 0, most: int = STATES_MAX
    ) -> list[PastState]:
        """Every state a market had from a moment to before another, at most `most`: what stood at the beginning first.

        Who got `most` goes on at the last one's `at_us` with `from_s` behind its `s`.
        """
        key, begin = market_key(market_id), at_time(from_us)
        values = (key, begin, at_time(to_us), min(most, STATES_MAX), from_s)
        rows = await self._database.fetch(statement("states_between"), *values)
        if not from_s:
            standing = await self._database.row(statement("state_as_of"), key, begin, _ANY_LOG, _ANY_S)
            if standing is not None and standing["ts_log"] < begin:
                rows.insert(0, standing)
        return states_of(rows)

    async def prices(self, market_id: str, selection_id: str, *, from_us: int, to_us: int) -> list[PastPrice]:
        """Every price of one selection, from a moment to before another: what a chart needs, at a third of the cost."""
        values = (market_key(market_id), selection_id, at_time(from_us), at_time(to_us), STATES_MAX)
        rows = await self._database.fetch(statement("prices_between"), *values)
        return [PastPrice(time_us(at), s, milli, on_offer) for at, s, milli, on_offer in rows]

    async def bars(self, market_id: str, interval: Interval, *, from_us: int, to_us: int) -> list[Bar]:
        """Open, high, low and close of every selection, by interval."""
        kept_from = await self._database.row(statement("kept_from"))
        assert kept_from is not None
        rows = await self._database.fetch(
            statement("bars"),
            *(market_key(market_id), at_time(from_us), at_time(to_us), WIDTHS[interval], kept_from["at"]),
        )
        return [
            Bar(
                row["selection"],
                time_us(row["start"]),
                row["open"],
                row["high"],
                row["low"],
                row["close"],
                row["changes"],
            )
            for row in rows
        ]

    async def board_at(self, event_id: str, at_us: int) -> PastBoard:
        """An event as it stood at a moment. Raises NotInHistory."""
        await self._covered(at_us)
        board = await self._board(event_id, Point(_ANY_LOG, _ANY_S, at_us))
        log = max((state.log for state in board.states), default=0)
        return _with_sources(board, await self._sources(Point(log, _ANY_S, at_us)))

    async def board_at_cursor(self, event_id: str, cursor: str) -> PastBoard:
        """An event as a device at this cursor held it. Raises NotInHistory."""
        point = await self._point(cursor, event_id)
        return _with_sources(await self._board(event_id, point), await self._sources(point))

    async def line_ends(self, market_id: str) -> LineEnds:
        """The opening and the closing line of a market."""
        rows = await self._database.fetch(statement("line_ends"), market_key(market_id))
        ends = {row["which"]: _state(row) for row in rows}
        known = await self._database.row(statement("kept_whole"), market_key(market_id))
        return LineEnds(market_id, ends.get("opening"), ends.get("closing"), known is not None and known["whole"])

    async def chain(self, market_id: str) -> list[str]:
        """This market, those it replaced and those that replaced it, oldest first; none where it is unknown."""
        return [row["id"] for row in await self._database.fetch(statement("chain"), market_id)]

    async def movement(self, market_id: str) -> list[LineEnds]:
        """How a line moved: the ends of each market of its chain."""
        return [await self.line_ends(one) for one in await self.chain(market_id)]

    async def known(self, market_id: str) -> tuple[int, PastState] | None:
        """When a market was first archived, and its newest state; None: it never was, or is no longer kept."""
        key = market_key(market_id)
        row = await self._database.row("SELECT first_ts_log FROM history.market WHERE market = $1", key)
        newest = await self._database.row(statement("state_as_of"), key, END_OF_TIME, _ANY_LOG, _ANY_S)
        return None if row is None or newest is None else (time_us(row["first_ts_log"]), _state(newest))

    async def was_live(self, market_id: str, selection_id: str, milli: int, cursor: str) -> Proof:
        """Whether a device at this cursor was shown this price, and could have had it."""
        key = market_key(market_id)
        known = await self._database.row("SELECT event FROM history.market WHERE market = $1", key)
        if known is None:
            return judge(None, selection_id, milli, "down")
        try:
            point = await self._point(cursor, known["event"])
            row = await self._database.row(statement("state_as_of"), key, at_time(point.at_us), point.log, point.s)
            state = None if row is None else _state(row)
            await self._no_hole(state, point)
        except NotInHistory as refusal:
            return Proof(live=False, doubt=refusal.code, state=None)
        sources = await self._sources(point)
        source = "down" if state is None else sources.get(state.market.src, "down")
        return judge(state, selection_id, milli, source)

    async def _board(self, event_id: str, point: Point) -> PastBoard:
        values = (event_id, at_time(point.at_us), point.log, point.s)
        event = await self._database.row(statement("event_as_of"), *values)
        rows = await self._database.fetch(statement("states_as_of"), *values)
        return PastBoard(
            None if event is None else event_of(event),
            0 if event is None else event["s"],
            states_of(rows),
            {},
            point.at_us,
        )

    async def _point(self, cursor: str, event_id: str) -> Point:
        """Where a cursor stands in the lane of an event. Raises NotInHistory."""
        decoded = decode_cursor(cursor)
        if decoded is None:
            raise NotInHistory("bad_cursor", "not a cursor")
        row = await self._database.row(statement("log_of_epoch"), event_id, decoded.epoch)
        if row is None:
            raise NotInHistory("unknown_epoch", f"no log of epoch {decoded.epoch} is archived for this event")
        s = decoded.positions.get(row["lane"])
        if s is None or s > _ANY_S:
            raise NotInHistory("bad_cursor", "the cursor does not touch the event's lane")
        time = await self._database.row(statement("time_of"), row["log"], s)
        if time is None or time["at"] is None:
            raise NotInHistory("not_archived_yet", f"the archive has not come to position {s}")
        at_us = time_us(time["at"])
        await self._covered(at_us)
        return Point(row["log"], s, at_us)

    async def _covered(self, at_us: int) -> None:
        kept_from = await self._database.row(statement("kept_from"))
        assert kept_from is not None
        if at_time(at_us) < kept_from["at"]:
            raise NotInHistory("not_covered", "changes of that time are no longer kept")

    async def _no_hole(self, state: PastState | None, point: Point) -> None:
        """Raises NotInHistory where the archive lacks something between the state and the point."""
        after = state.s if state is not None and state.log == point.log else 0
        sql = "SELECT 1 FROM history.hole WHERE log = $1 AND last_s > $2 AND first_s <= $3 LIMIT 1"
        if await self._database.row(sql, point.log, after, point.s) is not None:
            raise NotInHistory("hole", "records between the state and the cursor were lost")

    async def _sources(self, point: Point) -> dict[str, SourceState]:
        rows = await self._database.fetch(statement("sources_as_of"), point.log, point.s, at_time(point.at_us))
        return {heard.source: heard.state_at(point.at_us) for heard in map(heard_of, rows)}


def _with_sources(board: PastBoard, sources: dict[str, SourceState]) -> PastBoard:
    """The board with its markets' sources that were not live; one that was never heard of is down."""
    named = {state.market.src for state in board.states}
    not_live = {source: state for source in named if (state := sources.get(source, "down")) != "live"}
    return PastBoard(board.event, board.event_s, board.states, not_live, board.at_us)


def _state(row: Row) -> PastState:
    return states_of([row])[0]


def states_of(rows: list[Row]) -> list[PastState]:
    """Stored changes with their forms as states; a form that comes again is decoded once."""
    forms: dict[str, Market] = {}
    states: list[PastState] = []
    for row in rows:
        body = row["body"]
        form = forms.get(body)
        if form is None:
            form = forms[body] = decoded_form(body)
        states.append(PastState(market_of(form, numbers_of_row(row)), time_us(row["ts_log"]), row["log"], row["s"]))
    return states


def event_of(row: Row) -> Event:
    """A stored state of an event."""
    event = decode_record(event_subject(0, "sport.league.event"), row["body"].encode())
    assert isinstance(event, Event)
    return event
