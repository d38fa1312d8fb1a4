"""What an installation consists of: ranges in pyproject.toml, exact versions in .ci/constraints.txt."""

import re
import tomllib
from importlib.metadata import distributions, version
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINES = (ROOT / ".ci/constraints.txt").read_text().splitlines()
PINNED = {canonicalize_name(name): pin for name, _, pin in (line.partition("==") for line in LINES)}


def direct_requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    return [Requirement(line) for line in (*project["dependencies"], *extras)]


def test_constraints_are_names_and_exact_versions_only() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.+!]*", line)] == []
    assert sorted(LINES, key=str.casefold) == LINES
    assert len(PINNED) == len(LINES)


def test_every_direct_dependency_is_pinned_within_its_range_and_installed_so() -> None:
    for requirement in direct_requirements():
        pin = PINNED[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), requirement
        assert version(requirement.name) == pin


def test_what_our_dependencies_need_is_pinned_too() -> None:
    installed = {canonicalize_name(found.metadata["Name"]): found for found in distributions()}
    needed, seen = [canonicalize_name(requirement.name) for requirement in direct_requirements()], set()
    while needed:
        name = needed.pop()
        if name in seen or name not in installed:
            continue
        seen.add(name)
        requirements = [Requirement(line) for line in installed[name].requires or ()]
        needed += [canonicalize_name(one.name) for one in requirements if one.marker is None or one.marker.evaluate()]
    assert sorted(seen - PINNED.keys()) == []
