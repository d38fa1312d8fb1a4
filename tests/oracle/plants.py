"""The faults of plants.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple


class Plant(NamedTuple):
    """One fault: `code` of `file`, replaced by `planted`, breaks a rule, and at least one of `tests` must fail."""

    name: str
    breaks: str
    file: str
    code: str
    planted: str
    tests: tuple[str, ...]


def _read() -> tuple[Plant, ...]:
    said = tomllib.loads(Path(__file__).with_name("plants.toml").read_text())
    return tuple(Plant(**{**one, "tests": tuple(one["tests"])}) for one in said["plant"])


PLANTS = _read()
