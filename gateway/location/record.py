"""Decisions in PostgreSQL: every check of a location, every use of a receipt in the transaction it was for, and every
use that was refused.

`Recorder` gathers what comes at once into one statement; a check is answered when its row is there, and not accepted
when it cannot be. The refusal of a use does not wait for its row: without it, it is a refusal all the same.

`location.standing` has for each account the one receipt that counts: a later check replaces it, one that finds the
account in no good place takes it away, and `use` reads it in the transaction of the bet itself, under a lock. So a
place that was lost between check and commit takes the bet with it (B5).
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import structlog

from gateway.bets.ports import Use
from gateway.location.receipts import Decision
from gateway.location.refusals import GeoRefused
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database, Row

log = structlog.get_logger(__name__)

ACCEPTED = "accepted"
WAITING_MAX = 5_000
"""What waits for its row; checks beyond that are refused as unavailable, refused uses are told in the log alone."""

BATCH_MAX = 500
SPACING_S = 0.001
"""Between the starts of two statements: one costs a worker as much as half a verification, however few rows it has."""

LISTED_MAX = 10_000
"""Decisions of one audit."""

_FOLDER = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    """The text of `name`.sql."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


class Checked(NamedTuple):
    """A check of a location as it is recorded, or a use that was refused. `decision`: of the receipt, which a refused
    check has none of. `displaces`: whether a refusal tells that the account is in no good place now. `market`, `rule`:
    what was asked for, and the rule against it."""

    account: str
    at_s: float
    outcome: str
    network: str
    token_hash: bytes
    decision: Decision | None = None
    displaces: bool = False
    kind: Literal["check"] | Use = "check"
    market: str | None = None
    rule: str | None = None

    @property
    def tells(self) -> bool:
        """Whether it says which receipt of the account stands."""
        return self.outcome == ACCEPTED or self.displaces


class _Waiting(NamedTuple):
    """What is to be written, and who waits for it."""

    checked: Checked
    written: asyncio.Future[None] | None


class Recorder:
    """Writes them. `run` works until it is cancelled."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._came = asyncio.Event()
        self._ended = False

    async def record(self, checked: Checked) -> None:
        """Returns when the row is written. Raises GeoRefused("geo_unavailable")."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._queue(checked, written):
            raise GeoRefused("geo_unavailable")
        await written

    def note(self, checked: Checked) -> None:
        """Writes it soon. What cannot be written is told in the log."""
        if not self._queue(checked, None):
            log.warning("location_not_noted", kind=checked.kind, outcome=checked.outcome)

    def _queue(self, checked: Checked, written: asyncio.Future[None] | None) -> bool:
        if self._ended or len(self._waiting) >= WAITING_MAX:
            return False
        self._waiting.append(_Waiting(checked, written))
        self._came.set()
        return True

    async def run(self) -> None:
        """One statement after another, each with all that came meanwhile; the first after a pause at once."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._came.wait()
                self._came.clear()
                while self._waiting:
                    next_s = loop.time() + SPACING_S
                    batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
                    await self._write(batch)
                    await asyncio.sleep(max(0.0, next_s - loop.time()))
        finally:
            self._ended = True
            _tell(self._waiting, written=False)

    async def _write(self, batch: list[_Waiting]) -> None:
        written = False  # unless it is certain that they are
        try:
            await self._database.execute(statement("record_checks"), *_columns([one.checked for one in batch]))
            written = True
        except DatabaseUnavailable as error:
            log.warning("locations_not_recorded", count=len(batch), error=str(error))
        finally:
            _tell(batch, written=written)


def _tell(waiting: Iterable[_Waiting], *, written: bool) -> None:
    """Whoever waits for a row hears whether it is written."""
    for _, told in waiting:
        if told is None or told.done():
            continue
        if written:
            told.set_result(None)
        else:
            told.set_exception(GeoRefused("geo_unavailable"))


def _columns(rows: list[Checked]) -> list[list[Any]]:
    """One array a column, in the order of record_checks.sql."""
    decisions = [row.decision for row in rows]
    return [
        [row.decision.id if row.decision and row.kind == "check" else uuid.uuid4() for row in rows],
        [row.kind for row in rows],
        [decision and decision.id for decision in decisions],
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
        [row.market for row in rows],
        [row.rule for row in rows],
        [row.tells for row in rows],
    ]


def recorded(decision: Decision) -> Mapping[str, object]:
    """A decision as JSON: what a bet keeps (DOMAIN.md 2.8), and what location.used reads."""
    kept: dict[str, object] = msgspec.to_builtins(decision, builtin_types=(bytes,))
    names = [field.name for field in msgspec.structs.fields(Decision)]
    named = dict(zip(names, kept, strict=True))
    named["receipt"] = named.pop("id")
    return named | {"token_hash": decision.token_hash.hex()}


def read_recorded(record: Mapping[str, Any]) -> Decision:
    """The decision that was recorded so."""
    named = {**record, "id": record["receipt"], "token_hash": bytes.fromhex(record["token_hash"])}
    values = [named[field.name] for field in msgspec.structs.fields(Decision)]
    return msgspec.convert(values, Decision, builtin_types=(bytes,))


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
