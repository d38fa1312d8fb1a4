"""Amounts, journals and what the failing of a statement means."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from gateway.money import journals
from gateway.money.amounts import DIGITS, MINOR_MAX, amount_from_text, amount_text, half_even, payout_of
from gateway.money.fates import fate_of
from gateway.money.finals import Final, Finals, unpacked
from gateway.money.gate import Gate
from gateway.money.refusals import MoneyRefused
from gateway.store.errors import DatabaseUnavailable, NotConnected

amounts = st.integers(1, MINOR_MAX)


@given(amounts, st.sampled_from(sorted(DIGITS)))
def test_an_amount_comes_back_from_its_text(minor: int, currency: str) -> None:
    assert amount_from_text(amount_text(minor, currency), currency) == minor
    assert amount_text(-minor, currency) == f"-{amount_text(minor, currency)}"


@given(st.text(max_size=20))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    try:
        minor = amount_from_text(text, "USD")
    except Refused:
        return
    assert 0 < minor <= MINOR_MAX


@given(amounts, st.integers(0, MINOR_MAX))
def test_every_journal_sums_to_zero(stake: int, payout: int) -> None:
    made = [journals.deposit(stake), journals.withdrawal(stake), journals.hold(stake), journals.void(stake)]
    for lines in (*made, journals.post(stake, payout)):
        assert sum(line.amount for line in lines) == 0
        assert all(line.amount for line in lines)


@given(amounts, st.lists(st.integers(1_001, 1_001_000), min_size=1, max_size=20))
def test_a_payout_is_rounded_once_half_even(stake: int, milli: list[int]) -> None:
    exact = Fraction(stake)
    for price in milli:
        exact *= Fraction(price, 1000)
    assert payout_of(stake, milli) == round(exact)  # of a Fraction: half even


def test_half_even_at_the_half() -> None:
    assert [half_even(n, 2) for n in (1, 3, 5, 7)] == [0, 2, 2, 4]


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (asyncpg.SerializationError("x"), "rerun"),
        (asyncpg.DeadlockDetectedError("x"), "rerun"),
        (asyncpg.LockNotAvailableError("x"), "undone"),
        (asyncpg.QueryCanceledError("x"), "undone"),
        (asyncpg.TooManyConnectionsError("x"), "undone"),
        (asyncpg.AdminShutdownError("x"), "unknown"),
        (asyncpg.CrashShutdownError("x"), "unknown"),
        (asyncpg.ConnectionFailureError("x"), "unknown"),
        (asyncpg.ReadOnlySQLTransactionError("x"), "unknown"),
        (ConnectionResetError(), "unknown"),
        (TimeoutError(), "unknown"),
    ],
)
def test_what_the_failing_of_a_statement_means(error: Exception, fate: str) -> None:
    told = DatabaseUnavailable("x")
    told.__cause__ = error
    assert fate_of(told) == fate
    assert fate_of(error) == fate
    assert fate_of(NotConnected("x")) == "undone"


def test_final_answers_are_kept_within_their_bytes() -> None:
    finals = Finals(10_000)
    for n in range(100):
        finals.put("u1", f"k{n}", Final(b"f" * 32, 201, b"x" * 600))
        assert finals.get("u1", "k0") is not None  # asked for again and again
        assert finals.held_bytes <= 10_000
    assert len(finals) == 9
    packed = Final(b"f" * 32, 201, b"body").packed()
    assert unpacked(packed) == Final(b"f" * 32, 201, b"body")
    assert unpacked(b"short") is None


async def test_the_gate_lets_in_so_many_and_refuses_who_would_wait_too_long() -> None:
    now_s = 0.0
    gate = Gate(2, 0.05, lambda: now_s)
    release = asyncio.Event()

    async def work() -> None:
        async with gate.slot():
            await release.wait()

    inside = [asyncio.create_task(work()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(work()) for _ in range(3)]
    with pytest.raises(MoneyRefused) as refused:
        await asyncio.gather(*waiting)
    assert (refused.value.code, refused.value.later) == ("overloaded", True)
    await asyncio.gather(*waiting, return_exceptions=True)
    now_s = 10.0
    release.set()
    await asyncio.gather(*inside)
    assert gate.shed == 3
    assert gate.expected_s == 0.0
    release.clear()
    inside = [asyncio.create_task(work()) for _ in range(2)]
    await asyncio.sleep(0)
    assert gate.expected_s > 0.05
    with pytest.raises(MoneyRefused):  # at once: who was inside took ten seconds
        await asyncio.wait_for(work(), 0.001)
    release.set()
    await asyncio.gather(*inside)


async def test_who_leaves_the_queue_takes_no_slot_with_him() -> None:
    gate = Gate(1, 10.0, lambda: 0.0)
    async with gate.slot():
        waiting = [asyncio.create_task(_through(gate)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    await waiting[1]
    async with asyncio.timeout(10), gate.slot():
        pass


async def _through(gate: Gate) -> None:
    async with gate.slot():
        pass
