"""What the gateway tells and asks others on behalf of its endpoints: shards, and PostgreSQL of an account's exclusion.

Each with its limit of time. Never keeps anything: what is told lives in the coordination, on the bus, in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

import structlog
from nats.errors import Error as NatsError

from fanout.contract.fleet import DrainOrder, DrainProgress, decode_progress, encode
from fanout.contract.revocation import KEPT_S, REVOKED, Revocation, encode_revocation
from feeds.adapters.nats.asking import NobodyAnswers, ask_once
from feeds.adapters.nats.connection import Connection
from feeds.contract.coordination import Coordination
from feeds.contract.errors import Refused
from feeds.contract.subjects import REVOKED_SUBJECT, fleet_subject
from gateway.bets.service import BetsDesk
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_EXCLUDED_S = 1.0
"""How long a ticket waits for PostgreSQL to say whether its account is excluded."""

_DRAIN_ANSWER_S = 2.0
"""For a shard's first word of a drain."""


async def revoke(coordination: Coordination, connection: Connection, account: str) -> None:
    """Takes back an account's tickets. Raises Unavailable."""
    told = encode_revocation(Revocation(account, int(time.time())))
    await coordination.put(REVOKED, account, value=told, ttl_s=KEPT_S)
    with contextlib.suppress(NatsError):  # shards read what was put within seconds; this is the fast way
        await connection.client.publish(REVOKED_SUBJECT, told)


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


async def drain(connection: Connection, shard: str, window_s: float | None) -> DrainProgress:
    """What a shard says first of its drain. Raises Refused("shard_silent")."""
    order = encode(DrainOrder("drain", window_s))
    try:
        return decode_progress(await ask_once(connection, fleet_subject(shard), order, within_s=_DRAIN_ANSWER_S))
    except NobodyAnswers as error:
        raise Refused("shard_silent", "") from error
