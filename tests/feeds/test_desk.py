"""What an overlay makes of a market, and that a provider's state is never lost in it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.contract.codec import delta_json, market_json
from feeds.contract.book import Delta, MarketBook, MarketEntry
from feeds.contract.desk import Overlay, Rules, Target, apply, lift
from feeds.contract.errors import Refused
from feeds.contract.model import DeskPart, HiddenPrice, Market, Selection, Status
from feeds.contract.prices import price_from_american, price_from_milli
from feeds.contract.records import decode_overlay, decode_record, encode_overlay, encode_record
from feeds.contract.subjects import desk_scope, desk_subject, market_subject
from gateway.desk.commands import Edit, Resume, SetMargin, SetMaxStake, SetPrice, Suspend
from tests.bus import market
from tests.feeds.desk_states import AIMS, overlay

M1 = market("M1", "E1")
OURS = price_from_american(-200)


def under(shown: Market, *overlays: Overlay, now_ms: int = 0) -> Market:
    return apply([Rules(each) for each in overlays], shown, now_ms)


def test_nothing_of_it_is_the_same_market() -> None:
    assert under(M1) is M1
    assert under(M1, overlay("football.nfl.E1.M2", Suspend()), overlay("football:prop", Suspend())) is M1


@pytest.mark.parametrize("aim", ["football", "football:main", "football.nfl.E1", "football.nfl.E1.M1"])
def test_a_suspension_closes_what_it_aims_at_and_says_what_it_hides(aim: str) -> None:
    shown = under(M1, overlay(aim, Suspend()))
    assert (shown.st, shown.reason, shown.selections) == ("suspended", "desk", M1.selections)
    assert shown.desk == DeskPart(suspended=True, st="open")
    assert lift(shown) == M1


@pytest.mark.parametrize(("status", "shown_status"), [("suspended", "suspended"), ("inactive", "inactive")])
def test_a_suspension_opens_nothing(status: Status, shown_status: Status) -> None:
    said = msgspec.structs.replace(M1, st=status, reason="possible_score")
    shown = under(said, overlay("football", Suspend()))
    assert shown.st == shown_status
    assert shown.desk is not None
    assert shown.desk.suspended
    assert lift(shown) == said


@pytest.mark.parametrize("changes", [{"gone": True}, {"st": "closed"}, {"st": "settled"}, {"st": "void"}])
def test_what_the_provider_has_ended_stays_as_it_is(changes: dict[str, Any]) -> None:
    said = msgspec.structs.replace(M1, **changes)
    edits: list[Edit] = [Suspend(), SetPrice("O1", OURS, 60), SetMaxStake(1)]
    assert under(said, overlay("football.nfl.E1.M1", *edits)) is said


def test_a_price_of_ours_counts_until_its_end_and_hides_the_providers() -> None:
    priced = overlay("football.nfl.E1.M1", SetPrice("O1", OURS, 60))
    shown = under(M1, priced, now_ms=59_999)
    assert shown.selections[0].price == OURS
    assert shown.desk == DeskPart(prices=(HiddenPrice("O1", M1.selections[0].price),))
    assert shown.st == "open"
    assert under(M1, priced, now_ms=60_000) == M1
    assert (Rules(priced).ends_ms, Rules(priced).over_ms) == (frozenset({60_000}), 60_000)
    assert Rules(overlay("football", Suspend(5), SetMargin(1))).over_ms is None


def test_the_most_particular_limit_counts() -> None:
    sport = overlay("football", SetMargin(100), SetMaxStake(1_000))
    league = overlay("football.nfl:main", SetMargin(200))
    event = overlay("football.nfl.E1.M1", SetMaxStake(50))
    shown = under(M1, sport, league, event)
    assert shown.desk == DeskPart(margin=200, max_stake=50)
    assert msgspec.structs.replace(shown, desk=None) == M1


def test_scopes_and_their_subjects_are_one_to_one() -> None:
    for scope in ("football", "football.nfl", "football.nfl.E1_a-b"):
        subject = desk_subject(3, scope)
        assert subject.count(".") == 3
        assert desk_scope(subject) == scope


def test_an_overlay_survives_the_bus_and_readers_of_states_pass_it_over() -> None:
    made = overlay("football.nfl.E1.M1", Suspend(5), SetPrice("O1", OURS, 60), SetMargin(550), SetMaxStake(1))
    subject = desk_subject(0, made.scope)
    data = encode_overlay(made)
    assert decode_overlay(subject, data) == made
    assert decode_record(subject, data) is None
    with pytest.raises(Refused) as refusal:
        decode_overlay(subject, data.replace(b'{"v":1', b'{"v":9'))
    assert refusal.value.code == "bus_version"


def test_an_overlay_with_nothing_left_is_over() -> None:
    made = overlay("football.nfl.E1.M1", Suspend(), Resume())
    assert made.over
    assert b'"over":true' in encode_overlay(made)
    assert b'"over"' not in encode_overlay(overlay("football", Suspend()))


def test_two_targets_have_two_keys() -> None:
    targets = [Target(), Target(cls="main"), Target(cls="prop"), Target(market="main"), Target(market="M1")]
    assert len({target.key for target in targets}) == len(targets)


def test_devices_are_told_the_effect_and_nothing_else() -> None:
    """Margin and stake make a DELTA without fields; the `desk` part stands in neither form."""
    book = MarketBook()
    book.apply(M1, 1)
    limited = under(M1, overlay("football", SetMargin(100), SetMaxStake(1_000)))
    applied = book.apply(limited, 2)
    assert isinstance(applied.entry, MarketEntry)
    delta = applied.entry.since(1)
    assert isinstance(delta, Delta)
    assert json.loads(delta_json(delta, 1)) == {"id": "M1", "p": 1, "s": 2, "ts": 1}
    assert not applied.urgent
    assert "desk" not in json.loads(market_json(limited, 2))
    suspended = under(M1, overlay("football", Suspend(), SetMargin(100)))
    applied = book.apply(suspended, 3)
    assert applied.urgent
    assert isinstance(applied.entry, MarketEntry)
    delta = applied.entry.since(2)
    assert isinstance(delta, Delta)
    told = json.loads(delta_json(delta, 2))
    assert (told["st"], told["reason"], set(told)) == ("suspended", "desk", {"id", "p", "s", "ts", "st", "reason"})


markets = st.builds(
    lambda status, reason, prices, gone: msgspec.structs.replace(
        M1,
        st=status,
        reason=reason,
        gone=gone,
        selections=tuple(
            Selection(f"O{number}", "A", price=None if milli is None else price_from_milli(milli))
            for number, milli in enumerate(prices)
        ),
    ),
    st.sampled_from(("open", "suspended", "inactive", "closed", "settled", "void")),
    st.sampled_from((None, "desk", "possible_score")),
    st.lists(st.none() | st.integers(1_001, 9_000), max_size=3),
    st.booleans(),
)
edits = st.one_of(
    st.builds(Suspend, st.sampled_from((None, 1, 5))),
    st.builds(SetMargin, st.integers(0, 500)),
    st.builds(SetMaxStake, st.integers(0, 500)),
)
prices = st.builds(
    SetPrice, st.sampled_from(("O0", "O1")), st.integers(1_001, 9_000).map(price_from_milli), st.sampled_from((1, 5))
)
overlays = st.one_of(
    st.builds(lambda aim, made: overlay(aim, *made), st.sampled_from(AIMS), st.lists(edits, min_size=1, max_size=3)),
    st.builds(
        lambda made: overlay("football.nfl.E1.M1", *made), st.lists(st.one_of(edits, prices), min_size=1, max_size=4)
    ),
)


@given(markets, st.lists(overlays, max_size=3), st.lists(overlays, max_size=3), st.sampled_from((0, 1_000, 9_000)))
def test_lifting_gives_back_exactly_what_was_said_whatever_lay_over_it(
    said: Market, first: list[Overlay], second: list[Overlay], now_ms: int
) -> None:
    shown = under(said, *first, now_ms=now_ms)
    assert lift(shown) == said
    assert under(shown, *first, now_ms=now_ms) == shown
    assert under(shown, *second, now_ms=now_ms) == under(said, *second, now_ms=now_ms)
    subject = market_subject(0, said.topic, said.id)
    assert decode_record(subject, encode_record(shown)) == shown
    assert encode_record(lift(shown)) == encode_record(said)
    if shown.st == "open":
        assert said.st == "open"
