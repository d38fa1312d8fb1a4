"""Cashing out: an offer for an open bet, and taking it exactly once.

The odds are asked twice, when it is offered and when it is taken; money and the bet's state stand in the database,
under its locks. That a price moved meanwhile is told with the next offer, so that nobody has to ask for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
import orjson

from feeds.contract.errors import Refused
from feeds.contract.prices import milli_text
from gateway.access.principal import Principal
from gateway.bets.asked import RECEIPT_CHARS_MAX, Amount, Asked, Leg
from gateway.bets.bet import time_text
from gateway.bets.cash_out_tables import CashedOut, CashOutOrder, CashOutTables, OpenBet
from gateway.bets.checks import (
    Bounds,
    Check,
    Quote,
    Seen,
    Verdict,
    book_is_not_behind,
    book_is_ready,
    markets_are_known,
    markets_are_open,
    struck,
    verdict_on,
)
from gateway.bets.offers import OFFER_CHARS_MAX, Offer, OfferedLeg, OfferKeys, part_of, worth
from gateway.bets.placing import BEHIND_S, QuoteSource, refused
from gateway.bets.ports import Locations
from gateway.bets.rates import Rates
from gateway.money.amounts import amount_from_text, amount_text, payout_of
from gateway.money.gate import Gate
from gateway.money.keys import KnownKey, fingerprint_of, subject_of
from gateway.money.once import Ask
from gateway.money.refusals import MoneyRefused
from gateway.money.tables import Outcome

CHECKS: tuple[Check, ...] = (book_is_ready, markets_are_known, markets_are_open, book_is_not_behind)
_POLL_S = 0.01
_NO_BOUNDS = Bounds(0, 0, 0)
"""A bet that was placed was within them."""

_UNSEEN = frozenset({"unknown_market", "unknown_selection"})
"""Of a bet that was placed: its market has left the log."""


class CashOutIn(msgspec.Struct, frozen=True):
    """The body. `stake`: so much of the open stake; without it all of it."""

    offer: Annotated[str, msgspec.Meta(max_length=OFFER_CHARS_MAX)]
    stake: Amount | None = None
    geo: Annotated[str, msgspec.Meta(max_length=RECEIPT_CHARS_MAX)] | None = None


class CashOutAsked(NamedTuple):
    """One request. `network`: the client's address."""

    bet: str
    key: str
    body: CashOutIn
    network: str
    deadline: datetime | None


class Terms(NamedTuple):
    """`margin_bp`: the house's, in basis points. `life`: of an offer. `least`: smallest stake that is cashed out, and
    smallest rest, in minor units. `while_excluded`: whether who is excluded may."""

    margin_bp: int
    life: timedelta
    least: int
    while_excluded: bool


class CashDesk(NamedTuple):
    """What cashing out needs. `now` is the wall clock."""

    quotes: QuoteSource
    tables: CashOutTables
    locations: Locations
    rates: Rates
    gate: Gate
    keys: OfferKeys
    terms: Terms
    now: Callable[[], datetime]

    async def offer(self, owner: str, bet_id: str) -> bytes:
        """The JSON of an offer. Raises MoneyRefused, DatabaseUnavailable."""
        async with self.gate.slot():
            return orjson.dumps(self._told(await self._offer(owner, bet_id)))

    async def next_offer(self, owner: str, bet_id: str) -> Mapping[str, object]:
        """What a refusal says of the offer that there is instead: none, where there is none. The caller has a slot."""
        try:
            return {"offer": self._told(await self._offer(owner, bet_id))}
        except MoneyRefused:
            return {"offer": None}

    async def _offer(self, owner: str, bet_id: str) -> Offer:
        found = await self.tables.open_bet(owner, bet_id)
        if found is None:
            raise MoneyRefused("not_found")
        _check_cashable(found)
        legs = tuple(_leg(each.market, each.selection, each.milli, 0) for each in found.legs)
        quotes = self.quotes_that_pass(legs, found.open_stake)
        offered = tuple(
            OfferedLeg(leg.market, leg.selection, leg.asked, struck(leg, quote), quote.s)
            for leg, quote in zip(legs, quotes, strict=True)
        )
        prices = [leg.milli for leg in offered]
        amount = worth(found.open_stake, [leg.asked for leg in legs], prices, margin_bp=self.terms.margin_bp)
        if not amount:
            raise MoneyRefused("not_cashable", "it is worth nothing now", more={"reason": "worthless"})
        until_ms = int((self.now() + self.terms.life).timestamp() * 1000)
        return Offer(owner, bet_id, found.turn, found.open_stake, amount, found.currency, until_ms, offered)

    def quotes_that_pass(self, legs: tuple[Leg, ...], stake: int) -> tuple[Quote, ...]:
        """The odds, where no check speaks against them. Raises MoneyRefused."""
        quotes = self.quotes.of(legs)
        verdict = verdict_on(Asked("", "", "single", stake, "", legs), Seen(quotes, _NO_BOUNDS), CHECKS)
        if verdict is None:
            return quotes
        raise refused(Verdict("market_not_open", verdict.detail, verdict.more) if verdict.code in _UNSEEN else verdict)

    def _told(self, offer: Offer) -> dict[str, Any]:
        return {
            "bet": offer.bet,
            "stake": amount_text(offer.open_stake, offer.currency),
            "amount": amount_text(offer.amount, offer.currency),
            "currency": offer.currency,
            "min_stake": amount_text(min(self.terms.least, offer.open_stake), offer.currency),
            "expires_at": time_text(_until(offer)),
            "legs": [
                {"market": leg.market, "selection": leg.selection, "price": milli_text(leg.milli), "s": leg.s}
                for leg in offer.legs
            ],
            "offer": self.keys.seal(offer),
        }


class CashOut:
    """A gateway.money.once.Work: one offer that is taken."""

    def __init__(self, desk: CashDesk, asked: CashOutAsked, principal: Principal) -> None:
        """Raises MoneyRefused("bad_offer" | "bad_body" | "limit_exceeded")."""
        assert principal.account is not None
        offer = desk.keys.open(asked.body.offer)
        if (offer.account, offer.bet) != (principal.account, asked.bet):
            raise MoneyRefused("bad_offer")
        self._desk = desk
        self._asked = asked
        self._principal = principal
        self._offer = offer
        self._stake = _stake(asked.body, offer, desk.terms.least)
        self._counted = False
        meaning = ("cash_out", offer.bet, offer.turn, self._stake, part_of(offer, self._stake))
        self.ask = Ask(owner=principal.account, key=asked.key, fingerprint=fingerprint_of(meaning))

    async def prepare(self) -> CashOutOrder:
        """The order. Raises MoneyRefused, DatabaseUnavailable."""
        desk, offer = self._desk, self._offer
        self._in_time()
        if not self._counted:
            desk.rates.take(self.ask.owner)
            self._counted = True
        decision = await desk.locations.check(self._asked.body.geo, self._principal, self._asked.network, desk.now())
        if _until(offer) <= desk.now():
            raise await self._with_the_next("offer_expired")
        if await self._prices() != offer.prices:
            raise await self._with_the_next("offer_changed")
        self._in_time()
        amount, rest = part_of(offer, self._stake), offer.open_stake - self._stake
        if not amount:
            raise MoneyRefused("limit_exceeded", "so little is worth nothing")
        owner, key = self.ask.owner, self.ask.key
        subject = subject_of("C", owner, key)
        return CashOutOrder(
            owner=owner,
            key=key,
            fingerprint=self.ask.fingerprint,
            offer=offer,
            told=CashedOut(subject, key, offer.bet, self._stake, amount, rest, offer.currency, desk.now()),
            potential=payout_of(rest, (leg.struck for leg in offer.legs)),
            deadline=self._asked.deadline,
            decision=decision,
            while_excluded=desk.terms.while_excluded,
        )

    async def execute(self, prepared: CashOutOrder) -> Outcome:
        """Takes it. Raises DatabaseUnavailable; MoneyRefused where there is another offer by now."""
        outcome = await self._desk.tables.take(prepared)
        if outcome.code in ("offer_changed", "offer_expired"):
            return outcome._replace(more=await self._desk.next_offer(self.ask.owner, self._offer.bet))
        return outcome

    async def rebuilt(self, known: KnownKey) -> bytes:
        """The answer again. Raises DatabaseUnavailable."""
        return (await self._desk.tables.cash_out(self.ask.owner, known.subject)).body()

    async def _prices(self) -> list[int]:
        """Those of now. A book that is behind the offer is waited for. Raises MoneyRefused."""
        legs = tuple(_leg(leg.market, leg.selection, leg.struck, leg.s) for leg in self._offer.legs)
        until_s = asyncio.get_running_loop().time() + BEHIND_S
        while True:
            try:
                quotes = self._desk.quotes_that_pass(legs, self._stake)
            except MoneyRefused as refusal:
                if refusal.code != "book_behind" or asyncio.get_running_loop().time() > until_s:
                    raise
                await asyncio.sleep(_POLL_S)
            else:
                return [struck(leg, quote) for leg, quote in zip(legs, quotes, strict=True)]

    async def _with_the_next(self, code: str) -> MoneyRefused:
        async with self._desk.gate.slot():
            return MoneyRefused(code, more=await self._desk.next_offer(self.ask.owner, self._offer.bet))

    def _in_time(self) -> None:
        deadline = self._asked.deadline
        if deadline is not None and deadline <= self._desk.now():
            raise MoneyRefused("deadline_passed", "it was not executed")


def _check_cashable(found: OpenBet) -> None:
    """Raises MoneyRefused."""
    if found.state != "accepted" or found.under_review:
        reason = "under_review" if found.under_review else found.state
        raise MoneyRefused("not_cashable", f"the bet is {reason}", more={"reason": reason})
    if found.resulted:
        raise MoneyRefused("market_not_open", "there is a result", more={"reason": "settled"})


def _stake(body: CashOutIn, offer: Offer, least: int) -> int:
    """How much of the stake is meant. Raises MoneyRefused."""
    if body.stake is None:
        return offer.open_stake
    try:
        stake = amount_from_text(body.stake, offer.currency)
    except Refused as refusal:
        raise MoneyRefused("bad_body", str(refusal)) from refusal
    rest = offer.open_stake - stake
    if rest and not (least <= stake and least <= rest):
        most = amount_text(offer.open_stake, offer.currency)
        more = {"min_stake": amount_text(min(least, offer.open_stake), offer.currency), "max_stake": most}
        raise MoneyRefused("limit_exceeded", f"all of {most}, or a part that leaves as much as it has to be", more=more)
    return stake


def _leg(market: str, selection: str, milli: int, s: int) -> Leg:
    return Leg(market, selection, milli, s, "any", exact=False, slip=None)


def _until(offer: Offer) -> datetime:
    return datetime.fromtimestamp(offer.until_ms / 1000, UTC)
