"""Fixtures of the browser tests. Where there is no Chromium they say that they are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import CHROMIUM, Chromium, chromium


@pytest.fixture(scope="module", autouse=True)
def patient_gateways() -> Iterator[None]:
    """A busy machine is late, and a gateway that is late turns pages away: 503, which a console calls an error."""
    with pytest.MonkeyPatch.context() as patch:
        for what in ("HISTORY", "BOARDS", "STREAMS", "STATUS"):
            patch.setenv(f"ODDSWIRE_GATEWAY_SHED_{what}_MS", "60000")
        patch.setenv("ODDSWIRE_GATEWAY_HISTORY_WAIT_MS", "60000")
        patch.setenv("ODDSWIRE_GATEWAY_HISTORY_STATEMENT_S", "60")
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with chromium() as running:
        yield running
