"""A database with bets in it, a recorder, and settlers; and what all of it comes to."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

from bench.staking import Staked, fund, stake
from feeds.contract.results import Settlement
from gateway.money import journals
from gateway.money.tables import LedgerTables, Movement
from gateway.settlement.corrections.policy import Policies
from gateway.settlement.corrections.provided import Provided
from gateway.settlement.metrics import SettlementMetrics
from gateway.settlement.offsetting import Offsetting
from gateway.settlement.recording import Recorded, Recorder
from gateway.settlement.settings import SettlementSettings
from gateway.settlement.settling import Settler
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database
from tests.gateway.settlement.correcting import PLACED, corrections, policies, utc_now

PLACED_MS = int(PLACED.timestamp() * 1000)

_SETTLERS = itertools.count(1)
_WITHDRAWALS = itertools.count(1)


class Ground:
    """Over one database. `database` may be one that fails."""

    def __init__(self, database: Database, *, among: Policies | None = None, **settings: Any) -> None:
        self.database = database
        self.policies = among or policies()
        self.metrics = SettlementMetrics()
        self.recorder = Recorder(database, utc_now)
        self._settings = SettlementSettings.model_validate({"batch_bets": 3, **settings})

    def settler(self, database: Database | None = None) -> Settler:
        """Another one."""
        name = f"settler-{next(_SETTLERS)}"
        return Settler(
            database or self.database,
            name=name,
            settings=self._settings,
            metrics=self.metrics,
            now=utc_now,
            offsetting=Offsetting(self.policies, "oddswire", utc_now),
        )

    def provided(self, **settings: Any) -> Provided:
        """Who corrects by what providers say."""
        service = corrections(self.database, among=self.policies, **settings)
        return Provided(self.database, service, gather_s=0, metrics=self.metrics, now=utc_now)

    async def bets(self, *bets: Staked, cents: int = 10_000) -> None:
        """Users with so much each, and their bets."""
        await fund(self.database, sorted({bet.owner for bet in bets}), cents, PLACED)
        await stake(self.database, bets, PLACED)

    async def say(self, *settlements: Settlement) -> Recorded:
        """Records what is said, and settles all there is to settle."""
        recorded = await self.recorder.record(settlements)
        await self.settle()
        return recorded

    async def settle(self) -> None:
        """Until there is nothing to settle."""
        settler, provided = self.settler(), self.provided()
        while await settler.work() or await provided.look():
            pass

    async def told(self, bet: str) -> tuple[str, int | None, int]:
        """State, payout and revision of a bet."""
        row = await self.database.row("SELECT state, payout, revision FROM bets.bet WHERE bet = $1", bet)
        assert row is not None
        return tuple(row)

    async def purse(self, owner: str) -> tuple[int, int, int]:
        """Cash, open stakes and receivable of a user."""
        rows = await self.database.fetch("SELECT kind, balance FROM money.account WHERE owner = $1", owner)
        held = dict(map(tuple, rows))
        return held["user:cash"], held["user:open_stakes"], held["user:receivable"]

    async def spend(self, owner: str, cents: int) -> None:
        """The user takes so much out."""
        key = f"withdrawal-{next(_WITHDRAWALS):012d}"
        movement = Movement(
            owner=owner,
            key=key,
            fingerprint=b"f" * 32,
            verb="withdrawal",
            currency="USD",
            amount=cents,
            source_key=f"withdrawal/{key}",
            at=utc_now(),
            lines=journals.withdrawal(cents),
            answer=b"{}",
        )
        assert (await LedgerTables(self.database).move(movement)).code == "done"

    async def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """What everything came to, whatever way: balances, bets, open holds, exposure, work."""
        return {name: [tuple(row) for row in await self.database.fetch(sql)] for name, sql in _STATE.items()}


_STATE = {
    "accounts": "SELECT owner, kind, sum(balance) FROM money.account GROUP BY 1, 2 ORDER BY 1, 2",
    "bets": "SELECT bet, state, payout FROM bets.bet ORDER BY 1",
    "holds": "SELECT bet, amount FROM money.hold WHERE state = 'open' ORDER BY 1",
    "exposure": "SELECT market, selection, sum(stakes), sum(liability) FROM bets.exposure GROUP BY 1, 2 ORDER BY 1, 2",
    "work": "SELECT market FROM settlement.work ORDER BY 1",
}


def single(bet: str, owner: str, selection: str = "O1", *, market: str = "M1", milli: int = 2000) -> Staked:
    """A bet of 10.00."""
    return Staked(bet, owner, 1000, ((market, selection, milli),))


def parlay(bet: str, owner: str, *markets: str) -> Staked:
    """A bet of 10.00 on the first selection of each."""
    return Staked(bet, owner, 1000, tuple((market, "O1", 2000) for market in markets))


class Broken(Exception):
    """The process ended here."""


class Breaking(Database):
    """A database of which one statement, counted from 0, fails."""

    def __init__(self, database: Database, at: int, *, error: type[Exception] = Broken) -> None:
        self._database = database
        self._left = at
        self._error = error

    @property
    def broke(self) -> bool:
        """Whether it came to that."""
        return self._left < 0

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """One connection, which may break."""
        async with self._database.connection() as connection:
            yield _Breaking(connection, self)

    async def step(self, call: Any, *values: Any) -> Any:
        """One statement."""
        self._left -= 1
        if self._left == -1:
            raise self._error("broken on purpose")
        return await call(*values)

    async def fetch(self, sql: str, *values: object) -> list[Any]:
        """See Database."""
        async with self.connection() as connection:
            rows: list[Any] = await connection.fetch(sql, *values)
            return rows


class _Breaking:
    def __init__(self, connection: Any, breaking: Breaking) -> None:
        self._connection = connection
        self._breaking = breaking

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, *values: Any) -> Any:
        return await self._breaking.step(self._connection.execute, *values)

    async def fetch(self, *values: Any) -> Any:
        return await self._breaking.step(self._connection.fetch, *values)


LOST = DatabaseUnavailable
