"""Fixtures of the bench's tests."""

from __future__ import annotations

import pytest


def _not(level: str) -> None:
    del level


@pytest.fixture(autouse=True)
def _logs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement sets the logs of its process up, here that of all tests: to a stderr that ends with this one."""
    monkeypatch.setattr("bench.measuring.configure_logs", _not)
