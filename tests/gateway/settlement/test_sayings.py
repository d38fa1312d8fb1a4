"""What a set of sayings comes to: whatever their order, however often each came; and by another way of counting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from feeds.contract.results import MarketResult, Reduction, SelectionResult, Share, saying_id
from gateway.settlement.outcome import EVER, Outcome, Span, leg_result, outcome_from_text, outcome_text
from gateway.settlement.recount import Ruling
from gateway.settlement.sayings import check_result, in_force, outcome_of
from tests.gateway.settlement.results import HALF_LOST, LOST, VOID, WON, result, saying

SETTLED = result("M1", 2)
CORRECTED = result("M1", 4, x={"O1": LOST, "O2": WON})


def outcome(*results: MarketResult) -> Outcome:
    named = {saying_id("alpha", one): one for one in results}
    standing = in_force(saying(name, one) for name, one in named.items())
    return outcome_of(named.get(standing.settlement or ""), standing.cancelled)


def winners(*results: MarketResult) -> list[str]:
    return [one.id for one in outcome(*results).selections if one.w.num]


@pytest.mark.parametrize(
    ("results", "who"),
    [
        ([SETTLED], ["O1"]),
        ([SETTLED, CORRECTED], ["O2"]),
        ([SETTLED, result("M1", 3, "rollback")], []),
        ([SETTLED, result("M1", 3, "rollback"), CORRECTED], ["O2"]),
        ([SETTLED, result("M1", 4, "rollback"), CORRECTED], []),  # of the same time what takes back is the later one
        ([result("M1", 2, certainty=1), CORRECTED], ["O2"]),
        ([SETTLED, result("M1", 9, certainty=1, x={"O1": LOST, "O2": WON})], ["O1"]),  # a scout against the confirmed
        ([SETTLED, result("M1", 3, "cancelled"), result("M1", 3, "rollback_cancel")], ["O1"]),
    ],
)
def test_what_is_in_force(results: list[MarketResult], who: list[str]) -> None:
    assert winners(*results) == winners(*reversed(results)) == winners(*results, *results) == who


def test_an_undo_that_comes_first_undoes() -> None:
    assert outcome(result("M1", 3, "rollback")) == Outcome() == outcome(result("M1", 3, "rollback"), SETTLED)
    undo, do = result("M1", 3, "rollback_cancel"), result("M1", 2, "cancelled", from_ms=5)
    assert outcome(undo, do) == Outcome()


def test_cancellations_are_undone_by_spans_that_hold_theirs() -> None:
    early = result("M1", 2, "cancelled", from_ms=10, to_ms=20)
    late = result("M1", 2, "cancelled", from_ms=30)
    assert outcome(early, late).cancelled == (Span(10, 20), Span(30, EVER))
    assert outcome(early, late, result("M1", 3, "rollback_cancel", from_ms=10, to_ms=20)).cancelled == (Span(30, EVER),)
    assert outcome(early, late, result("M1", 3, "rollback_cancel", from_ms=11)).cancelled == (Span(10, 20),)
    assert outcome(early, late, result("M1", 3, "rollback")).cancelled == (Span(10, 20), Span(30, EVER))
    again = result("M1", 4, "cancelled", from_ms=10, to_ms=20)
    assert outcome(early, result("M1", 3, "rollback_cancel"), again).cancelled == (Span(10, 20),)


def test_a_market_without_a_result_may_be_bet_on() -> None:
    assert outcome(SETTLED).closes(100)
    assert not outcome(SETTLED, result("M1", 3, "rollback")).closes(100)
    past = outcome(result("M1", 2, "cancelled", from_ms=10, to_ms=20))
    assert (past.closes(19), past.closes(20)) == (True, False)
    assert outcome(result("M1", 2, "cancelled")).closes(100)


_SHARES = st.sampled_from([WON, LOST, VOID, HALF_LOST, SelectionResult("", w=Share(2, 3), dh=Share(1, 2))])
_CUT = st.builds(
    Reduction,
    removed=st.sampled_from(["O1", "O9"]),
    share=st.builds(Share, st.integers(0, 4), st.just(4)),
    to_ms=st.integers(0, 12),
    of=st.sampled_from(["price", "winnings"]),
)
_TIMES = st.none() | st.integers(0, 12)
_RESULTS = st.one_of(
    st.builds(
        lambda ts, certainty, first, second, cuts: result(
            "M1", ts, certainty=certainty, x={"O1": first, "O2": second}, reductions=tuple(cuts)
        ),
        st.integers(0, 9),
        st.sampled_from([1, 2]),
        _SHARES,
        _SHARES,
        st.lists(_CUT, max_size=2),
    ),
    st.builds(lambda ts: result("M1", ts, "rollback"), st.integers(0, 9)),
    st.builds(
        lambda ts, kind, begin, end: result("M1", ts, kind, from_ms=begin, to_ms=end),
        st.integers(0, 9),
        st.sampled_from(["cancelled", "rollback_cancel"]),
        _TIMES,
        _TIMES,
    ),
)


@given(st.lists(_RESULTS, max_size=8), st.randoms(use_true_random=False), st.integers(0, 12))
def test_only_the_set_counts_and_a_recount_finds_the_same(results: list[MarketResult], luck: object, at: int) -> None:
    said = [*results, *results[:2]]
    luck.shuffle(said)  # type: ignore[attr-defined]
    found = outcome(*said)
    assert found == outcome(*results) == outcome_from_text(outcome_text(found))
    ruling = Ruling({saying_id("alpha", one): one for one in results}.items())
    for selection in ("O1", "O2", "O3"):
        mine = leg_result(found, selection, milli=1909, placed_ms=at)
        theirs = ruling.pays(selection, 1909, at)
        assert (mine and mine.factor) == (theirs and theirs[0])
        assert mine is None or theirs is None or (mine.won, mine.void) == (theirs[1] == "won", theirs[1] == "void")


@pytest.mark.parametrize(
    "wrong",
    [
        result("M1", 1, x={}),
        result("M1", 1, x={"O1": SelectionResult("", w=Share(1, 0))}),
        result("M1", 1, x={"O1": SelectionResult("", w=Share(-1))}),
        result("M1", 1, x={"O1": SelectionResult("", w=Share(2, 3), v=Share(1, 2))}),
        result("M1", 1, x={"O1": SelectionResult("", w=Share(1), dh=Share(3, 2))}),
        result("M1", 1, reductions=(Reduction("O9", Share(3, 2), 1),)),
        result("M1", -1),
        result("M1", 1, "cancelled", to_ms=EVER),
        result("", 1),
        result("M\0", 1),
        MarketResult("M1", "E1", "t", "settled", 1, selections=(WON, LOST)),
    ],
)
def test_what_nobody_can_settle_by_is_refused(wrong: MarketResult) -> None:
    with pytest.raises(Refused) as refusal:
        check_result(wrong)
    assert refusal.value.code == "bad_result"
