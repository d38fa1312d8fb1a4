"""What an account asks for: cash-outs, limits, exclusions. Answers are types of gateway/api/money_schemas.py."""

from __future__ import annotations

import secrets
from datetime import datetime
from urllib.parse import quote

from gateway.api import money_schemas as money
from gateway.client.api import OddsApi
from gateway.protection.limits import LimitKind, Period

_KEY_BYTES = 24


def new_key() -> str:
    """An idempotency key that nobody used. Keep it with what it is for, and try again under the same one."""
    return secrets.token_urlsafe(_KEY_BYTES)


class Account:
    """The account of the token that `api` has. Every call raises ApiError."""

    def __init__(self, api: OddsApi) -> None:
        self._api = api

    async def cash_out_offer(self, bet: str) -> money.CashOutOffer:
        """What is given for a bet now, for some seconds. Raises Conflict("not_cashable" | "market_not_open")."""
        return await self._api.read(f"/v1/bets/{quote(bet, safe='')}/cash-out", {}, money.CashOutOffer)

    async def cash_out(
        self, offer: money.CashOutOffer, *, key: str, geo: str | None = None, stake: str | None = None
    ) -> money.CashedOut:
        """Takes an offer, for all of the open stake or for `stake` of it, once for each key.

        Raises Conflict: after `offer_changed` and `offer_expired` ask for the offer of now."""
        body = {"offer": offer.offer, "geo": geo, "stake": stake}
        path = f"/v1/bets/{quote(offer.bet, safe='')}/cash-out"
        return await self._api.write(path, body, money.CashedOut, idempotency_key=key)

    async def limits(self) -> money.Limits:
        """Those there are, with what counts against each, and exclusions."""
        return await self._api.read("/v1/account/limits", {}, money.Limits)

    async def set_limit(self, kind: LimitKind, period: Period, amount: str | None, currency: str) -> money.Limit:
        """Lower at once, higher or none (None) after a day. What is in force, asked for again, gives up what waits."""
        body = {"amount": amount, "currency": currency}
        return await self._api.put(f"/v1/account/limits/{kind}/{period}", body, money.Limit)

    async def time_out(self, *, hours: int) -> money.Exclusion:
        """Neither bets nor deposits for so long. Not to be undone; asked for again it is never shorter."""
        return await self._api.write("/v1/account/time-outs", {"hours": hours}, money.Exclusion)

    async def exclude_for(self, *, days: int) -> money.Exclusion:
        """Self-exclusion for so long. Not to be undone."""
        return await self._api.write("/v1/account/self-exclusion", {"days": days}, money.Exclusion)

    async def exclude_for_ever(self) -> money.Exclusion:
        """Self-exclusion without an end. Not to be undone."""
        return await self._api.write("/v1/account/self-exclusion", {"days": None}, money.Exclusion)

    async def activity(self, since: datetime | None = None) -> money.Activity:
        """What was staked, won and lost since a time, by default a day ago: for reality checks."""
        asked = None if since is None else since.isoformat()
        return await self._api.read("/v1/account/activity", {"since": asked}, money.Activity)
