"""What can be read, as values: each view is the parameters of one call, validated, and knows how its body is made.

A view is the key under which forms of its body are kept, so equal parameters share them. `body` gives None for what is
not there; it raises Refused for parameters that contradict each other or a page token that is none, and NotJoined
where the answer cannot be known yet. Adding a read is one class here and one line in gateway/api/routes.py.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, NamedTuple

import msgspec
import orjson

from feeds.contract.book import EventEntry, MarketEntry
from feeds.contract.errors import Refused
from feeds.contract.freshness import SourceState
from feeds.contract.model import EventState, MarketClass
from gateway.read.book import (
    EVENTS,
    FUTURES,
    LEAGUES,
    Group,
    Lane,
    ReadBook,
    board_subjects,
    by_start,
    event_subject,
    market_subject,
)
from gateway.read.encoded import Encoded
from gateway.read.odds import OddsFormat
from gateway.read.ordering import with_main_lines
from gateway.read.paging import TOKEN_CHARS_MAX, make_token, read_token

PAGE_ITEMS = 100
"""Items of a page of sports, leagues or events; more follow with its token."""

PAGE_BOARDS = 20
"""Boards of a page of futures."""

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="our own id, as on the stream")]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{1,48}$", description="a sport, as in topics")]
League = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9_-]{1,48}(\.[a-z0-9_-]{1,48})?$",
        description="a league, `nfl`, or with its sport, `football.nfl`",
    ),
]
Token = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_-]+$", max_length=TOKEN_CHARS_MAX, description="next_page_token of the page before"
    ),
]


class NotJoined(Exception):
    """The lane that would know is not held whole yet."""


class Body(NamedTuple):
    """A body and what it says. `version`: equal only where the body is. `cursor_lanes`: what its topics touch."""

    data: bytes
    version: bytes
    cursor_lanes: Sequence[Lane]
    source: SourceState = "live"


class Reading(NamedTuple):
    """What a body is made from."""

    book: ReadBook
    encoded: Encoded


class View(msgspec.Struct, frozen=True, gc=False):
    """One read. `subjects` are those of gateway/read/book.py whose change changes the body. `large`: it may hold any
    number of markets."""

    large: ClassVar[bool] = False

    @property
    def subjects(self) -> tuple[str, ...]:
        """What the body changes with."""
        raise NotImplementedError

    def body(self, reading: Reading) -> Body | None:
        """The body as things stand. Raises Refused, NotJoined."""
        raise NotImplementedError


class MarketView(View, frozen=True):
    """One market, also one that is closed or was replaced, until it has left the log."""

    id: Id
    odds_format: OddsFormat | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """The market."""
        return (market_subject(self.id),)

    def body(self, reading: Reading) -> Body | None:
        """The bare MARKET."""
        found = reading.book.market(self.id)
        if found is None:
            _require(reading.book.joined)
            return None
        lane, entry = found
        source = reading.book.not_live(lane).get(entry.state.src, "live")
        version = _version(reading.book, (entry.s,), (self.odds_format, source))
        return Body(reading.encoded.market(entry, self.odds_format), version, (lane,), source)


class EventView(View, frozen=True):
    """One event, without its markets."""

    id: Id

    @property
    def subjects(self) -> tuple[str, ...]:
        """The event's own state."""
        return (event_subject(self.id),)

    def body(self, reading: Reading) -> Body | None:
        """The bare EVENT."""
        group = _known(reading.book, self.id)
        if group is None or group.event is None:
            return None
        version = _version(reading.book, (group.event.s,), ())
        return Body(reading.encoded.event(group.event), version, (group.lane,))


class BoardView(View, frozen=True):
    """The board of an event: every market that is not gone, or those of one class or one player."""

    large: ClassVar[bool] = True
    id: Id
    cls: MarketClass | None = msgspec.field(name="class", default=None)
    player: Id | None = None
    odds_format: OddsFormat | None = None

    def __post_init__(self) -> None:
        check_player(self.cls, self.player)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The event's own state, and its markets of these classes; alternates stand with their main lines."""
        if self.cls is None:
            return board_subjects(self.id)
        return board_subjects(self.id, ("main", "alternate") if self.cls == "alternate" else (self.cls,))

    def body(self, reading: Reading) -> Body | None:
        """`{"event":EVENT,"items":[MARKET,...],"src":{...}}`."""
        group = _known(reading.book, self.id)
        if group is None or group.event is None:
            return None
        markets = self._chosen(group.board())
        not_live = reading.book.not_live(group.lane)
        version = _version(
            reading.book,
            (group.event.s, *(entry.s for entry in markets)),
            (self.cls, self.player, self.odds_format, not_live),
        )
        data = _board(reading.encoded, group.event, markets, not_live, self.odds_format)
        return Body(data, version, (group.lane,))

    def _chosen(self, board: list[MarketEntry]) -> list[MarketEntry]:
        if self.cls is None:
            return board
        if self.cls == "alternate":
            return with_main_lines(board)
        return [entry for entry in board if entry.state.cls == self.cls and _is_about(entry, self.player)]


class SportsView(View, frozen=True):
    """The sports of which there are events."""

    page_token: Token | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Which leagues there are."""
        return (LEAGUES,)

    def body(self, reading: Reading) -> Body | None:
        """A page of `{"id":...}`."""
        _require(reading.book.joined)
        sports = sorted({(group.sport,) for group in reading.book.groups()})
        page, token = _page(sports, "sports", self.page_token)
        items = [orjson.dumps({"id": sport}) for (sport,) in page]
        return _list(reading.book, items, token)


class LeaguesView(View, frozen=True):
    """The leagues of which there are events, of all sports or of one."""

    sport: Slug | None = None
    page_token: Token | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Which leagues there are."""
        return (LEAGUES,)

    def body(self, reading: Reading) -> Body | None:
        """A page of `{"id":...,"sport":...,"topic":...}`."""
        _require(reading.book.joined)
        leagues = sorted(
            {(group.sport, group.league) for group in reading.book.groups() if self.sport in (None, group.sport)}
        )
        page, token = _page(leagues, f"leagues {self.sport}", self.page_token)
        items = [orjson.dumps({"id": league, "sport": sport, "topic": f"{sport}.{league}"}) for sport, league in page]
        return _list(reading.book, items, token)


class EventsView(View, frozen=True):
    """Events by start: of all leagues or of one, in any state or in one."""

    league: League | None = None
    state: EventState | None = None
    page_token: Token | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Any event's own state."""
        return (EVENTS, LEAGUES)

    def body(self, reading: Reading) -> Body | None:
        """A page of EVENTs."""
        _require(reading.book.joined)
        found: dict[tuple[str, ...], EventEntry] = {
            by_start(group.event): group.event
            for group in reading.book.groups()
            if group.event is not None and _in_league(group, self.league) and _is_in(group.event, self.state)
        }
        page, token = _page(sorted(found), f"events {self.league} {self.state}", self.page_token)
        items = [reading.encoded.event(found[key]) for key in page]
        return _list(reading.book, items, token)


class FuturesView(View, frozen=True):
    """Futures: the board of every outright, of all leagues or of one."""

    large: ClassVar[bool] = True
    league: League | None = None
    odds_format: OddsFormat | None = None
    page_token: Token | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Any future, and any outright's own state."""
        return (FUTURES, LEAGUES)

    def body(self, reading: Reading) -> Body | None:
        """A page of boards."""
        book = reading.book
        _require(book.joined)
        found: dict[tuple[str, ...], Group] = {
            by_start(group.event): group
            for group in book.groups()
            if group.event is not None and group.event.state.kind == "outright" and _in_league(group, self.league)
        }
        scope = f"futures {self.league}"
        page, token = _page(sorted(found), scope, self.page_token, items=PAGE_BOARDS)
        items = []
        for key in page:
            group = found[key]
            assert group.event is not None
            futures = [entry for entry in group.board() if entry.state.cls == "future"]
            items.append(_board(reading.encoded, group.event, futures, book.not_live(group.lane), self.odds_format))
        return _list(book, items, token)


def check_player(cls: MarketClass | None, player: str | None) -> None:
    """Raises Refused."""
    if player is not None and cls != "prop":
        raise Refused("contradictory_parameters", "player goes with class=prop")


def _require(joined: bool) -> None:
    if not joined:
        raise NotJoined


def _known(book: ReadBook, event_id: str) -> Group | None:
    group = book.group(event_id)
    if group is None:
        _require(book.lane_of(event_id).joined)
    return group


def _is_about(entry: MarketEntry, player: str | None) -> bool:
    subject = entry.state.subject
    return player is None or (subject is not None and subject.id == player)


def _is_in(event: EventEntry, state: EventState | None) -> bool:
    return state is None or event.state.state == state


def _in_league(group: Group, league: str | None) -> bool:
    return league is None or league in (group.league, f"{group.sport}.{group.league}")


def _page(
    keys: Sequence[tuple[str, ...]], scope: str, token: str | None, *, items: int = PAGE_ITEMS
) -> tuple[Sequence[tuple[str, ...]], str | None]:
    """The keys after the token's, and the token of what follows them. Raises Refused."""
    if token is not None:
        after = read_token(scope, token)
        keys = [key for key in keys if key > after]
    page = keys[:items]
    return page, make_token(scope, page[-1]) if len(keys) > items else None


def _list(book: ReadBook, items: list[bytes], token: str | None) -> Body:
    data = b'{"items":[%b],"next_page_token":%b}' % (b",".join(items), orjson.dumps(token))
    return Body(data, b"", book.lanes)


def _board(
    encoded: Encoded,
    event: EventEntry,
    markets: Iterable[MarketEntry],
    not_live: dict[str, SourceState],
    odds: OddsFormat | None,
) -> bytes:
    items = b",".join([encoded.market(entry, odds) for entry in markets])
    return b'{"event":%b,"items":[%b],"src":%b}' % (encoded.event(event), items, orjson.dumps(not_live))


def _version(book: ReadBook, positions: tuple[int, ...], said: tuple[object, ...]) -> bytes:
    """A lane gives every state a position of its own, so positions say what a body of states says."""
    return b"%b %b %b" % (book.epoch.encode(), array("Q", positions).tobytes(), repr(said).encode())
