"""Fixtures of the journeys."""

from pathlib import Path

import pytest

from tests.journeys.stack_process import free_port_base


@pytest.fixture
def port() -> int:
    """A `--port` for `oddswire up`."""
    return free_port_base()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory; what is written to a home or a temporary directory would show beside it."""
    for variable in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    (tmp_path / "cwd").mkdir()
    return tmp_path / "cwd"
