"""Totals of an impact: never of two currencies, and what of them policies let go without a person. Pure."""

from __future__ import annotations

import pytest

from gateway.settlement.corrections.impact import Counted, Frozen
from gateway.settlement.corrections.plan import Change, Part
from gateway.settlement.corrections.policy import Policy
from gateway.settlement.corrections.telling import totals_said
from gateway.settlement.steps import SettledBet
from gateway.settlement.targets import LOST, Leg

POLICY = Policy("p", "full", "t", 72, automatic=1_000)
ASKS = Policy("a", "approval_required", "t", 72, automatic=1_000)


def frozen(owner: str, currency: str, amount: int, *, policy: Policy = POLICY, waived: int = 0) -> Frozen:
    """A bet of which its user gets, or gives, so much."""
    bet = SettledBet(f"B{owner}", owner, currency, 100, 200, "won", 200, 1, 0, (Leg("M1", "O1", 2_000),))
    change = Change(bet.bet, amount - waived, 0, None, policy)
    return Frozen(bet, "M1", LOST, change, Part(bet.bet, amount, waived), "US-NJ")


def test_each_currency_has_sums_of_its_own() -> None:
    counted = Counted()
    counted.add([frozen("ann", "USD", 500), frozen("ann", "USD", -200, waived=50)])
    counted.add([frozen("eve", "EUR", -300)])
    counted.add([frozen("jun", "JPY", 700)])
    totals = counted.totals()
    assert (totals.bets, totals.users, totals.moved_most) == (4, 3, 700)
    said = totals_said(totals.said())
    assert said["by_currency"] == {
        "EUR": {"bets": 1, "users": 1, "credits": "0.00", "debits": "3.00", "waived": "0.00"},
        "JPY": {"bets": 1, "users": 1, "credits": "700", "debits": "0", "waived": "0"},
        "USD": {"bets": 2, "users": 1, "credits": "5.00", "debits": "2.00", "waived": "0.50"},
    }
    assert said["by_jurisdiction"] == {"US-NJ": {"EUR": "-3.00", "JPY": "700", "USD": "3.00"}}


@pytest.mark.parametrize(
    ("bets", "automatic"),
    [
        ([], True),
        ([frozen("ann", "USD", 1_000)], True),
        ([frozen("ann", "USD", 1_000), frozen("eve", "EUR", -1_000)], True),
        ([frozen("ann", "USD", 600), frozen("bob", "USD", -401)], False),
        ([frozen("ann", "USD", 1, policy=ASKS)], False),
    ],
)
def test_what_policies_let_go_without_a_person(bets: list[Frozen], automatic: bool) -> None:
    counted = Counted()
    for bet in bets:
        counted.add([bet])
    assert counted.totals().automatic is automatic
