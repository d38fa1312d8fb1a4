"""The ladder of American odds, and books of any number of sides on it."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from feeds.providers.simulator.futures import Season
from feeds.providers.simulator.pricing import IMPLIED, LADDER, Rungs, ThreeWay, TwoWay, many_way, two_way

OVERROUNDS = st.sampled_from([1.05, 1.055, 1.065])
CHANCES = st.floats(0.0, 1.0)


def book(rungs: Rungs) -> float:
    return sum(IMPLIED[rung] for rung in rungs)


def test_the_ladder_rises_and_has_every_usual_price() -> None:
    american = [price.american for price in LADDER]
    assert list(IMPLIED) == sorted(IMPLIED)
    assert len(set(american)) == len(american)
    assert {100, -105, -110, -115, 105, 110, 200, -200, 1000, 50_000, -10_000} <= set(american)
    assert -100 not in american


@given(CHANCES, OVERROUNDS)
def test_two_sides_sum_to_the_overround_and_mirror(fair: float, overround: float) -> None:
    rungs = two_way(fair, overround)
    assert 1.03 <= book(rungs) <= 1.08
    assert fair == 0.5 or (rungs[0] >= rungs[1]) == (fair > 0.5) or abs(fair - 0.5) < 0.01


@given(st.lists(st.floats(0.02, 1.0), min_size=3, max_size=30), OVERROUNDS)
def test_many_sides_sum_to_the_overround(weights: list[float], overround: float) -> None:
    total = sum(weights)
    fair = [weight / total for weight in weights]
    rungs = many_way(fair, overround)
    assert abs(book(rungs) - overround) < 0.01 or max(fair) * overround > IMPLIED[-1]


@given(CHANCES, OVERROUNDS, st.integers(0, 1000))
def test_a_two_way_price_always_moves(fair: float, overround: float, seed: int) -> None:
    pricer, rng = TwoWay(lambda: fair, overround), Random(seed)
    shown = pricer.reprice((), rng)
    for _ in range(20):
        rungs = pricer.reprice(shown, rng)
        assert rungs != shown
        assert 1.03 <= book(rungs) <= 1.08
        shown = rungs


@given(st.floats(0.035, 0.9), st.floats(0.035, 0.9), st.integers(0, 1000))
def test_a_three_way_price_always_moves(home: float, away: float, seed: int) -> None:
    everything = home + away + 0.035
    chances = (home / everything, 0.035 / everything, away / everything)
    pricer, rng = ThreeWay(lambda: chances, 1.05), Random(seed)
    shown = pricer.reprice((), rng)
    for _ in range(10):
        rungs = pricer.reprice(shown, rng)
        assert rungs != shown
        assert 1.03 <= book(rungs) <= 1.08
        shown = rungs


@given(st.integers(8, 30), st.integers(0, 1000))
def test_a_season_moves_for_ever_within_its_overround(sides: int, seed: int) -> None:
    rng = Random(seed)
    pricer = Season(sides, rng)
    shown = pricer.reprice((), rng)
    for _ in range(100):
        rungs = pricer.reprice(shown, rng)
        assert 1.03 <= book(rungs) <= 1.08
        assert len(rungs) == sides
        shown = rungs
