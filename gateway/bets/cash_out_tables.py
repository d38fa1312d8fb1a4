"""Cash-outs in PostgreSQL. Every call is one statement, and so one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from gateway.bets.bet import BetState, time_text
from gateway.bets.offers import Offer
from gateway.bets.ports import Decision
from gateway.bets.sql import statement
from gateway.money import journals
from gateway.money.amounts import amount_text
from gateway.money.journals import columns
from gateway.money.tables import Outcome, outcome_of
from gateway.store.pool import Database


class OpenLeg(NamedTuple):
    """A leg that was struck at `milli`, in thousandths."""

    market: str
    selection: str
    milli: int


class OpenBet(NamedTuple):
    """What an offer is made of. `turn`: of its open hold; `resulted`: a market of it has a result."""

    state: BetState
    under_review: bool
    type: str
    currency: str
    open_stake: int
    turn: int
    resulted: bool
    legs: tuple[OpenLeg, ...]


class CashedOut(NamedTuple):
    """A cash-out as it is told: `amount` for `stake`; `open_stake` is what was left."""

    cash_out: str
    key: str
    bet: str
    stake: int
    amount: int
    open_stake: int
    currency: str
    at: datetime

    def body(self) -> bytes:
        """Its JSON."""
        said = {
            "id": self.cash_out,
            "key": self.key,
            "bet": self.bet,
            "stake": amount_text(self.stake, self.currency),
            "amount": amount_text(self.amount, self.currency),
            "open_stake": amount_text(self.open_stake, self.currency),
            "currency": self.currency,
            "at": time_text(self.at),
        }
        return orjson.dumps(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class CashOutOrder:
    """A cash-out that nothing of the odds speaks against. `potential`: what the rest may pay."""

    owner: str
    key: str
    fingerprint: bytes
    offer: Offer
    told: CashedOut
    potential: int
    deadline: datetime | None
    decision: Decision
    while_excluded: bool


class CashOutTables:
    """Of `bets`. Every call may raise DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_bet(self, owner: str, bet: str) -> OpenBet | None:
        """A bet of a user as it may be cashed out."""
        row = await self._database.row(statement("open_bet"), owner, bet)
        if row is None:
            return None
        *facts, legs = row
        return OpenBet._make((*facts, tuple(OpenLeg(*leg) for leg in orjson.loads(legs))))

    async def cash_out(self, owner: str, cash_out: str) -> CashedOut:
        """One that is known by its key."""
        row = await self._database.row(statement("cash_out"), owner, cash_out)
        assert row is not None
        return CashedOut(*row)

    async def take(self, order: CashOutOrder) -> Outcome:
        """The whole of it: key, hold, journals, exposure, outbox; or nothing, and why."""
        offer, told, decision = order.offer, order.told, order.decision
        return outcome_of(
            await self._database.row(
                statement("take_cash_out"),
                *(order.owner, order.key, order.fingerprint, told.cash_out, offer.bet, offer.turn, offer.open_stake),
                *(told.stake, told.amount, order.potential, offer.prices, told.at),
                *(datetime.fromtimestamp(offer.until_ms / 1000, UTC), order.deadline),
                *(orjson.dumps(decision.record).decode(), decision.until, order.while_excluded),
                *columns(journals.post(offer.open_stake, told.amount)),
                *columns(journals.hold_again(told.open_stake)),
                told.body(),
            )
        )
