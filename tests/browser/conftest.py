"""Fixtures of the browser tests. Where there is no Chromium they say that they are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import CHROMIUM, Chromium, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with chromium() as running:
        yield running
