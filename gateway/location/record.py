"""Decisions in PostgreSQL: every check of a location, and every use of a receipt in the transaction it was for.

`Recorder` gathers what comes at once into one statement; a check is answered when its row is there, and not accepted
when it cannot be. `location.standing` has for each account the one receipt that counts: a later check replaces it, one
that finds the account in no good place takes it away, and `use` reads it in the transaction of the bet itself, under a
lock. So a place that was lost between check and commit takes the bet with it (B5).
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import structlog

from gateway.location.receipts import Decision
from gateway.location.refusals import GeoRefused
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database, Row

log = structlog.get_logger(__name__)

ACCEPTED = "accepted"
WAITING_MAX = 5_000
"""Checks that wait for their row; more are refused as unavailable."""

BATCH_MAX = 500
LISTED_MAX = 10_000
"""Decisions of one audit."""

Use = Literal["bet", "cash_out", "deposit", "withdrawal"]

_FOLDER = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    """The text of `name`.sql."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


class Checked(NamedTuple):
    """A check of a location as it is recorded. `decision` only where accepted; `displaces`: whether a refusal tells
    that the account is in no good place now."""

    account: str
    at_s: float
    outcome: str
    network: str
    token_hash: bytes
    decision: Decision | None = None
    displaces: bool = False


class Recorder:
    """Writes checks. `run` works until it is cancelled."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[tuple[Checked, asyncio.Future[None]]] = deque()
        self._came = asyncio.Event()

    async def record(self, checked: Checked) -> None:
        """Returns when the row is written. Raises GeoRefused("geo_unavailable")."""
        if len(self._waiting) >= WAITING_MAX:
            raise GeoRefused("geo_unavailable")
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((checked, written))
        self._came.set()
        await written

    async def run(self) -> None:
        """One statement after another, each with all that came meanwhile."""
        try:
            while True:
                await self._came.wait()
                self._came.clear()
                while self._waiting:
                    batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
                    await self._write(batch)
        finally:
            for _, written in self._waiting:
                written.cancel()

    async def _write(self, batch: list[tuple[Checked, asyncio.Future[None]]]) -> None:
        failed: GeoRefused | None = GeoRefused("geo_unavailable")  # unless it is certain that they are written
        try:
            await self._database.execute(statement("record_checks"), *_columns([checked for checked, _ in batch]))
            failed = None
        except DatabaseUnavailable as error:
            log.warning("locations_not_recorded", count=len(batch), error=str(error))
        finally:
            for _, written in batch:
                if written.done():
                    continue
                if failed is None:
                    written.set_result(None)
                else:
                    written.set_exception(failed)


def _columns(rows: list[Checked]) -> list[list[Any]]:
    """One array a column, in the order of record_checks.sql."""
    decisions = [row.decision for row in rows]
    return [
        [decision.id if decision else uuid.uuid4() for decision in decisions],
        [row.account for row in rows],
        [_moment(row.at_s) for row in rows],
        [row.outcome for row in rows],
        [row.network for row in rows],
        [row.token_hash for row in rows],
        [decision and decision.jurisdiction for decision in decisions],
        [decision and decision.lat for decision in decisions],
        [decision and decision.lon for decision in decisions],
        [decision and decision.accuracy_m for decision in decisions],
        [decision and decision.border_m for decision in decisions],
        [decision and decision.boundaries for decision in decisions],
        [decision and decision.rules for decision in decisions],
        [decision and _moment(decision.fix_s) for decision in decisions],
        [decision and _moment(decision.expires_s) for decision in decisions],
        [row.decision is not None or row.displaces for row in rows],
    ]


def recorded(decision: Decision) -> Mapping[str, object]:
    """A decision as JSON: what a bet keeps (DOMAIN.md 2.8), and what location.used reads."""
    kept: dict[str, object] = msgspec.to_builtins(decision, builtin_types=(bytes,))
    names = [field.name for field in msgspec.structs.fields(Decision)]
    named = dict(zip(names, kept, strict=True))
    named["receipt"] = named.pop("id")
    return named | {"token_hash": decision.token_hash.hex()}


async def use(connection: Any, decision: Decision, kind: Use, subject: str) -> None:
    """Records that a receipt was used for a cash-out, deposit or withdrawal, in the transaction of `connection`, which
    is to be rolled back if this refuses: the receipt is over by the database's clock, or does not stand any more. Bets
    do the same in their own statement. Raises GeoRefused, and what the connection raises."""
    said = msgspec.json.encode(recorded(decision)).decode()
    row: Row | None = await connection.fetchrow(statement("record_use"), kind, subject, decision.account, said)
    if row is None or row["used"] is None:
        raise GeoRefused("geo_superseded")


async def decisions(database: Database, account: str, since: datetime, until: datetime, *, limit: int) -> list[Row]:
    """What was decided about an account, the oldest first, without coordinates. Raises DatabaseUnavailable."""
    return await database.fetch(statement("audit"), account, since, until, min(limit, LISTED_MAX))


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
