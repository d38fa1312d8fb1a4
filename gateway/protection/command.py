"""What `oddswire account` does. Text goes to `tell`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from feeds.contract.errors import Refused
from gateway.access.keys import checked_account
from gateway.bets.bet import time_text
from gateway.protection.limits import DAYS_MAX, HOURS_MAX, exclusion_said, limit_said
from gateway.protection.tables import ProtectionTables
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings

BY_CHARS_MAX = 100

Tell = Callable[[str], None]


async def account(options: argparse.Namespace, database: DatabaseSettings, tell: Tell) -> int:
    """One command; gives the exit status. Raises Refused, DatabaseUnavailable."""
    owner = checked_account(options.account)
    assert owner is not None
    now = datetime.now(UTC)
    async with open_database(database) as opened:
        tables = ProtectionTables(opened)
        if options.what == "show":
            return await _show(tables, owner, options, tell)
        by = _by(options.by)
        if options.what == "time-out":
            until = now + timedelta(hours=_within("hours", options.hours, HOURS_MAX))
            ends = await tables.exclude(owner, "time_out", until=until, by=by, at=now)
        elif options.what == "close":
            await tables.exclude(owner, "closed", until=None, by=by, at=now)
            tell(f"{owner} is closed")
            return 0
        else:
            days = None if options.for_ever else _within("days", options.days, DAYS_MAX)
            last = None if days is None else now + timedelta(days=days)
            ends = await tables.exclude(owner, "self_exclusion", until=last, by=by, at=now)
    tell(f"{owner} is excluded {'for ever' if ends is None else f'until {time_text(ends)}'}")
    return 0


async def _show(tables: ProtectionTables, owner: str, options: argparse.Namespace, tell: Tell) -> int:
    now = datetime.now(UTC)
    limits = [limit_said(one) for one in await tables.limits(owner, now)]
    exclusions = [exclusion_said(one) for one in await tables.exclusions(owner, now)]
    rows = await tables.trail(owner, limit=_within("limit", options.limit, 10_000))
    trail = [
        {"at": time_text(row["at"]), "by": row["by"], "what": row["what"], "said": orjson.loads(row["said"])}
        for row in rows
    ]
    if options.json:
        tell(orjson.dumps({"limits": limits, "exclusions": exclusions, "trail": trail}).decode())
        return 0
    for one in limits:
        tell(_limit(one))
    for one in exclusions:
        tell(f"{one['kind']}  since {one['since']}  until {one['until'] or 'ever'}")
    for one in trail:
        tell(f"{one['at']}  {one['by']}  {one['what']}  {orjson.dumps(one['said']).decode()}")
    if not (limits or exclusions or trail):
        tell(f"{owner} has no limits, and was never excluded")
    return 0


def _limit(said: dict[str, Any]) -> str:
    words = [f"{said['limit']} by {said['period']}"]
    words += [f"{said['amount']} {said['currency']}, used {said['used']}" if said["amount"] else "none"]
    if said["pending"] is not None:
        words += [f"from {said['pending']['at']}: {said['pending']['amount'] or 'none'}"]
    return "  ".join(words)


def _by(text: str) -> str:
    """Raises Refused("bad_by")."""
    if not 1 <= len(text) <= BY_CHARS_MAX or text == "self" or not text.isprintable():
        raise Refused("bad_by", f"--by: 1 to {BY_CHARS_MAX} characters, and not self, which is the account's own")
    return text


def _within(name: str, number: int, most: int) -> int:
    """Raises Refused("bad_number")."""
    if not 1 <= number <= most:
        raise Refused("bad_number", f"--{name}: 1 to {most}")
    return number
