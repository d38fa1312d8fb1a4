"""Endpoints by which an account protects itself. They translate; what holds is decided in the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from feeds.contract.errors import Refused
from gateway.api.calls import Asking, Endpoint, Said, there
from gateway.bets.service import BetsService
from gateway.money.refusals import MoneyRefused
from gateway.protection.limits import (
    Exclusion,
    ExclusionKind,
    activity_body,
    exclusion_said,
    limit_amount,
    limit_named,
    limit_said,
)
from gateway.protection.tables import Wish

SELF = "self"
ACTIVITY = timedelta(hours=24)
"""Without `since`."""

ACTIVITY_MAX = timedelta(days=366)


class ProtectionEndpoints:
    """By the names in routes.py. `service` gives None while there is none."""

    def __init__(self, service: Callable[[], BetsService | None]) -> None:
        self._service_or_none = service
        self.by_name: dict[str, Endpoint] = {
            "limits": self._limits,
            "set_limit": self._set_limit,
            "time_out": self._time_out,
            "self_exclusion": self._self_exclusion,
            "close_account": self._close,
            "activity": self._activity,
        }

    @property
    def _service(self) -> BetsService:
        return there(self._service_or_none())

    async def _limits(self, asking: Asking) -> Said:
        tables, now = self._service.protection, self._service.placing.now()
        said: dict[str, Any] = {
            "items": [limit_said(one) for one in await tables.limits(asking.account, now)],
            "exclusions": [exclusion_said(one) for one in await tables.exclusions(asking.account, now)],
        }
        return Said(200, orjson.dumps(said))

    async def _set_limit(self, asking: Asking) -> Said:
        service = self._service
        kind, period = limit_named(asking.path["limit"], asking.path["period"])
        wish = Wish(asking.account, kind, period, asking.body.currency, limit_amount(asking.body), SELF)
        now = service.placing.now()
        outcome = await service.protection.set_limit(wish, at=now, wait=service.protecting.raise_after)
        if outcome != "done":
            raise MoneyRefused(outcome)
        [limit] = [one for one in await service.protection.limits(asking.account, now) if one[:2] == (kind, period)]
        return Said(200, orjson.dumps(limit_said(limit)))

    async def _time_out(self, asking: Asking) -> Said:
        service = self._service
        if asking.body.hours > service.protecting.time_out_h_max:
            raise MoneyRefused("bad_body", f"hours: at most {service.protecting.time_out_h_max}")
        return await self._exclude(asking.account, "time_out", timedelta(hours=asking.body.hours))

    async def _self_exclusion(self, asking: Asking) -> Said:
        least, days = self._service.protecting.exclusion_days_min, asking.body.days
        if days is not None and days < least:
            raise MoneyRefused("bad_body", f"days: at least {least}, or null for ever")
        return await self._exclude(asking.account, "self_exclusion", None if days is None else timedelta(days=days))

    async def _close(self, asking: Asking) -> Said:
        return await self._exclude(asking.account, "closed", None)

    async def _exclude(self, account: str, kind: ExclusionKind, life: timedelta | None) -> Said:
        service = self._service
        now = service.placing.now()
        until = None if life is None else now + life
        ends = await service.protection.exclude(account, kind, until=until, by=SELF, at=now)
        service.revoking.soon()
        return Said(201, orjson.dumps(exclusion_said(Exclusion(kind, now, ends))))

    async def _activity(self, asking: Asking) -> Said:
        service = self._service
        now = service.placing.now()
        since = now - ACTIVITY if asking.query.since is None else _moment(asking.query.since)
        if not timedelta() <= now - since <= ACTIVITY_MAX:
            raise Refused("bad_parameter", f"since: within the last {ACTIVITY_MAX.days} days")
        activity = await service.protection.activity(asking.account, since, now)
        return Said(200, activity_body(activity, since, now))


def _moment(text: str) -> datetime:
    """Raises Refused."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("bad_parameter", "since: not a time such as 2026-09-21T20:00:00Z") from error
