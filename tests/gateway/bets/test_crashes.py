"""Placing broken off at every await, one after the other: a new process, the same request, one bet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import asyncpg
import pytest

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.coordination import Coordination, Unavailable
from gateway.store.errors import DatabaseUnavailable, NotConnected
from gateway.store.pool import Database
from tests.gateway.bets.failing import Crash, FailingCoordination, FailingDatabase, FailingLocations, Points
from tests.gateway.bets.worker import Worker, a_key, fund, one_postgres

pytestmark = one_postgres

AWAITS = ("answer", "location", "claim", "bets.place", "claim")
"""What placing waits for, in order, where all is well; each is a point before it and one after it."""


def sqlstate(kind: type[Exception], *, connected: bool = True) -> Callable[[], Exception]:
    def made() -> Exception:
        error = (DatabaseUnavailable if connected else NotConnected)("broken on purpose")
        error.__cause__ = kind("broken on purpose")
        return error

    return made


def failing(money: Database, coordination: Coordination, points: Points) -> Worker:
    return Worker(
        FailingDatabase(money, points),
        coordination=cast("Coordination", FailingCoordination(coordination, points)),
        locations=FailingLocations(points),
        duplicate_s=0,
    )


async def asked(worker: Worker, owner: str, key: str) -> Any:
    """The answer, or what became of the process that should have given it."""
    async with worker.client:
        try:
            return await worker.place(account=owner, key=key)
        finally:
            await worker.service.once.finish()


async def points_of_placing(money: Database) -> list[str]:
    await fund(money, "counted", 100_000)
    points = Points(-1, Crash)
    said = await asked(failing(money, MemoryCoordination(), points), "counted", a_key())
    assert said.status_code == 201
    assert points.names == [f"{when} {name}" for name in AWAITS for when in ("before", "after")]
    return points.names


async def test_a_process_that_dies_at_any_await_leaves_one_bet(money: Database) -> None:
    async def dies(place: int, name: str) -> None:
        owner, key, coordination = f"crash-{place}", a_key(), MemoryCoordination()
        await fund(money, owner, 100_000)
        died = await asked(failing(money, coordination, Points(place, Crash)), owner, key)
        assert died.status_code == 500 or name.endswith("claim"), name  # the last answer may be out already
        for _ in range(2):
            again = await asked(Worker(money, coordination=coordination, duplicate_s=0), owner, key)
            assert again.status_code == 201, (name, again.text)
        await one_bet(money, owner, key, name)

    names = await points_of_placing(money)
    await asyncio.gather(*(dies(place, name) for place, name in enumerate(names)))


LOST = sqlstate(asyncpg.ConnectionDoesNotExistError)
DEADLOCK = sqlstate(asyncpg.DeadlockDetectedError)
REFUSED = sqlstate(ConnectionRefusedError, connected=False)
BROKEN = {
    "connection lost": LOST,
    "server shut down": sqlstate(asyncpg.AdminShutdownError),
    "a reader now": sqlstate(asyncpg.ReadOnlySQLTransactionError),
    "no answer": sqlstate(TimeoutError),
    "deadlock": DEADLOCK,
    "not to be serialized": sqlstate(asyncpg.SerializationError),
    "lock not had": sqlstate(asyncpg.LockNotAvailableError),
    "no connection": REFUSED,
}
UNDONE = ("deadlock", "not to be serialized", "lock not had", "no connection")
"""What the server says itself is said before anything was done, and never after it."""


@pytest.mark.parametrize("how", BROKEN)
async def test_a_database_that_breaks_at_any_await_leaves_one_bet_and_one_answer(how: str, money: Database) -> None:
    names = await points_of_placing(money)
    for place, name in enumerate(names):
        if "." not in name or (how in UNDONE and name.startswith("after")):
            continue
        owner, key, coordination = f"broken-{how[:4]}-{place}".replace(" ", "_"), a_key(), MemoryCoordination()
        await fund(money, owner, 100_000)
        said = await asked(failing(money, coordination, Points(place, BROKEN[how])), owner, key)
        assert said.status_code == (503 if how in ("lock not had", "no connection") else 201), (name, said.text)
        again = await asked(Worker(money, coordination=coordination, duplicate_s=0), owner, key)
        assert again.status_code == 201
        assert said.status_code == 503 or again.content == said.content
        await one_bet(money, owner, key, name)


async def test_coordination_that_breaks_at_any_await_changes_nothing(money: Database) -> None:
    names = await points_of_placing(money)
    for place, name in enumerate(names):
        if name.split()[1] not in ("answer", "claim"):
            continue
        owner, key, coordination = f"away-{place}", a_key(), MemoryCoordination()
        await fund(money, owner, 100_000)
        away = Points(place, lambda: Unavailable("away on purpose"))
        said = await asked(failing(money, coordination, away), owner, key)
        again = await asked(Worker(money, coordination=coordination, duplicate_s=0), owner, key)
        assert (said.status_code, again.status_code, again.content) == (201, 201, said.content), name
        await one_bet(money, owner, key, name)


async def one_bet(money: Database, owner: str, key: str, name: str) -> None:
    row = await money.row(
        "SELECT (SELECT count(*) FROM bets.bet WHERE owner = $1 AND client_key = $2), balance"
        " FROM money.account WHERE owner = $1 AND kind = 'user:open_stakes'",
        owner,
        key,
    )
    assert row is not None
    assert tuple(row) == (1, 1_000), name


async def test_a_decision_is_made_again_four_times_and_no_more(money: Database) -> None:
    await fund(money, "u1", 100_000)
    worker = Worker(money)
    tries = 0

    async def deadlocked(order: Any) -> Any:
        nonlocal tries
        tries += 1
        error = DEADLOCK()
        raise error

    worker.service.bets.place = deadlocked  # type: ignore[method-assign]
    async with worker.client:
        said = await worker.place()
    assert (said.status_code, said.json()["code"], tries) == (503, "overloaded", 5)
    assert "retry-after" in said.headers


async def test_what_may_have_been_done_is_never_called_undone(money: Database) -> None:
    """The database is gone after the statement was sent: unknown, until the time for it is over."""
    await fund(money, "u1", 100_000)
    worker = Worker(money, answer_s_max=60)
    once = worker.service.once
    once._limits = once._limits._replace(resolve_s=0.3)

    async def lost(order: Any) -> Any:
        error = LOST()
        raise error

    async def gone(owner: str, key: str) -> Any:
        error = REFUSED()
        raise error

    worker.service.bets.place = lost  # type: ignore[method-assign]
    worker.service.ledger.key = gone  # type: ignore[method-assign]
    async with worker.client:
        said = await worker.place()
        assert (said.status_code, said.json()["state"]) == (202, "unknown")
