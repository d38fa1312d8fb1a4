"""A theatre for a module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.theatre import Theatre, opened


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    with opened() as made:
        yield made
