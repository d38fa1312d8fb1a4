"""The chart, copied once for each process of tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helm.chart import Chart


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    place: Path = tmp_path_factory.mktemp("chart")
    return Chart(place)
