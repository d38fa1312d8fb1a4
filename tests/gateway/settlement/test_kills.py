"""Settlers killed at random points while results come and are corrected, by jobs that they draft, approve by policy and
apply themselves: all ends as where nobody was killed. A tenth of the users withdraw, a twentieth is excluded or closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import sys
import uuid
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from nats.js.errors import NotFoundError
from pydantic import SecretStr

from bench.staking import Staked, bet_id
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.results import DURABLE
from feeds.adapters.nats.settling import ResultPublisher
from feeds.adapters.server import NatsServer
from feeds.contract.records import encode_settlement
from feeds.contract.results import MarketResult, Settlement, saying_id
from feeds.contract.subjects import SETTLE_STREAM, settle_subject
from feeds.lane_log import Message
from gateway.money.audit import audit
from gateway.settlement.recounting import recount
from gateway.store.child import PostgresServer
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import bus
from tests.gateway.bets.worker import money_pool, one_postgres
from tests.gateway.settlement.conftest import without_waiting_for_the_disk
from tests.gateway.settlement.ground import Ground
from tests.gateway.settlement.results import LOST, VOID, WON, result

pytestmark = one_postgres

MARKETS = 40
LEGS_MAX = 12
WITHDRAW_SHARE = 0.1
POLICIES = """
reviewed = 2026-11-26
[[policy]]
id = "full"
mode = "full"
window_h = 100_000
automatic = 1_000_000_000
text = "Everything is taken, and nobody has to be asked."
"""
SETTLERS = 2
PATIENCE_S = 600.0


def made_bets(number: int, users: int) -> list[Staked]:
    """A third are parlays of up to twelve legs."""
    dice = random.Random(12)
    bets = []
    for n in range(number):
        length = dice.randint(2, LEGS_MAX) if n % 3 == 0 else 1
        markets = dice.sample(range(MARKETS), length)
        legs = tuple((f"M{market}", f"O{dice.randint(1, 2)}", dice.randint(1010, 4000)) for market in markets)
        bets.append(Staked(bet_id(n), f"u{n % users:05d}", dice.randint(10, 5_000), legs))
    return bets


def made_rounds() -> list[list[MarketResult]]:
    """Results; the same corrected, some by way of a rollback; the corrections taken back; and corrected again."""
    dice = random.Random(34)
    rounds: list[list[MarketResult]] = [[], [], [], []]
    for market in range(MARKETS):
        name, first = f"M{market}", dice.random() < 0.5
        one = {"O1": WON if first else LOST, "O2": LOST if first else WON}
        other = {"O1": one["O2"], "O2": one["O1"]} if market % 5 else {"O1": VOID, "O2": VOID}
        rounds[0].append(result(name, 1, x=one, certainty=1 + market % 2))
        if market % 2:
            rounds[1].append(result(name, 2, "rollback"))
        rounds[1].append(result(name, 3, x=other))
        rounds[2].append(result(name, 4, x=one))
        rounds[3].append(result(name, 5, x=other))
    return rounds


class Stack:
    """One database, and settlers that are processes."""

    def __init__(
        self, settings: DatabaseSettings, database: Database, nats: NatsServer, connection: Connection, policies: Path
    ) -> None:
        self._connection = connection
        self._publisher = ResultPublisher(connection, bus=bus())
        self._settlers: list[Process] = []
        self.database = database
        self._environment = os.environ | {
            "ODDSWIRE_DATABASE_URL": settings.url.get_secret_value(),
            "ODDSWIRE_NATS_URL": nats.url,
            "ODDSWIRE_LANES": "3",
            "ODDSWIRE_SETTLER_LEASE_S": "1",
            "ODDSWIRE_SETTLER_REDELIVER_S": "1",
            "ODDSWIRE_SETTLER_BATCH_BETS": "50",
            "ODDSWIRE_SETTLER_BETS_PER_S": "1500",
            "ODDSWIRE_SETTLER_LOG_LEVEL": "error",
            "ODDSWIRE_CORRECTION_POLICIES": str(policies),
            "ODDSWIRE_CORRECTION_GATHER_S": "0.2",
            "ODDSWIRE_CORRECTION_BATCH_BETS": "50",
            "ODDSWIRE_CORRECTION_PAUSE_MS": "5",
        }

    async def start(self) -> None:
        """One more settler."""
        words = ("-m", "gateway", "settler")
        self._settlers.append(
            await asyncio.create_subprocess_exec(sys.executable, *words, env=self._environment, stdout=DEVNULL)
        )

    async def kill(self, which: int) -> None:
        """One of them, at once, and another in its place."""
        dead = self._settlers.pop(which)
        dead.kill()
        await dead.wait()
        await self.start()

    async def end(self) -> None:
        """All of them."""
        for one in self._settlers:
            with contextlib.suppress(ProcessLookupError):
                one.kill()
            await one.wait()

    async def say(self, results: Sequence[MarketResult]) -> None:
        """As the feed does; some of it twice."""
        for one in (*results, *results[::7]):
            said = Settlement("alpha", 0, "", 0, one)
            message = Message(settle_subject(0, one.event, one.market), encode_settlement(said))
            await self._publisher.publish(message, f"{saying_id('alpha', one)}-{uuid.uuid4()}")

    async def quiet(self) -> bool:
        """Whether all that was said is settled."""
        try:
            consumer = await self._connection.jetstream().consumer_info(SETTLE_STREAM, DURABLE)
        except NotFoundError:  # no settler came so far
            return False
        if consumer.num_pending or consumer.num_ack_pending:
            return False
        return not await self.database.fetch(_TO_DO)

    async def until_quiet(self) -> None:
        """Waits for it."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.quiet():  # noqa: ASYNC110 NATS and PostgreSQL tell nobody
                await asyncio.sleep(0.05)


_TO_DO = """
SELECT FROM settlement.work
UNION ALL SELECT FROM settlement.held
UNION ALL SELECT FROM correction.job WHERE state NOT IN ('done', 'aborted')
LIMIT 1
"""


@contextlib.asynccontextmanager
async def another(postgres: PostgresServer, bets: list[Staked]) -> AsyncIterator[tuple[DatabaseSettings, Ground]]:
    """A database with the bets in it."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(postgres.url)
    await connection.execute(f"CREATE DATABASE {name}")
    settings = DatabaseSettings(url=SecretStr(postgres.url.replace("/postgres?", f"/{name}?")))
    await migrate(settings)
    await without_waiting_for_the_disk(settings)
    async with money_pool(settings) as database:
        ground = Ground(database, batch_bets=300)
        await ground.bets(*bets, cents=20_000)
        yield settings, ground
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def live(ground: Ground, users: int) -> None:
    """A tenth takes out all there is; a twentieth is excluded or closes."""
    await ground.database.execute(
        "INSERT INTO protection.exclusion"
        " SELECT owner, CASE WHEN substr(owner, 2)::integer % 40 = 5 THEN 'closed' ELSE 'self_exclusion' END, now(),"
        " NULL"
        " FROM money.wallet WHERE substr(owner, 2)::integer % 20 = 5"
    )
    for user in random.Random(56).sample(range(users), int(users * WITHDRAW_SHARE)):
        owner = f"u{user:05d}"
        cash, _, _ = await ground.purse(owner)
        if cash:
            await ground.spend(owner, cash)


async def proven(ground: Ground) -> str:
    """Everything holds; gives the hash of what it came to."""
    found = await audit(ground.database, print)
    await recount(ground.database, found, print)
    assert found.clean, found.differences
    [(twice, untold)] = await ground.database.fetch(_NEWS)
    assert (twice, untold) == (0, 0)
    state: dict[str, Any] = await ground.state()
    owed = sum(balance for _, kind, balance in state["accounts"] if kind == "user:receivable")
    assert owed < 0, "nobody owes anything: it proves nothing of debts"
    return hashlib.sha256(repr(sorted(state.items())).encode()).hexdigest()


_NEWS = """
SELECT
    (SELECT count(*) - count(DISTINCT (data ->> 'bet', data ->> 'revision')) FROM money.outbox
     WHERE kind IN ('bet_settled', 'bet_corrected') AND data ->> 'correction' IS NULL)
    + (SELECT count(*) - count(DISTINCT (owner, data ->> 'correction')) FROM money.outbox
       WHERE data ->> 'correction' IS NOT NULL),
    (SELECT count(*) FROM settlement.step WHERE NOT EXISTS (
        SELECT FROM money.outbox INNER JOIN bets.bet ON bet.owner = outbox.owner
        WHERE bet.bet = step.bet AND (
            data ->> 'correction' = step.correction
            OR (data ->> 'bet' = step.bet AND (data ->> 'revision')::int = step.revision)
        )
    ))
"""


async def killed_and_not(
    stack_of: Callable[[DatabaseSettings, Database], Stack],
    postgres: PostgresServer,
    *,
    bets: int,
    users: int,
    kills: int,
) -> None:
    made, rounds = made_bets(bets, users), made_rounds()
    dice = random.Random(78)
    async with another(postgres, made) as (settings, ground):
        stack = stack_of(settings, ground.database)
        try:
            await stack.say(rounds[0])
            for _ in range(SETTLERS):
                await stack.start()
            for number, said in enumerate(rounds):
                if number:
                    await stack.say(said)
                for _ in range(kills // len(rounds)):
                    await asyncio.sleep(dice.uniform(0.3, 1.5))
                    await stack.kill(dice.randrange(SETTLERS))
                await stack.until_quiet()
                if number == 0:
                    await live(ground, users)
        finally:
            await stack.end()
        killed = await proven(ground)
    async with another(postgres, made) as (_, ground):
        for number, said in enumerate(rounds):
            await ground.say(*(Settlement("alpha", 0, "", 0, one) for one in said))
            if number == 0:
                await live(ground, users)
        assert await proven(ground) == killed


@pytest.fixture
def stack_of(
    nats_server: NatsServer, connection: Connection, tmp_path: Path
) -> Callable[[DatabaseSettings, Database], Stack]:
    """Makes stacks over databases."""
    policies = tmp_path / "policies.toml"
    policies.write_text(POLICIES)
    return lambda settings, database: Stack(settings, database, nats_server, connection, policies)


async def test_settlers_that_are_killed_leave_no_trace(
    stack_of: Callable[[DatabaseSettings, Database], Stack], postgres: PostgresServer
) -> None:
    await killed_and_not(stack_of, postgres, bets=300, users=100, kills=4)


@pytest.mark.proof
@pytest.mark.timeout(3600)
async def test_ten_thousand_bets_and_twenty_kills(
    stack_of: Callable[[DatabaseSettings, Database], Stack], postgres: PostgresServer
) -> None:
    await killed_and_not(stack_of, postgres, bets=10_000, users=5_000, kills=20)
