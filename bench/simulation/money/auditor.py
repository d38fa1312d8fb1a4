"""What may be told of a key, held against what stands in the database at that moment and in the end.

M1 an answer is the one that stands in the key's row, the same for ever, byte for byte where it is kept;
M2 who is refused has moved nothing: no row that was there before, none by the work that was refused;
M3 a key is only called reused where it was used, for another meaning;
M4 what stands in the wallet is the sum of the rows, one a key.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from bench.simulation.money.vault import Order, Row, Vault
from bench.simulation.violation import Violation
from gateway.money.once import Told
from gateway.money.refusals import MoneyRefused

Name = tuple[str, str]

_SAYS_NOTHING = frozenset({"key_running", "rate_limited"})
"""Refusals that are about other requests."""


class Asked(NamedTuple):
    """A request as a worker took it. `before`: the key's row then."""

    order: Order
    worker: str
    at_s: float
    before: Row | None

    @property
    def name(self) -> Name:
        """Of the key."""
        return self.order.ask.owner, self.order.ask.key


class Auditor:
    """Sees every request as it arrives and every answer as it leaves, whether or not that arrives."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._told: dict[Name, tuple[int, bytes]] = {}
        self.answers: Counter[str] = Counter()

    def asked(self, order: Order, worker: str, at_s: float) -> Asked:
        """A worker takes a request."""
        name = order.ask.owner, order.ask.key
        return Asked(order, worker, at_s, self._vault.rows.get(name))

    def told(self, asked: Asked, told: Told) -> None:
        """It was answered. Raises Violation."""
        self.answers["told"] += 1
        row, final = self._vault.rows.get(asked.name), told.final
        if row is None or row.known.fingerprint != asked.order.ask.fingerprint:
            raise Violation(f"M1: {asked.name} was answered, and the database has {row}")
        if not told.kept:
            return
        said = final.status, final.body
        expected = row.known.status, row.known.answer
        if said != self._told.setdefault(asked.name, said):
            raise Violation(f"M1: {asked.name} was told {said}, before that {self._told[asked.name]}")
        if row.known.answer is not None and said != expected:
            raise Violation(f"M1: {asked.name} was told {said}, the database has {expected}")

    def refused(self, asked: Asked, refusal: MoneyRefused) -> None:
        """It was refused. Raises Violation."""
        self.answers[refusal.code] += 1
        fingerprint = asked.order.ask.fingerprint
        row = self._vault.rows.get(asked.name)
        if refusal.code == "key_reused":
            if row is None or row.known.fingerprint == fingerprint:
                raise Violation(f"M3: {asked.name} is called reused, its row is {row}")
            return
        if row is None or refusal.code in _SAYS_NOTHING:
            return
        if asked.before is not None and not refusal.later:
            raise Violation(f"M2: {asked.name} was refused with {refusal.code}, its row was there")
        if row.worker == asked.worker and asked.before is None and row.at_s > asked.at_s:
            raise Violation(f"M2: {asked.name} was refused with {refusal.code}, and done")

    def end(self, names: set[Name]) -> None:
        """All is quiet, and these keys were answered. Raises Violation."""
        sums: Counter[str] = Counter()
        for (owner, _), row in self._vault.rows.items():
            sums[owner] += row.amount
        for owner, balance in self._vault.balances.items():
            if balance != sums[owner] or balance < 0:
                raise Violation(f"M4: {owner} has {balance}, the rows make {sums[owner]}")
        missing = [name for name in names if name not in self._vault.rows]
        if missing:
            raise Violation(f"M1: {missing[0]} was answered, and is not in the database")
