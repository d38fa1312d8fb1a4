"""What users get: the wheel, in an environment that holds nothing else, runs a stack."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.journeys.stack_process import files_beside_data_dir, stack

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
INSTALL_S = 180.0


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, check=False, cwd="/", text=True, timeout=INSTALL_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(place: Path) -> Path:
    """A virtual environment with the wheel built from this tree and what it needs, at the pinned versions."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, ROOT)
    [wheel] = place.glob("oddswire-*.whl")
    run(sys.executable, "-m", "venv", place / "venv")
    pip = (place / "venv/bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "install", "--constraint", ROOT / ".ci/constraints.txt", wheel)
    return place / "venv"


def test_the_wheel_brings_every_package_and_a_stack_runs_from_it(
    tmp_path_factory: pytest.TempPathFactory, home: Path, port: int
) -> None:
    environment = installed(tmp_path_factory.mktemp("wheel"))
    [packages] = environment.glob("lib/python*/site-packages")
    assert {"feeds", "fanout", "gateway", "bench"} <= {path.name for path in packages.iterdir()}
    assert not (packages / "tests").exists()
    assert run(environment / "bin/oddswire", "--version") == f"oddswire {version('oddswire')}\n"
    left_by_pip = files_beside_data_dir(home)
    options = ("--events", "6", "--rate", "50", "--port", str(port))
    with stack(*options, cwd=home, oddswire=environment / "bin/oddswire") as up:
        up.until("ready in")
        assert up.end() == 0
        assert up.processes() == []
    assert files_beside_data_dir(home) == left_by_pip
