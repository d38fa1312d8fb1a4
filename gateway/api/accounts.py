"""What becomes of an account elsewhere than in its own requests: it is excluded, and its tickets are taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from fanout.contract.revocation import KEPT_S, REVOKED, Revocation, encode_revocation
from feeds.contract.coordination import Coordination
from feeds.contract.subjects import REVOKED_SUBJECT
from gateway.bets.service import BetsDesk
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_EXCLUDED_S = 1.0
"""How long a ticket waits for PostgreSQL to say whether its account is excluded."""


async def revoke(coordination: Coordination, publish: Callable[[str, bytes], Awaitable[None]], account: str) -> None:
    """Takes back an account's tickets. Raises Unavailable."""
    told = encode_revocation(Revocation(account, int(time.time())))
    await coordination.put(REVOKED, account, value=told, ttl_s=KEPT_S)
    await publish(REVOKED_SUBJECT, told)


async def excluded(desk: BetsDesk, account: str) -> Mapping[str, object] | None:
    """While PostgreSQL is away nobody is: odds go on, and there are no bets then."""
    if desk.service is None:
        return None
    try:
        async with asyncio.timeout(_EXCLUDED_S):
            return await desk.service.protection.excluded(account)
    except (DatabaseUnavailable, TimeoutError) as error:
        log.warning("exclusions_unseen", error=str(error) or type(error).__name__)
        return None
