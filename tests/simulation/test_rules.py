"""Every directed scenario holds, and with its rule off it fails: so no rule of the protocol is there for nothing."""

from __future__ import annotations

import pytest

from bench.simulation import worlds
from bench.simulation.delivery.world import World
from tests.simulation import rules_catching_up, rules_positions, rules_showing
from tests.simulation.mutations import NOTICED, SEEN_BY_SIMULATION, Mutation
from tests.simulation.mutations_money import SEEN_BY
from tests.simulation.rules import SCENARIOS

MODULES = (rules_catching_up, rules_positions, rules_showing)
SEEDS_MAX = 300


def run_seeds(first: int, count: int) -> None:
    """Random runs, until one fails: this one, then all."""
    for seed in (first, *range(count)):
        World(seed).run()


def run_world(name: worlds.Name, count: int) -> None:
    """Random runs of one world, until one fails."""
    for seed in range(count):
        worlds.run(name, seed)


@pytest.mark.parametrize("name", SCENARIOS)
def test_rule(name: str) -> None:
    SCENARIOS[name].scene()


@pytest.mark.parametrize(
    ("name", "mutation"),
    [
        pytest.param(name, mutation, id=f"{name}-{mutation.__name__}")
        for name, scenario in SCENARIOS.items()
        for mutation in scenario.broken_by
    ],
)
def test_without_the_rule_its_scenario_fails(name: str, mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        SCENARIOS[name].scene()


@pytest.mark.parametrize(
    ("name", "mutation"),
    [
        pytest.param(name, mutation, id=f"{name}-{mutation.__name__}")
        for name, mutations in SEEN_BY.items()
        for mutation in mutations
    ],
)
def test_worlds_of_money_notice_a_rule_that_is_off(
    name: worlds.Name, mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    with pytest.raises(worlds.Failed):
        run_world(name, SEEDS_MAX)


@pytest.mark.parametrize("mutation", SEEN_BY_SIMULATION, ids=lambda mutation: str(mutation.__name__))
def test_random_runs_notice_a_rule_that_is_off(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        run_seeds(NOTICED.get(mutation, 0), SEEDS_MAX)
