"""The development cashier: money comes from nowhere and goes there. A real one would have a payment provider's word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
import orjson

from feeds.contract.errors import Refused
from gateway.access.principal import Principal
from gateway.bets.asked import RECEIPT_CHARS_MAX, Amount, Currency
from gateway.bets.bet import time_text
from gateway.bets.ports import Locations
from gateway.money import journals
from gateway.money.amounts import amount_from_text, amount_text
from gateway.money.keys import KnownKey, fingerprint_of, subject_of
from gateway.money.once import Ask
from gateway.money.refusals import MoneyRefused
from gateway.money.tables import LedgerTables, Movement, Outcome

Verb = Literal["deposit", "withdrawal"]

_LINES = {"deposit": journals.deposit, "withdrawal": journals.withdrawal}


class MoveIn(msgspec.Struct, frozen=True):
    """The body of a deposit or withdrawal."""

    amount: Amount
    currency: Currency
    geo: Annotated[str, msgspec.Meta(max_length=RECEIPT_CHARS_MAX)] | None = None


class Cashier(NamedTuple):
    """What a cashier needs. `now` is the wall clock."""

    tables: LedgerTables
    locations: Locations
    now: Callable[[], datetime]


class Cashing:
    """A gateway.money.once.Work: one deposit or withdrawal. `network`: the client's address."""

    def __init__(
        self, cashier: Cashier, verb: Verb, body: MoveIn, principal: Principal, *, key: str, network: str
    ) -> None:
        """Raises MoneyRefused("bad_body")."""
        assert principal.account is not None
        try:
            amount = amount_from_text(body.amount, body.currency)
        except Refused as refusal:
            raise MoneyRefused("bad_body", str(refusal)) from refusal
        self._cashier = cashier
        self._verb: Verb = verb
        self._body = body
        self._amount = amount
        self._principal = principal
        self._network = network
        fingerprint = fingerprint_of((verb, amount, body.currency))
        self.ask = Ask(owner=principal.account, key=key, fingerprint=fingerprint)

    async def prepare(self) -> Movement:
        """The movement. Raises MoneyRefused."""
        cashier, currency = self._cashier, self._body.currency
        await cashier.locations.check(self._body.geo, self._principal, self._network, cashier.now(), use=self._verb)
        at = cashier.now()
        journal = subject_of("J", self.ask.owner, self.ask.key)
        said = {
            "id": journal,
            "key": self.ask.key,
            "kind": self._verb,
            "amount": amount_text(self._amount, currency),
            "currency": currency,
            "at": time_text(at),
        }
        return Movement(
            owner=self.ask.owner,
            key=self.ask.key,
            fingerprint=self.ask.fingerprint,
            verb=self._verb,
            currency=currency,
            amount=self._amount,
            source_key=f"{self._verb}/{journal}",
            at=at,
            lines=_LINES[self._verb](self._amount),
            answer=orjson.dumps(said),
        )

    async def execute(self, prepared: Movement) -> Outcome:
        """Makes it. Raises DatabaseUnavailable."""
        return await self._cashier.tables.move(prepared)

    async def rebuilt(self, known: KnownKey) -> bytes:
        """The answer, without its time."""
        return moved_body(known, self.ask.key)


def moved_body(known: KnownKey, key: str) -> bytes:
    """What is told of a deposit or withdrawal of which no more is kept."""
    return orjson.dumps({"id": known.subject.rpartition("/")[2], "key": key, "kind": known.verb})
