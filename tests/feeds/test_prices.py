"""Prices as integers: the published rule between the two formats, its limits and its spellings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from feeds.contract.prices import (
    MILLI_MAX,
    MILLI_MIN,
    Price,
    american_from_milli,
    cents_text,
    fraction_text,
    line_text,
    milli_from_american,
    milli_text,
    price_from_american,
    price_from_decimal,
)


@pytest.mark.parametrize(
    ("american", "milli"),
    [
        (-110, 1_909),
        (-105, 1_952),
        (-115, 1_870),
        (-140, 1_714),
        (100, 2_000),
        (-100, 2_000),
        (150, 2_500),
        (-10_000, 1_010),
    ],
)
def test_american_to_decimal_follows_the_published_rule(american: int, milli: int) -> None:
    assert price_from_american(american) == Price(milli, american)


@pytest.mark.parametrize(
    ("odds", "american"), [("1.909", -110), ("2.00", 100), ("1.5", -200), ("3.25", 225), (11, 1_000)]
)
def test_decimal_to_american(odds: str | int, american: int) -> None:
    assert price_from_decimal(odds).american == american


@given(st.integers(100, 100_000) | st.integers(-100_000, -101))
def test_american_odds_survive_the_way_there_and_back_where_thousandths_tell_them_apart(american: int) -> None:
    milli = milli_from_american(american)
    assert milli_from_american(american_from_milli(milli)) == milli or milli < 1_030


@given(st.integers(MILLI_MIN, MILLI_MAX))
def test_the_nearer_of_two_american_prices_is_taken(milli: int) -> None:
    american = american_from_milli(milli)
    assert american >= 100 or american < -99
    exact = Decimal(milli - 1000) / 10 if milli >= 2_000 else Decimal(-100_000) / (milli - 1000)
    assert abs(american - exact) <= Decimal("0.5")


@pytest.mark.parametrize("odds", ["1.0004", "1", "0", "-2", "1001.001", "5000"])
def test_what_is_out_of_range_is_refused(odds: str) -> None:
    with pytest.raises(Refused) as refusal:
        price_from_decimal(odds)
    assert refusal.value.code == "price_out_of_range"


@pytest.mark.parametrize("odds", ["", "evens", "NaN", "Infinity"])
def test_what_is_no_price_is_refused(odds: str) -> None:
    with pytest.raises(Refused) as refusal:
        price_from_decimal(odds)
    assert refusal.value.code == "price_malformed"


@pytest.mark.parametrize("american", [0, 99, -99])
def test_between_minus_and_plus_a_hundred_there_are_no_american_odds(american: int) -> None:
    with pytest.raises(Refused):
        price_from_american(american)


def test_spellings() -> None:
    assert (milli_text(1_870), milli_text(11_000), cents_text(4_520)) == ("1.870", "11.000", "45.20")
    assert [line_text(line) for line in ("+3.50", "-3.5", "-0.0", 210.5, Decimal(10))] == [
        "3.5",
        "-3.5",
        "0",
        "210.5",
        "10",
    ]


@pytest.mark.parametrize("line", ["", "pick", "inf"])
def test_what_is_no_line_is_refused(line: str) -> None:
    with pytest.raises(Refused):
        line_text(line)


@pytest.mark.parametrize(
    ("milli", "fraction"),
    [
        (1_909, "10/11"),
        (1_870, "20/23"),
        (1_952, "20/21"),
        (1_714, "5/7"),
        (2_000, "1/1"),
        (2_375, "11/8"),
        (1_333, "1/3"),
        (101_000, "100/1"),
        (MILLI_MIN, "1/667"),
        (MILLI_MAX, "1000/1"),
    ],
)
def test_fractional_odds_are_the_simplest_that_lead_back(milli: int, fraction: str) -> None:
    assert fraction_text(milli) == fraction


@given(st.integers(MILLI_MIN, MILLI_MAX))
def test_every_fraction_leads_back_to_its_decimal_price_and_none_simpler_does(milli: int) -> None:
    numerator, denominator = map(int, fraction_text(milli).split("/"))

    def decimal_of(top: int, bottom: int) -> int:
        return 1000 + (2_000 * top + bottom) // (2 * bottom)

    assert decimal_of(numerator, denominator) == milli
    for smaller in range(1, denominator):
        nearest = (milli - 1000) * smaller // 1000
        assert all(decimal_of(top, smaller) != milli for top in (nearest, nearest + 1) if top > 0)
