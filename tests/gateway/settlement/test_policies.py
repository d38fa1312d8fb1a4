"""Policies of corrections: which one counts, and what of a change they take. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from gateway.settlement.corrections.plan import Change, plan, taken
from gateway.settlement.corrections.policy import Policies, Policy, policies_of, shipped_policies

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ON = NOW.date()


def policy(name: str = "p", **changes: Any) -> Policy:
    values: dict[str, Any] = {"id": name, "mode": "full", "text": "t", "window_h": 72} | changes
    return Policy(**values)


def change(delta: int, bet: str = "B1", age_h: float = 1, waived: int = 0, **changes: Any) -> Change:
    return Change(bet, delta, waived, NOW - timedelta(hours=age_h), policy(**changes))


def test_what_ships_is_careful() -> None:
    careful = shipped_policies().policy_for("US-PA", "anyone", "spread", on=ON)
    assert (careful.id, careful.mode, careful.window_h, careful.shortfall) == ("careful", "full", 72, "owed")
    assert shipped_policies().policy_for("US-NJ", "anyone", "spread", on=ON).mode == "approval_required"


def test_the_most_particular_counts() -> None:
    everywhere, type_, operator = policy("a"), policy("b", types=("total",)), policy("c", operator="o")
    place = policy("d", jurisdiction="US-PA", until=date(2026, 11, 25))
    policies = Policies(ON, (everywhere, type_, operator, place))
    asked = [("US-NJ", "x", "spread"), ("US-NJ", "x", "total"), ("US-NJ", "o", "total"), ("US-PA", "o", "total")]
    assert [policies.policy_for(*one, on=ON).id for one in asked] == ["a", "b", "c", "c"]
    assert policies.policy_for(*asked[-1], on=date(2026, 11, 25)).id == "d"
    with pytest.raises(Refused, match="no policy"):
        Policies(ON, (place,)).policy_for("US-NJ", "o", "total", on=ON)


@pytest.mark.parametrize(
    "second", ['id = "a"\nmode = "full"', 'id = "b"\nmode = "full"', 'id = "b"\nmode = "half"\njurisdiction = "x"']
)
def test_policies_that_contradict_are_refused(second: str) -> None:
    head = 'reviewed = 2026-11-26\n[[policy]]\nid = "a"\nmode = "full"\nwindow_h = 1\ntext = "t"\n'
    assert policies_of(head.encode()).policy[0].id == "a"
    with pytest.raises(Refused) as refused:
        policies_of(f'{head}[[policy]]\nwindow_h = 1\ntext = "t"\n{second}\n'.encode())
    assert refused.value.code == "bad_policies"


@pytest.mark.parametrize(
    ("one", "amount", "waived"),
    [
        (change(-500), -500, 0),
        (change(-500, mode="approval_required"), -500, 0),
        (change(-500, mode="credit_only"), 0, 500),
        (change(500, mode="credit_only"), 500, 0),
        (change(500, age_h=1_000), 500, 0),
        (change(-500, age_h=73), 0, 500),
        (change(-500, floor=501), 0, 500),
        (change(-500, floor=500), -500, 0),
        (change(-500, cap=120), -120, 380),
        (change(-500, cap=0), 0, 500),
        (change(500, waived=380), 120, -380),
        (change(100, waived=380), 0, -100),
        (change(0), 0, 0),
    ],
)
def test_what_is_taken(one: Change, amount: int, waived: int) -> None:
    ((_, got, bore),) = plan([one], NOW)
    assert (got, bore) == (amount, waived)


def test_floor_and_cap_are_of_the_user() -> None:
    several = [change(-80, bet, floor=100, cap=150) for bet in ("B1", "B2", "B3")]
    assert [part.amount for part in plan(several, NOW)] == [-80, -70, 0]
    assert [part.amount for part in plan(several[:1], NOW)] == [0]


_changes = st.lists(
    st.builds(
        change,
        st.integers(-10_000, 10_000),
        age_h=st.sampled_from((1, 100)),
        waived=st.integers(0, 5_000),
        mode=st.sampled_from(("full", "credit_only", "approval_required")),
        floor=st.integers(0, 500),
        cap=st.none() | st.integers(1, 5_000),
    ),
    max_size=6,
).map(lambda found: [one._replace(bet=f"B{place}", policy=found[0].policy) for place, one in enumerate(found)])


@given(_changes)
def test_nothing_is_lost_and_credits_are_always_paid(changes: list[Change]) -> None:
    parts = {part.bet: part for part in plan(changes, NOW)}
    for one in changes:
        part = parts[one.bet]
        assert part.amount - part.waived == one.delta
        if one.delta >= 0:
            assert part.amount == max(0, one.delta - one.waived_before)
        else:
            assert one.delta <= part.amount <= 0
    asked = sum(-part.amount for part in parts.values() if part.amount < 0)
    assert asked <= min(changes[0].policy.cap or asked, asked) if changes else not asked


@given(st.integers(-10_000, 10_000), st.integers(0, 5_000), st.integers(-5_000, 0), st.booleans())
def test_cash_is_never_below_zero(amount: int, cash: int, receivable: int, owed: bool) -> None:
    moved = taken(amount, cash=cash, receivable=receivable, owed=owed)
    assert moved.cash + moved.receivable - moved.waived == amount
    assert cash + moved.cash >= 0
    assert receivable + moved.receivable <= 0
    assert moved.waived == 0 or not owed


@given(st.integers(0, 10_000), st.integers(0, 20_000), st.sampled_from(("full", "credit_only")), st.booleans())
def test_taken_and_given_back_is_nothing(debit: int, cash: int, mode: str, owed: bool) -> None:
    """R2 of money: whatever a debit took, owed and waived, the credit that takes it back restores."""
    ((_, amount, waived),) = plan([change(-debit, mode=mode)], NOW)
    first = taken(amount, cash=cash, receivable=0, owed=owed)
    ((_, again, back),) = plan([change(debit, waived=waived + first.waived)], NOW)
    second = taken(again, cash=cash + first.cash, receivable=first.receivable, owed=True)
    assert (first.cash + second.cash, first.receivable + second.receivable) == (0, 0)
    assert waived + first.waived + back + second.waived == 0
