"""The market book: `since()` from any cut point leads to exactly the last state, and stamps reach back to `born`."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from fanout.contract.codec import delta_json, market_json
from fanout.contract.replica import Replica
from feeds.contract.book import Delta, MarketBook, MarketEntry
from feeds.contract.model import Event, Market, Selection
from feeds.contract.prices import price_from_milli

PRICES = st.sampled_from([None, *(price_from_milli(milli) for milli in (1_500, 2_000, 3_250))])
STATUSES = st.sampled_from(["open", "open", "suspended", "closed"])
AMOUNTS = st.sampled_from([None, 1_500, 2_000])
IDS = ("M0", "M1", "M2")

selections = st.builds(
    Selection,
    id=st.just("O1"),
    name=st.sampled_from(["Chiefs", "Kansas City"]),
    st=STATUSES,
    price=PRICES,
    lay=AMOUNTS,
    size=AMOUNTS,
    ltp=AMOUNTS,
)
offers = st.lists(selections, min_size=1, max_size=2).map(
    lambda found: tuple(replace(selection, id=f"O{index}") for index, selection in enumerate(found))
)
markets = st.builds(
    Market,
    id=st.sampled_from(IDS),
    event=st.just("E1"),
    topic=st.just("football.nfl.E1"),
    cls=st.just("main"),
    type=st.just("spread"),
    period=st.just("game"),
    src=st.sampled_from(["alpha-0", "beta-0"]),
    ts=st.integers(1, 1_000),
    st=STATUSES,
    selections=offers,
    live=st.booleans(),
    line=st.sampled_from([None, "-3.5"]),
    reason=st.sampled_from([None, "possible_score"]),
    gone=st.sampled_from([False, False, False, True]),
    replaced_by=st.sampled_from([None, "M9"]),
)
histories = st.lists(
    markets.map(lambda market: market if market.gone else replace(market, replaced_by=None)), min_size=1, max_size=12
)
cuts = st.lists(st.integers(0, 7), min_size=12, max_size=12)
"""After each state: which of three clients of each market look, as bits."""
wearing = st.lists(st.booleans(), min_size=12, max_size=12)
"""After each state: whether only that is kept of what is gone."""
reading = st.lists(st.sampled_from(["record", "record", "record", "hole", "hole", "board"]), min_size=12, max_size=12)


class Client:
    """What somebody holds who applies what `since` gives, by way of the wire."""

    def __init__(self, entry_id: str) -> None:
        self.id = entry_id
        self.replica = Replica()
        self.base = 0

    def take(self, book: MarketBook, *, times: int = 1) -> None:
        """Brings itself up to date."""
        entry = book.get(self.id)
        change = entry.since(self.base) if isinstance(entry, MarketEntry) else None
        self.base = book.position
        if change is None:
            return
        assert isinstance(entry, MarketEntry)
        encoded = delta_json(change, 0) if isinstance(change, Delta) else market_json(change, entry.s)
        for _ in range(times):
            self.replica.receive({"t": "d", "m": [orjson.loads(encoded)]})

    def shows(self, book: MarketBook) -> bool:
        """Whether it holds exactly the book's last state."""
        entry = book.get(self.id)
        held = self.replica.markets.get(self.id)
        if not isinstance(entry, MarketEntry) or entry.gone:
            return held is None
        return held is not None and _shown(held) == _shown(orjson.loads(market_json(entry.state, entry.s)))


def _shown(market: dict[str, object]) -> dict[str, object]:
    plain = {name: value for name, value in market.items() if name != "p"}
    offered: list[dict[str, object]] = market["x"]  # type: ignore[assignment]
    plain["x"] = [
        {name: value for name, value in offer.items() if value is not None or name in ("a", "d")} for offer in offered
    ]
    return plain


@given(histories, cuts, wearing)
def test_any_cut_points_lead_to_the_last_state(history: list[Market], looks: list[int], worn: list[bool]) -> None:
    book = MarketBook()
    clients = [(bit, Client(entry_id)) for entry_id in IDS for bit in (1, 2, 4)]
    for s, state in enumerate(history, start=1):
        book.apply(state, s)
        if worn[s - 1]:
            book.wear(s, 9)
        for bit, client in clients:
            if looks[s - 1] & bit:
                client.take(book, times=bit)
                assert client.shows(book)
    for _, client in clients:
        client.take(book)
        assert client.shows(book)
        assert client.replica.gaps == 0


@given(histories, cuts, reading)
def test_board_reads_lead_there_too_also_clients_who_saw_what_the_book_did_not(
    history: list[Market], looks: list[int], read: list[str]
) -> None:
    full, holed = MarketBook(), MarketBook()
    clients = [(bit, Client(entry_id)) for entry_id in IDS for bit in (1, 2, 4)]
    last: dict[str, tuple[Market, int]] = {}
    for s, state in enumerate(history, start=1):
        full.apply(state, s)
        last[state.id] = (state, s)
        if read[s - 1] == "board":
            holed.load_board(last.values(), s)
        elif read[s - 1] == "record" and holed.position == s - 1:
            holed.apply(state, s)
        for bit, client in clients:
            if looks[s - 1] & bit:
                client.take(full)
    holed.load_board(last.values(), len(history))
    for _, client in clients:
        client.take(holed)
        assert client.shows(full)
        assert client.replica.gaps == 0


@given(histories, st.integers(0, 13))
def test_changed_since_is_exact_and_in_order(history: list[Market], base: int) -> None:
    book = MarketBook()
    for s, state in enumerate(history, start=1):
        book.apply(state, s)
    last = {state.id: s for s, state in enumerate(history, start=1)}
    expected = sorted(s for s in last.values() if s > base)
    assert [entry.s for entry in book.changed_since(base)] == expected


@given(histories, st.integers(1, 14))
def test_the_floor_drops_exactly_what_lies_below_it(history: list[Market], floor: int) -> None:
    book = MarketBook()
    for s, state in enumerate(history, start=1):
        book.apply(state, s)
    last = {state.id: s for s, state in enumerate(history, start=1)}
    dropped = book.raise_floor(floor)
    assert [entry.s for entry in dropped] == sorted(s for s in last.values() if s < floor)
    assert [entry.s for entry in book.entries()] == sorted(s for s in last.values() if s >= floor)
    assert book.raise_floor(floor) == []


def market(milli: int = 2_000, **changes: object) -> Market:
    offered = (Selection("O1", "Chiefs", price=price_from_milli(milli)), Selection("O2", "Bills"))
    plain = Market("M0", "E1", "football.nfl.E1", "main", "spread", "game", "alpha-0", 5, "open", offered)
    return replace(plain, **changes)


def read(*states: Market) -> MarketEntry:
    book = MarketBook()
    for s, state in enumerate(states, start=1):
        book.apply(state, s)
    entry = book.get("M0")
    assert isinstance(entry, MarketEntry)
    return entry


def test_a_base_older_than_born_gets_the_whole_market() -> None:
    entry = read(market(), market(3_000))
    assert entry.since(0) == market(3_000)
    assert isinstance(entry.since(1), Delta)
    assert entry.since(2) is None


def test_deltas_come_from_stamps_so_a_price_that_returned_is_told() -> None:
    delta = read(market(2_000), market(3_000), market(2_000)).since(1)
    assert isinstance(delta, Delta)
    (change,) = delta.selections
    assert (change.id, change.price) == ("O1", price_from_milli(2_000))
    assert change.st is UNSET


def test_a_repeated_state_is_a_delta_without_fields() -> None:
    assert read(market(), market()).since(1) == Delta("M0", 2, 5)


def test_a_reason_goes_with_its_status_only() -> None:
    entry = read(
        market(), market(st="suspended", reason="possible_score"), market(3_000, st="suspended", reason="injury")
    )
    delta = entry.since(2)
    assert isinstance(delta, Delta)
    assert (delta.st, delta.reason) == ("suspended", "injury")
    delta = read(market(st="suspended", reason="injury"), market(3_000, st="suspended", reason="injury")).since(1)
    assert isinstance(delta, Delta)
    assert (delta.st, delta.reason) == (UNSET, None)


def test_a_return_from_gone_and_another_set_of_selections_come_whole() -> None:
    gone = market(st="closed", gone=True, replaced_by="M9")
    ended = read(market(), gone).since(1)
    assert isinstance(ended, Delta)
    assert (ended.gone, ended.replaced_by) == (True, "M9")
    assert read(market(), gone, market()).since(2) == market()
    fewer = replace(market(), selections=market().selections[:1])
    assert read(market(), fewer).since(1) == fewer


def test_who_knows_that_a_market_is_gone_is_told_nothing_more() -> None:
    gone = market(st="closed", gone=True)
    entry = read(market(), gone, replace(gone, st="settled"))
    assert entry.since(2) is None
    ended = entry.since(1)
    assert isinstance(ended, Delta)
    assert ended.gone


def test_of_what_is_gone_and_told_only_that_is_kept() -> None:
    book = MarketBook()
    book.apply(market(), 1)
    book.apply(market(st="closed", gone=True, replaced_by="M9", reason="moved"), 2)
    assert book.wear(1, 9) == [], "not everyone has heard of it"
    [entry] = book.wear(2, 9)
    assert (entry.state.selections, entry.state.topic) == ((), market().topic)
    ended = entry.since(0)
    assert isinstance(ended, Delta)
    assert (ended.gone, ended.replaced_by, ended.st, ended.reason) == (True, "M9", "closed", "moved")
    assert entry.since(2) is None
    book.apply(market(st="settled", gone=True, replaced_by="M9"), 3)
    assert (entry.s, entry.since(2), entry.state.selections) == (3, None, ())
    assert book.wear(3, 9) == []
    book.apply(market(), 4)
    assert entry.since(3) == market()
    book.apply(market(st="closed", gone=True), 5)
    assert book.wear(5, 0) == []
    assert book.wear(5, 9) == [entry]


def test_a_board_read_begins_stamps_anew_only_where_something_moved() -> None:
    book = MarketBook()
    book.apply(market(), 1)
    book.apply(market(3_000), 2)
    assert book.load_board([(market(3_000), 2)], 5) == []
    entry = book.get("M0")
    assert isinstance(entry, MarketEntry)
    assert entry.born == 1
    book.load_board([(market(3_000), 7)], 8)
    assert entry.born == 7
    assert entry.since(6) == market(3_000)
    assert book.position == 8


def test_a_board_never_brings_back_what_was_forgotten() -> None:
    book = MarketBook()
    book.apply(market(), 1)
    book.apply(market(id="M1"), 2)
    book.raise_floor(2)
    assert book.load_board([(market(), 1), (market(id="M1"), 2)], 2) == []
    assert book.get("M0") is None


def test_closings_are_urgent() -> None:
    book = MarketBook()
    inactive = replace(market(), selections=(replace(market().selections[0], st="inactive"), market().selections[1]))
    told = [
        book.apply(state, s).urgent
        for s, state in enumerate(
            [market(), market(st="suspended"), market(3_000, st="suspended"), market(), inactive, market(gone=True)],
            start=1,
        )
    ]
    assert told == [False, True, False, False, True, True]


def test_events_are_whole_and_share_the_order() -> None:
    event = Event("E1", "football.nfl.E1", "Bills @ Chiefs", "2026-09-21T20:00:00Z", "live", 5)
    book = MarketBook()
    book.apply(event, 1)
    book.apply(market(), 2)
    book.apply(replace(event, state="ended"), 3)
    assert [entry.state.id for entry in book.changed_since(0)] == ["M0", "E1"]
    entry = book.get("E1")
    assert entry is not None
    assert entry.gone
    assert (event.sport, event.league) == ("football", "nfl")


def test_a_lost_log_leaves_nothing() -> None:
    book = MarketBook()
    book.apply(market(), 3)
    book.advance(4)
    book.raise_floor(2)
    book.clear()
    assert (len(book), book.position, book.floor) == (0, 0, 0)
