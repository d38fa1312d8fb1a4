"""Every directed scenario holds, and with its rule off it fails: so no rule of the protocol is there for nothing."""

from __future__ import annotations

import pytest

from tests.simulation import rules_catching_up, rules_positions, rules_showing
from tests.simulation.mutations import SEEN_BY_SIMULATION, Mutation
from tests.simulation.rules import SCENARIOS
from tests.simulation.world import World

MODULES = (rules_catching_up, rules_positions, rules_showing)
SEEDS_MAX = 300


def run_seeds(count: int) -> None:
    """Random runs, until one fails."""
    for seed in range(count):
        World(seed).run()


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


@pytest.mark.parametrize("mutation", SEEN_BY_SIMULATION, ids=lambda mutation: str(mutation.__name__))
def test_random_runs_notice_a_rule_that_is_off(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        run_seeds(SEEDS_MAX)
