"""The ledger in PostgreSQL: who moves money, and who reads it. Every call is one statement, and so one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from gateway.money.journals import Lines, columns
from gateway.money.keys import KnownKey
from gateway.money.sql import statement
from gateway.store.pool import Database

CREATED = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A deposit or a withdrawal to be made. `answer`: what is told of it, kept byte for byte. `location`: the decision
    that let it pass, where somebody asked for one, which counts before `location_until`."""

    owner: str
    key: str
    fingerprint: bytes
    verb: Literal["deposit", "withdrawal"]
    currency: str
    amount: int
    source_key: str
    at: datetime
    lines: Lines
    answer: bytes
    location: Mapping[str, object] | None = None
    location_until: datetime | None = None


class Outcome(NamedTuple):
    """How a statement of money ended. `code`: `done`, `placed`, `refused`, `known`, or that of a refusal that left
    nothing behind, without `key`; `more`: what it says besides."""

    code: str
    key: KnownKey | None
    more: Mapping[str, object] = {}


class Wallet(NamedTuple):
    """What a user has, in minor units. `seq` rises with every change."""

    currency: str
    seq: int
    cash: int
    open_stakes: int
    receivable: int


class CashEntry(NamedTuple):
    """One entry of a user's cash."""

    version: int
    source_key: str
    kind: str
    bet: str | None
    at: datetime
    currency: str
    amount: int
    balance: int


class LedgerTables:
    """The tables of `money`. Every call may raise DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def move(self, movement: Movement) -> Outcome:
        """Makes a deposit or a withdrawal, once for each key."""
        kinds, amounts = columns(movement.lines)
        row = await self._database.row(
            statement("move"),
            movement.owner,
            movement.key,
            movement.fingerprint,
            movement.verb,
            movement.currency,
            movement.amount,
            movement.source_key,
            movement.at,
            kinds,
            amounts,
            CREATED,
            movement.answer,
            None if movement.location is None else orjson.dumps(movement.location).decode(),
            movement.location_until,
        )
        return outcome_of(row)

    async def bury_key(self, owner: str, key: str, at: datetime) -> KnownKey:
        """What a key was used for; one that was not used never will be."""
        outcome = outcome_of(await self._database.row(statement("bury_key"), owner, key, at))
        assert outcome.key is not None
        return outcome.key

    async def key(self, owner: str, key: str) -> KnownKey | None:
        """What a key was used for, once whatever is under way for its owner has ended."""
        row = await self._database.row(statement("key"), owner, key)
        return None if row is None else outcome_of(row).key

    async def forget_answers(self, before: datetime, *, limit: int) -> int:
        """Lets go of answers made before; gives how many."""
        done = await self._database.execute(statement("forget_answers"), before, limit)
        return int(done.split()[-1])

    async def wallet(self, owner: str) -> Wallet | None:
        """What a user has; None where there never was a deposit."""
        row = await self._database.row(statement("wallet"), owner)
        return None if row is None else Wallet(*row)

    async def entries(self, owner: str, *, before: int, limit: int) -> list[CashEntry]:
        """Entries of a user's cash, the newest first, of versions below `before`."""
        return [CashEntry(*row) for row in await self._database.fetch(statement("entries"), owner, before, limit)]


def outcome_of(row: Any) -> Outcome:
    """The outcome that a statement gave."""
    code, verb, fingerprint, subject, status, answer = row
    if verb is None:
        return Outcome(code, None, {} if subject is None else orjson.loads(subject))
    return Outcome(code, KnownKey(verb, fingerprint, subject, status, answer))
