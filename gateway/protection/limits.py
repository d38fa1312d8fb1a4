"""Limits and exclusions as values, and how they are told. Pure.

Periods roll: a day is the last 24 hours, a week 7 of them, a month 30. Against `deposit` counts what came in; against
`stake` the stakes of bets placed in the period, but for refused and void ones; against `loss` those stakes less what
those same bets paid back. A bet that is open counts as lost, so no result can carry a loss past its limit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
import orjson

from feeds.contract.errors import Refused
from gateway.bets.asked import Amount, Currency
from gateway.bets.bet import time_text
from gateway.money.amounts import amount_from_text, amount_text, check_currency
from gateway.money.refusals import MoneyRefused

LimitKind = Literal["deposit", "stake", "loss"]
Period = Literal["bet", "day", "week", "month"]
ExclusionKind = Literal["time_out", "self_exclusion", "closed"]

HOURS_MAX = 8_760
DAYS_MAX = 36_500

NOTHING = "0"
"""The amount of a limit that lets nothing through: "0", "0.00"."""


class LimitIn(msgspec.Struct, frozen=True):
    """The body of a limit. `amount` null: none."""

    amount: Amount | None
    currency: Currency


class TimeOutIn(msgspec.Struct, frozen=True):
    """The body of a time-out."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=HOURS_MAX)]


class ExclusionIn(msgspec.Struct, frozen=True):
    """The body of a self-exclusion. `days` null: for ever. Neither is undone early."""

    days: Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)] | None


class Limit(NamedTuple):
    """A limit, in minor units; `amount` None: none. `pending`: another is to be in force from `pending_at` on."""

    kind: LimitKind
    period: Period
    currency: str
    amount: int | None
    used: int
    pending: bool
    pending_amount: int | None
    pending_at: datetime | None


class Exclusion(NamedTuple):
    """Neither bets nor deposits since then; `until` None: for ever."""

    kind: ExclusionKind
    since: datetime
    until: datetime | None


class Activity(NamedTuple):
    """What an account did in a time, in minor units; `currency` None: it never had money. Of the bets placed in it
    `paid` is what they paid back, `still_open` the stakes that are still in play."""

    currency: str | None
    deposited: int
    withdrawn: int
    bets: int
    staked: int
    paid: int
    still_open: int


def limit_named(kind: str, period: str) -> tuple[LimitKind, Period]:
    """The limit of a path. Raises Refused("not_found")."""
    if kind not in get_args(LimitKind) or period not in get_args(Period) or (period == "bet" and kind != "stake"):
        raise Refused("not_found", "limits are deposit, stake or loss by day, week or month, and stake by bet")
    return kind, period  # type: ignore[return-value]  # checked above


def limit_amount(body: LimitIn) -> int | None:
    """Minor units; 0 lets nothing through, None everything. Raises MoneyRefused("bad_body")."""
    try:
        check_currency(body.currency)
        if body.amount is None:
            return None
        if not body.amount.strip("0."):
            return 0
        return amount_from_text(body.amount, body.currency)
    except Refused as refusal:
        raise MoneyRefused("bad_body", str(refusal)) from refusal


def limit_said(limit: Limit) -> dict[str, Any]:
    """As it is told."""
    said: dict[str, Any] = {
        "limit": limit.kind,
        "period": limit.period,
        "amount": _money(limit.amount, limit.currency),
        "currency": limit.currency,
        "used": amount_text(limit.used, limit.currency),
        "left": None if limit.amount is None else amount_text(max(limit.amount - limit.used, 0), limit.currency),
        "pending": None,
    }
    if limit.pending and limit.pending_at is not None:
        amount = _money(limit.pending_amount, limit.currency)
        said["pending"] = {"amount": amount, "at": time_text(limit.pending_at)}
    return said


def exclusion_said(exclusion: Exclusion) -> dict[str, Any]:
    """As it is told."""
    until = None if exclusion.until is None else time_text(exclusion.until)
    return {"kind": exclusion.kind, "since": time_text(exclusion.since), "until": until}


def activity_body(activity: Activity, since: datetime, until: datetime) -> bytes:
    """Its JSON. `net`: what was won over what was staked, of bets that are decided; below zero: lost."""
    currency = activity.currency or "USD"
    net = activity.paid + activity.still_open - activity.staked
    amounts = {
        "deposited": activity.deposited,
        "withdrawn": activity.withdrawn,
        "staked": activity.staked,
        "paid": activity.paid,
        "open_stakes": activity.still_open,
        "net": net,
    }
    said = {
        "since": time_text(since),
        "until": time_text(until),
        "currency": activity.currency,
        "bets": activity.bets,
        **{name: amount_text(amount, currency) for name, amount in amounts.items()},
    }
    return orjson.dumps(said)


def _money(amount: int | None, currency: str) -> str | None:
    return None if amount is None else amount_text(amount, currency)
