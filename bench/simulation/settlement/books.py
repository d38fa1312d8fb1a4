"""The ledger as the settlement sees it, in memory: a journal is written whole, once, and sums to nothing.

B1 every journal sums to zero; B2 no source key is written twice; B3 cash and holds are never below zero, and nobody
owes a negative sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bench.simulation.violation import Violation
from gateway.money.journals import Line
from gateway.settlement.steps import Purse


class Books:
    """Accounts by owner and kind; the house has one of each."""

    def __init__(self) -> None:
        self.accounts: Counter[tuple[str, str]] = Counter()
        self._written: set[str] = set()

    def write(self, source_key: str, owner: str, lines: Iterable[Line]) -> None:
        """One journal. Raises Violation."""
        entries = list(lines)
        if sum(line.amount for line in entries):
            raise Violation(f"B1: {source_key} does not sum to zero: {entries}")
        if source_key in self._written:
            raise Violation(f"B2: {source_key} is written twice")
        self._written.add(source_key)
        for line in entries:
            name = (owner if line.kind.startswith("user:") else "house", line.kind)
            self.accounts[name] += line.amount
            if line.kind in ("user:cash", "user:open_stakes") and self.accounts[name] < 0:
                raise Violation(f"B3: {source_key} leaves {owner} with {self.accounts[name]} of {line.kind}")
            if line.kind == "user:receivable" and self.accounts[name] > 0:
                raise Violation(f"B3: {source_key} leaves {owner} with {self.accounts[name]} owed the wrong way")

    def purse(self, owner: str) -> Purse:
        """What a user has."""
        cash, owed, held = (self.accounts[owner, kind] for kind in ("user:cash", "user:receivable", "user:open_stakes"))
        return Purse(cash, owed, held)

    def total(self) -> int:
        """Of everything: nothing."""
        return sum(self.accounts.values())
