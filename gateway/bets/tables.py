"""Bets in PostgreSQL. Every call is one statement, and so one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from gateway.bets.asked import Asked, Leg
from gateway.bets.bet import Bet, BetLeg
from gateway.bets.ports import Decision, shown_of
from gateway.bets.sql import statement
from gateway.money import journals
from gateway.money.journals import columns
from gateway.money.tables import Outcome, outcome_of
from gateway.store.pool import Database


class Exposures(NamedTuple):
    """Limits that need other bets: see BetsSettings. Amounts in minor units."""

    duplicate_within: timedelta
    market_liability_max: int
    house_liability_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A bet that nothing of the odds speaks against. `due`: when it is to be decided; None: at once. `answer` and
    `refusal` are what is told, byte for byte, as it is placed or as there is a result already."""

    asked: Asked
    bet: Bet
    decision: Decision
    due: datetime | None
    answer: bytes
    refusal: bytes


class Due(NamedTuple):
    """A waiting bet whose time has come."""

    bet: str
    owner: str
    stake: int
    due: datetime


class BetTables:
    """The tables of `bets`. Every call may raise DatabaseUnavailable."""

    def __init__(self, database: Database, exposures: Exposures) -> None:
        self._database = database
        self._exposures = exposures
        self._house: dict[str, int] = {}

    async def place(self, order: Order) -> Outcome:
        """The whole of it: key, bet, hold, journal, exposure, outbox; or nothing, and why."""
        return outcome_of(await self._database.row(statement("place"), *self._parameters(order)))

    def _parameters(self, order: Order) -> tuple[object, ...]:
        asked, bet, decision, exposures = order.asked, order.bet, order.decision, self._exposures
        legs = list(zip(*bet.legs, strict=True))
        events, markets, selections, milli, positions, policies, prices_asked = map(list, legs)
        kinds, amounts = columns(journals.hold(bet.stake))
        return (
            *(asked.owner, asked.key, asked.fingerprint, asked.click, asked.confirmed),
            *(bet.bet, bet.type, bet.stake, bet.currency, bet.potential_payout, bet.placed, order.due),
            *(asked.cursor, orjson.dumps(decision.record).decode(), decision.until, asked.deadline),
            *(events, markets, selections, milli, prices_asked, [leg.s for leg in asked.legs], positions, policies),
            *(kinds, amounts, order.answer, order.refusal),
            *(exposures.duplicate_within, exposures.market_liability_max),
            exposures.house_liability_max - self._house.get(bet.currency, 0),
        )

    async def look_at_house(self) -> None:
        """What the house may lose by now; `place` goes by it until the next look."""
        rows = await self._database.fetch(statement("house"))
        self._house = dict(rows)

    async def exposures(self) -> list[tuple[str, str, int, int]]:
        """Currency, market, what is staked on it and what would be lost at worst, of each market with open bets."""
        return [(*row,) for row in await self._database.fetch(statement("exposures"))]

    async def bet(self, owner: str, bet: str) -> Bet | None:
        """One bet of a user."""
        row = await self._database.row(statement("bet"), owner, bet)
        return None if row is None else bet_of(row)

    async def bets(self, owner: str, *, before: tuple[datetime, str], limit: int) -> list[Bet]:
        """Bets of a user, the newest first, those placed before a time and id."""
        return [bet_of(row) for row in await self._database.fetch(statement("bets"), owner, *before, limit)]

    async def take_due(self, *, limit: int, within: timedelta) -> list[Due]:
        """Waiting bets whose time has come; until `within` has passed nobody else gets them."""
        return [Due(*row) for row in await self._database.fetch(statement("take_due"), limit, within)]

    async def legs(self, bet: str) -> tuple[Leg, ...]:
        """The legs of a bet as they were asked for."""
        return tuple(_leg_of(*row) for row in await self._database.fetch(statement("legs"), bet))

    async def decide(self, due: Due, *, refused: str | None, at: datetime) -> str:
        """Accepts a waiting bet, or refuses it for a reason and gives the stake back, once; gives its state."""
        kinds, amounts = columns(journals.void(due.stake))
        row = await self._database.row(
            statement("decide"), due.owner, due.bet, refused is None, refused, at, kinds, amounts
        )
        assert row is not None
        state: str = row[0]
        return state


def bet_of(row: Any) -> Bet:
    """A bet from a row of `bets.told`: the columns of sql/bet.sql, in their order."""
    *facts, location, legs, cashed_stake, cashed_out = row
    told = tuple(BetLeg(*leg) for leg in orjson.loads(legs))
    return Bet._make((*facts, shown_of(orjson.loads(location)), told, cashed_stake, cashed_out))


def _leg_of(market: str, selection: str, asked: int, s: int, policy: str) -> Leg:
    kind, _, within = policy.partition(" ")
    slip = {"any": None, "within": int(within.replace(".", "") or 0)}.get(kind, 0)
    return Leg(market, selection, asked, s, policy, exact=kind == "exact", slip=slip)
