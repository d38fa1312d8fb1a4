"""Placing a bet: what is decided by the odds, and the one statement that does the rest.

The order is DOMAIN.md's: rate, location, limits, market and price; then the key, the funds and all that is written, in
one transaction. A rerun decides everything anew, with the odds as they are by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from gateway.access.principal import Principal
from gateway.bets.asked import Asked, Leg
from gateway.bets.bet import Bet, BetLeg, bet_body
from gateway.bets.checks import Bounds, Quote, Seen, Verdict, struck, verdict_on
from gateway.bets.ports import Decision, Locations
from gateway.bets.rates import Rates
from gateway.bets.tables import BetTables, Order
from gateway.money.amounts import payout_of
from gateway.money.keys import KnownKey, subject_of
from gateway.money.refusals import MoneyRefused
from gateway.money.tables import Outcome

BEHIND_S = 0.5
"""How long a worker's book is waited for that is behind what the client saw."""

FALLEN = ("geo_expired", "geo_superseded")
"""What bets.place says of a place that was lost since it was checked."""

_POLL_S = 0.01
_RETRY_AFTER_S = {"not_ready": 1, "book_behind": 1}


class QuoteSource(Protocol):
    """The odds as they stand here."""

    def of(self, legs: tuple[Leg, ...], cursor: str | None = None) -> tuple[Quote, ...]:
        """A quote for each leg."""


class Placing(NamedTuple):
    """What placing needs. `problem`: the bytes that tell a code. `delay`: of a live market."""

    quotes: QuoteSource
    tables: BetTables
    locations: Locations
    rates: Rates
    bounds: Bounds
    delay: timedelta
    now: Callable[[], datetime]
    problem: Callable[[str, str], bytes]


class Placement:
    """A gateway.money.once.Work: one request for a bet. `network`: the client's address."""

    def __init__(self, placing: Placing, asked: Asked, principal: Principal, *, network: str, request_id: str) -> None:
        self._placing = placing
        self._asked = asked
        self._principal = principal
        self._network = network
        self._request_id = request_id
        self._counted = False

    async def prepare(self) -> Order:
        """The order. Raises MoneyRefused."""
        placing, asked = self._placing, self._asked
        self._in_time()
        if not self._counted:
            placing.rates.take(asked.owner)
            self._counted = True
        decision = await placing.locations.check(asked.geo, self._principal, self._network, placing.now())
        quotes = await self._quotes_that_pass()
        placing.locations.permit(decision, quotes, stake=asked.stake, at=placing.now())
        self._in_time()
        return self._order(quotes, decision)

    async def execute(self, prepared: Order) -> Outcome:
        """Places it. Raises DatabaseUnavailable."""
        outcome = await self._placing.tables.place(prepared)
        if outcome.code in FALLEN:
            self._placing.locations.fell(prepared.decision, outcome.code)
        return outcome

    async def rebuilt(self, known: KnownKey) -> bytes:
        """The bet as it is by now. Raises DatabaseUnavailable."""
        bet = await self._placing.tables.bet(self._asked.owner, known.subject)
        assert bet is not None
        return bet_body(bet)

    def _in_time(self) -> None:
        deadline = self._asked.deadline
        if deadline is not None and deadline <= self._placing.now():
            raise MoneyRefused("deadline_passed", "it was not executed")

    async def _quotes_that_pass(self) -> tuple[Quote, ...]:
        """The quotes, where no check speaks against them. A book that is behind is waited for. Raises MoneyRefused."""
        until_s = asyncio.get_running_loop().time() + BEHIND_S
        while True:
            quotes = self._placing.quotes.of(self._asked.legs, self._asked.cursor)
            verdict = verdict_on(self._asked, Seen(quotes, self._placing.bounds))
            if verdict is None:
                return quotes
            if verdict.code != "book_behind" or asyncio.get_running_loop().time() > until_s:
                raise refused(verdict)
            await asyncio.sleep(_POLL_S)

    def _order(self, quotes: tuple[Quote, ...], decision: Decision) -> Order:
        asked, placing = self._asked, self._placing
        legs = tuple(_struck(leg, quote) for leg, quote in zip(asked.legs, quotes, strict=True))
        placed = placing.now()
        due = placed + placing.delay if placing.delay and any(quote.live for quote in quotes) else None
        bet = Bet(
            bet=subject_of("B", asked.owner, asked.key),
            key=asked.key,
            type=asked.type,
            stake=asked.stake,
            currency=asked.currency,
            potential_payout=payout_of(asked.stake, (leg.milli for leg in legs)),
            payout=None,
            state="accepted" if due is None else "pending_acceptance",
            reason=None,
            revision=0,
            placed=placed,
            location=decision.shown,
            legs=legs,
        )
        refusal = placing.problem("market_not_open", self._request_id)
        return Order(asked=asked, bet=bet, decision=decision, due=due, answer=bet_body(bet), refusal=refusal)


def refused(verdict: Verdict) -> MoneyRefused:
    """The refusal that a verdict means."""
    retry_after_s = _RETRY_AFTER_S.get(verdict.code)
    return MoneyRefused(verdict.code, verdict.detail, more=verdict.more, retry_after_s=retry_after_s)


def _struck(leg: Leg, quote: Quote) -> BetLeg:
    assert quote.market is not None
    return BetLeg(quote.market.event, leg.market, leg.selection, struck(leg, quote), quote.s, leg.policy, leg.asked)
