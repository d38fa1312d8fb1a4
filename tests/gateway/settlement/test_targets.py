"""What a bet comes to, and what is posted for it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.results import Reduction, SelectionResult, Share
from gateway.settlement.outcome import Outcome, Span
from gateway.settlement.steps import Purse, SettledBet, split, step_of, steps_of
from gateway.settlement.targets import LOST, OPEN, Leg, Target, target_of
from tests.gateway.settlement.results import HALF_LOST, HALF_WON, VOID, WON
from tests.gateway.settlement.results import LOST as LEG_LOST


def settled(one: SelectionResult, **more: Any) -> Outcome:
    return Outcome(True, (SelectionResult("O1", one.w, one.v, one.dh),), **more)


def single(outcome: Outcome, *, stake: int = 1000, milli: int = 2500, placed_ms: int = 50) -> Target:
    return target_of(stake, [Leg("M1", "O1", milli)], placed_ms, {"M1": outcome})


THIRD = SelectionResult("", w=Share(1), dh=Share(1, 3))
CUT = (Reduction("O9", Share(1, 4), 100),)


@pytest.mark.parametrize(
    ("outcome", "target"),
    [
        (settled(WON), Target("won", 2500)),
        (settled(LEG_LOST), LOST),
        (settled(VOID), Target("void", 1000)),
        (settled(HALF_WON), Target("won", 1750)),
        (settled(HALF_LOST), Target("lost", 500)),
        (settled(THIRD), Target("won", 833)),
        (Outcome(True, (SelectionResult("O2", w=Share(1)),)), OPEN),
        (Outcome(), OPEN),
        (settled(LEG_LOST, cancelled=(Span(50, 51),)), Target("void", 1000)),
        (settled(LEG_LOST, cancelled=(Span(0, 50), Span(51, 90))), LOST),
        (settled(WON, reductions=CUT), Target("won", 2125)),  # 1 + 1.5 x 3/4
        (settled(WON, reductions=(Reduction("O9", Share(1, 4), 100, "price"),)), Target("won", 1875)),
        (settled(WON, reductions=(Reduction("O9", Share(1, 4), 50),)), Target("won", 2500)),  # struck after it
        (settled(WON, reductions=(Reduction("O9", Share(1), 100),)), Target("won", 1010)),
        (settled(WON, reductions=(*CUT, *CUT)), Target("won", 1844)),  # 1 + 1.5 x 9/16 = 1.84375
    ],
)
def test_a_single(outcome: Outcome, target: Target) -> None:
    assert single(outcome) == target


@pytest.mark.parametrize(("stake", "milli", "payout"), [(1, 2500, 2), (3, 2500, 8), (5, 1500, 8), (10, 1909, 19)])
def test_payouts_are_rounded_once_half_even(stake: int, milli: int, payout: int) -> None:
    assert single(settled(WON), stake=stake, milli=milli) == Target("won", payout)


def parlay(*outcomes: Outcome | None) -> Target:
    legs = [Leg(f"M{n}", "O1", 2000) for n in range(len(outcomes))]
    known = {f"M{n}": one for n, one in enumerate(outcomes) if one is not None}
    return target_of(1000, legs, 50, known)


def test_a_parlay_is_all_of_its_legs() -> None:
    won, lost, void = settled(WON), settled(LEG_LOST), settled(VOID)
    assert parlay(won, won, won) == Target("won", 8000)
    assert parlay(won, void, won) == Target("won", 4000)
    assert parlay(void, void) == Target("void", 1000)
    assert parlay(won, None) == OPEN == parlay(void, Outcome())
    assert parlay(None, lost) == LOST  # at once
    assert parlay(settled(HALF_LOST), void) == Target("lost", 500)
    assert parlay(settled(HALF_LOST), won) == Target("won", 1000)
    assert parlay(*[settled(THIRD)] * 3) == Target("won", 296)  # 8 / 27, rounded once
    assert parlay(*[won] * 12) == Target("won", 4_096_000)


def bet(state: str, payout: int | None, *, stake: int = 1000) -> SettledBet:
    return SettledBet("B1", "u1", "USD", stake, 2 * stake, state, payout, 3, 50, (Leg("M1", "O1", 2000),))


def moved(before: Target, after: Target, *, cash: int = 10_000, owed: int = 0) -> dict[str, int]:
    step = step_of(bet(*before), after, Purse(cash, -owed))
    assert step is not None
    assert step.source_key == "bet/B1/settle/4"
    assert sum(line.amount for line in step.lines) == 0
    return {line.kind.partition(":")[2]: line.amount for line in step.lines}


def test_what_each_step_moves() -> None:
    won, void = Target("won", 2000), Target("void", 1000)
    assert moved(OPEN, won) == {"open_stakes": -1000, "cash": 2000, "stakes": 1000, "payouts": -2000}
    assert moved(OPEN, LOST) == {"open_stakes": -1000, "stakes": 1000}
    assert moved(OPEN, void) == {"open_stakes": -1000, "cash": 1000}
    assert moved(won, LOST) == {"cash": -2000, "payouts": 2000}
    assert moved(void, won) == {"cash": 1000, "stakes": 1000, "payouts": -2000}
    assert moved(won, OPEN) == {"open_stakes": 1000, "cash": -2000, "stakes": -1000, "payouts": 2000}
    assert moved(void, OPEN) == {"open_stakes": 1000, "cash": -1000}
    assert step_of(bet(*won), won, Purse(0, 0)) is None


def test_what_is_not_there_is_owed_and_what_is_owed_is_paid_first() -> None:
    won = Target("won", 2000)
    assert moved(won, LOST, cash=500) == {"cash": -500, "receivable": -1500, "payouts": 2000}
    assert moved(won, LOST, cash=0) == {"receivable": -2000, "payouts": 2000}
    assert moved(LOST, won, owed=500) == {"cash": 1500, "receivable": 500, "payouts": -2000}
    assert moved(LOST, won, owed=5000) == {"receivable": 2000, "payouts": -2000}


def test_steps_of_one_user_follow_each_other() -> None:
    won = Target("won", 2000)
    aims = [(bet("won", 2000), LOST), (bet("won", 2000), LOST), (bet("lost", 0), won)]
    steps = steps_of(aims, {"u1": Purse(2500, 0)})
    assert [(step.cash, step.receivable) for step in steps] == [(-2000, 0), (-500, -1500), (500, 1500)]


_CENTS = st.integers(0, 20)


@given(_CENTS, _CENTS, st.integers(-20, 20), st.integers(-20, 20))
def test_two_amounts_come_to_the_same_in_either_order(cash: int, owed: int, first: int, second: int) -> None:
    def after(*amounts: int) -> Purse:
        purse = Purse(cash, -owed)
        for amount in amounts:
            taken = split(amount, purse)
            purse = Purse(purse.cash + taken[0], purse.receivable + taken[1])
            assert purse.cash >= 0 >= purse.receivable
        return purse

    assert after(first, second) == after(second, first)


_TARGETS = st.sampled_from([OPEN, LOST, Target("void", 1000), Target("won", 700), Target("won", 2000)])


@given(st.lists(_TARGETS, min_size=1, max_size=6), _CENTS)
def test_whatever_was_in_between_the_sums_are_those_of_the_last(targets: list[Target], cash: int) -> None:
    def sums(path: list[Target]) -> tuple[dict[str, int], Purse]:
        total: dict[str, int] = {}
        purse = Purse(cash, 0)
        for before, after in pairwise([OPEN, *path]):
            step = step_of(bet(*before), after, purse)
            if step is None:
                continue
            purse = Purse(purse.cash + step.cash, purse.receivable + step.receivable)
            for line in step.lines:
                total[line.kind] = total.get(line.kind, 0) + line.amount
        return {kind: amount for kind, amount in total.items() if amount}, purse

    assert sums(targets) == sums(targets[-1:])
