"""The planted faults still fit the code they are planted in: each stands there once, and changes it."""

from __future__ import annotations

import ast

import pytest

from tests.oracle.planting import ROOT, Bad, with_fault
from tests.oracle.plants import PLANTS, Plant

FAULTS_MIN = 30


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_plant_fits(plant: Plant) -> None:
    text = (ROOT / plant.file).read_text()
    faulty = with_fault(plant, text)
    assert faulty != text
    assert plant.tests
    assert all((ROOT / test).exists() for test in plant.tests)
    if plant.file.endswith(".py"):
        ast.parse(faulty)


def test_there_are_enough() -> None:
    assert len({plant.name for plant in PLANTS}) == len(PLANTS) >= FAULTS_MIN


def test_code_that_is_not_there_is_no_plant() -> None:
    with pytest.raises(Bad, match="0 times"):
        with_fault(PLANTS[0], "nothing")
