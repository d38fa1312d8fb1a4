"""Plants one fault in a scratch copy of the repository and runs the tests that must catch it there.

The copy is the files that git knows, so nothing of it reaches the work tree; the virtual environment is this one, told
by PYTHONPATH where the packages are. A fault is caught when a test fails: a copy that does not even import is not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.oracle.plants import Plant

ROOT = Path(__file__).resolve().parents[2]

LIMIT_S = 120
"""For the tests of one fault."""

_TESTS_FAILED = 1
"""pytest's exit status where tests ran and some failed; what could not be collected has another."""


class Bad(Exception):
    """A plant that is none: its code is not there, or not once."""


class Caught(NamedTuple):
    """What became of one fault. `why`: the first test that failed, or what else happened."""

    caught: bool
    why: str
    took_s: float


@contextmanager
def scratch() -> Iterator[Path]:
    """A copy of what git knows, changes not committed included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    with tempfile.TemporaryDirectory(prefix="oddswire-oracle-") as folder:
        copy = Path(folder)
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
        yield copy


@contextmanager
def planted(plant: Plant, copy: Path) -> Iterator[None]:
    """The copy with this fault. Raises Bad."""
    path = copy / plant.file
    text = path.read_text()
    path.write_text(with_fault(plant, text))
    try:
        yield
    finally:
        path.write_text(text)


def with_fault(plant: Plant, text: str) -> str:
    """The file with the fault in it. Raises Bad."""
    if text.count(plant.code) != 1:
        raise Bad(f"{plant.name}: its code stands {text.count(plant.code)} times in {plant.file}")
    return text.replace(plant.code, plant.planted)


def is_caught(plant: Plant, copy: Path) -> Caught:
    """Runs the fault's tests, in their order until one fails. Raises Bad."""
    with planted(plant, copy):
        return run(plant.tests, copy)


def run(tests: tuple[str, ...], copy: Path) -> Caught:
    """Whether one of these tests fails in the copy as it is."""
    began = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-x",
        "--tb=no",
        "-rf",
        *tests,
    ]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return Caught(False, f"not within {LIMIT_S} s", LIMIT_S)
    took_s = time.monotonic() - began
    said = done.stdout.decode(errors="replace")
    failed = [line.split(" ")[1] for line in said.splitlines() if line.startswith("FAILED ")]
    if done.returncode == _TESTS_FAILED and failed:
        return Caught(True, failed[0], took_s)
    last = said.strip().splitlines()[-1:] or done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return Caught(False, f"pytest ended with {done.returncode}: {' '.join(last)}", took_s)
