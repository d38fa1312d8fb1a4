"""Whatever comes, kept bodies are what a book that keeps nothing would say: random states, floors and epochs."""

from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.contract.lane import Board, Stored
from feeds.contract.model import Event, Market
from feeds.contract.records import encode_record
from feeds.contract.subjects import event_subject, market_subject
from gateway.read.book import EPOCH, ReadBook
from gateway.read.encoded import Encoded
from gateway.read.shelf import Shelf
from gateway.read.views import BoardView, EventsView, EventView, FuturesView, LeaguesView, MarketView, Reading, View
from tests.fanout.serving import event, spread

VIEWS: tuple[View, ...] = (
    MarketView("M1"),
    MarketView("M2", "fractional"),
    EventView("E1"),
    BoardView("E1"),
    BoardView("E1", "main"),
    BoardView("E2", "alternate"),
    EventsView(),
    EventsView("nfl", "live"),
    FuturesView(),
    LeaguesView(),
)

OWNERS = {1: ("E1", "main"), 2: ("E2", "alternate"), 3: ("E3", "future"), 4: ("E1", "main")}
"""Event and class of each market, which are fixed for its life."""

STATES = st.one_of(
    st.builds(
        lambda number, state, kind: event(f"E{number}", state=state, kind=kind),
        st.integers(1, 3),
        st.sampled_from(["upcoming", "live", "ended"]),
        st.sampled_from(["game", "outright"]),
    ),
    st.builds(
        lambda number, price, gone: spread(
            f"M{number}", event_id=OWNERS[number][0], cls=OWNERS[number][1], home=price, gone=gone
        ),
        st.integers(1, 4),
        st.integers(100, 105),
        st.booleans(),
    ),
)
STEPS = st.lists(st.one_of(STATES, st.sampled_from(["floor", "epoch", "board"])), max_size=40)


class Kept:
    """A book of one lane with its shelf, as gateway/api/main.py wires them."""

    def __init__(self, shelf_bytes: int) -> None:
        self.shelf = Shelf(bytes_max=shelf_bytes)
        self.reading = Reading(ReadBook(1, self._changed), Encoded(bytes_max=shelf_bytes))
        self.reading.book.epoch_is("e0")
        self.reading.book.board(0, Board(0, 1, []))

    def _changed(self, subject: str) -> None:
        if subject == EPOCH:
            self.reading.encoded.clear()
        self.shelf.changed(subject)

    def body(self, view: View) -> bytes | None:
        page = self.shelf.page(view, self.reading)
        return None if page is None or page.plain is None else page.plain.data


def stored(state: Market | Event, s: int) -> Stored:
    if isinstance(state, Market):
        return Stored(market_subject(0, state.topic, state.id), s, encode_record(state))
    return Stored(event_subject(0, state.topic), s, encode_record(state))


@settings(max_examples=150)
@given(STEPS, st.sampled_from([5_000, 1_000_000]))
def test_kept_bodies_are_what_is_in_the_book(steps: list[Market | Event | str], shelf_bytes: int) -> None:
    kept = Kept(shelf_bytes)
    book = kept.reading.book
    s = 0
    for number, step in enumerate(steps):
        if step == "floor":
            book.floor(0, max(s - 3, 1))
        elif step == "epoch":
            book.epoch_is(f"e{number + 1}")
            book.board(0, Board(0, 1, []))
            s = 0
        elif step == "board":
            s += 2
            book.board(0, Board(s, 1, [stored(spread("M1", home=200 + number), s)]))
        elif not isinstance(step, str):
            s += 1
            book.record(0, stored(step, s))
        for view in VIEWS:
            made = view.body(Reading(book, Encoded(bytes_max=1_000_000)))
            assert kept.body(view) == (None if made is None else made.data)
        assert kept.shelf.held_bytes <= shelf_bytes
        assert kept.shelf.held_bytes == sum(page.size for page in kept.shelf._pages.values())
