"""What a checker found."""

from __future__ import annotations

from typing import NamedTuple


class Violation(NamedTuple):
    """A rule of DOMAIN.md section 5 that does not hold."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} {self.where}: {self.what}"
