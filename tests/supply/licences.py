"""Licences of what an installation of oddswire consists of, read from the packages themselves.

A package that nothing here knows, or whose licence is not one of `TAKEN`, is a finding: somebody reads it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

from packaging.requirements import Requirement

EXTRAS = frozenset({"aerospike", "bench", "otel", "parquet"})
"""Of ours: what may run in production or beside it. Tools of development are not shipped."""

TAKEN = frozenset({
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0",
    "ZPL-2.1", "Zlib",
})  # fmt: skip
"""Permissive, or (MPL-2.0) shared file by file: none asks anything of programs that use it unchanged."""

_SAID = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache software license": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "bsd license": "BSD",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
"""What packages say that are older than licence expressions (PEP 639)."""

_WORDS = re.compile(r"[A-Za-z0-9.+-]+")
_OPERATORS = frozenset({"AND", "OR", "WITH"})


class Licensed(NamedTuple):
    """One package, and its licence as an SPDX expression; empty: it says none."""

    name: str
    version: str
    licence: str

    @property
    def taken(self) -> bool:
        """Whether every licence it names is one we take."""
        words = [word for word in _WORDS.findall(self.licence) if word not in _OPERATORS]
        return bool(words) and TAKEN.issuperset(words)


def licensed() -> list[Licensed]:
    """Every package that `pip install oddswire[...]` brings, by name."""
    found: dict[str, Licensed] = {}
    for name in sorted(_closure("oddswire", EXTRAS)):
        package = metadata.distribution(name)
        found[name] = Licensed(name, package.version, _licence(package))
    del found["oddswire"]
    return list(found.values())


def page(packages: list[Licensed]) -> str:
    """The list as Markdown. Without versions: those are in .ci/constraints.txt."""
    lines = [
        "# Licences of what oddswire installs",
        "",
        "Written by `make supply`; `tests/supply` checks that it is true. Development tools are not in it.",
        "",
        "| package | licence |",
        "|---|---|",
        *(f"| {one.name} | {one.licence} |" for one in packages),
    ]
    return "\n".join(lines) + "\n"


def _closure(name: str, extras: frozenset[str]) -> set[str]:
    asked: dict[str, set[str]] = {}
    waiting = [(name, extras)]
    while waiting:
        name, extras = waiting.pop()
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in asked and asked[name] >= extras:
            continue
        asked.setdefault(name, set()).update(extras)
        waiting += [(need.name, frozenset(need.extras)) for need in _needs(name, extras)]
    return set(asked)


def _needs(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in metadata.distribution(name).requires or ():
        need = Requirement(text)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield need


def _licence(package: metadata.Distribution) -> str:
    if expression := _said(package, "License-Expression"):
        return expression[0]
    classified = [text.rsplit(" :: ", 1)[-1] for text in _said(package, "Classifier") if text.startswith("License")]
    plain = [text.split("\n", 1)[0] for text in _said(package, "License")]
    words = [_SAID.get(word.lower(), word) for word in (*classified, *plain)]
    known = [word for word in words if word in TAKEN and word != "BSD"] or [word for word in words if word in TAKEN]
    return known[0] if known else " ".join(filter(None, words))


def _said(package: metadata.Distribution, name: str) -> list[str]:
    return list(map(str, package.metadata.get_all(name) or ()))
