"""A market as a form and numbers, and back: exactly, whatever it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.model import Market, Selection, Subject
from feeds.contract.prices import Price, price_from_milli
from gateway.history.rows import at_time, decoded_form, form_body, form_of, market_of, numbers_of, time_us
from tests.bus import market

words = st.text(min_size=1, max_size=12)
maybe_words = st.none() | words
millis = st.integers(1_001, 1_001_000)
prices = st.none() | millis.map(price_from_milli) | st.builds(Price, millis, st.integers(-100_000, 100_000))
statuses = st.sampled_from(["open", "suspended", "inactive", "closed", "settled", "void"])
positive = st.none() | st.integers(0, 2**31 - 1)
selections = st.builds(
    Selection,
    id=words,
    name=words,
    st=statuses,
    price=prices,
    side=st.none() | st.just("home"),
    line=maybe_words,
    lay=positive,
    size=st.none() | st.integers(0, 2**60),
    ltp=positive,
)
markets = st.builds(
    Market,
    id=words,
    event=words,
    topic=words,
    cls=st.sampled_from(["main", "prop"]),
    type=words,
    period=words,
    src=words,
    ts=st.integers(0, 2**50),
    st=statuses,
    selections=st.lists(selections, max_size=5).map(tuple),
    live=st.booleans(),
    group=maybe_words,
    line=maybe_words,
    subject=st.none() | st.builds(Subject, type=st.just("player"), id=words, name=words),
    reason=maybe_words,
    gone=st.booleans(),
    replaced_by=maybe_words,
    replaces=maybe_words,
)


@given(markets)
def test_a_market_comes_back_as_it_was(state: Market) -> None:
    assert market_of(decoded_form(form_body(state).decode()), numbers_of(state)) == state


@given(st.integers(0, 2**52))
def test_a_moment_comes_back_to_the_microsecond(moment_us: int) -> None:
    assert time_us(at_time(moment_us)) == moment_us


def test_prices_and_time_do_not_make_another_form_and_all_else_does() -> None:
    one = market("M1", "E1", ts=1)
    body = form_body(one)
    assert form_body(market("M1", "E1", ts=2)) == body
    for other in (market("M2", "E1"), market("M1", "E1", st="closed"), market("M1", "E1", live=True)):
        assert form_of(other, form_body(other)).key != form_of(one, body).key


def test_what_is_on_offer_is_open_in_an_open_market() -> None:
    pair = (Selection("O1", "A"), Selection("O2", "B", st="inactive"))
    for status, offered in (("open", (True, False)), ("suspended", (False, False))):
        state = market("M1", "E1", st=status, selections=pair)
        assert form_of(state, form_body(state)).on_offer == offered
