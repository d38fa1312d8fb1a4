"""Sayings in any order, settled in between or not, by two settlers; against the same set, said at once and shuffled."""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from collections.abc import Coroutine, Iterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pydantic import SecretStr

from bench.staking import Staked
from feeds.contract.results import MarketResult, Reduction, SelectionResult, Settlement, Share
from gateway.money.audit import Audit, audit
from gateway.settlement.recounting import recount
from gateway.store.child import PostgresServer
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import money_pool, one_postgres
from tests.gateway.settlement.conftest import without_waiting_for_the_disk
from tests.gateway.settlement.ground import PLACED_MS, Ground
from tests.gateway.settlement.results import HALF_LOST, HALF_WON, LOST, VOID, WON, result

RUNS, STEPS = 25, 12
PROOF_RUNS, PROOF_STEPS = 500, 40

MARKETS = ("M1", "M2", "M3")
USERS = 4

_runs = itertools.count(1)

_LEGS = st.sampled_from([WON, LOST, LOST, VOID, HALF_WON, HALF_LOST, SelectionResult("", w=Share(1), dh=Share(2, 3))])
_CUTS = st.sampled_from([(), (), (Reduction("O9", Share(1, 5), PLACED_MS + 1),)])
_AT = st.none() | st.integers(PLACED_MS - 1, PLACED_MS + 2)
SETTLED = st.builds(
    lambda market, ts, certainty, x, cuts: result(market, ts, certainty=certainty, x=x, reductions=cuts),
    st.sampled_from(MARKETS),
    st.integers(1, 8),
    st.sampled_from([1, 2, 2]),
    st.fixed_dictionaries({"O1": _LEGS}, optional={"O2": _LEGS}),
    _CUTS,
)
OTHER = st.builds(
    lambda market, ts, kind, begin, end: result(market, ts, kind, from_ms=begin, to_ms=end),
    st.sampled_from(MARKETS),
    st.integers(1, 8),
    st.sampled_from(["cancelled", "rollback_cancel"]),
    _AT,
    _AT,
)
ROLLBACK = st.builds(lambda market, ts: result(market, ts, "rollback"), st.sampled_from(MARKETS), st.integers(1, 8))


class World:
    """Bets of one run, under names of their own."""

    def __init__(self, ground: Ground, name: str) -> None:
        self.ground = ground
        self.name = name

    def bets(self) -> list[Staked]:
        """Singles on both sides, and parlays over two and three markets."""
        bets = []
        for user in range(USERS):
            owner = f"{self.name}-u{user}"
            for market in MARKETS:
                leg = (self.named(market), f"O{1 + user % 2}", 1909)
                bets.append(Staked(f"{self.name}-B{user}{market}", owner, 333, (leg,)))
            for length in (2, 3):
                legs = tuple((self.named(market), "O1", 2100 + user) for market in MARKETS[:length])
                bets.append(Staked(f"{self.name}-P{user}{length}", owner, 500, legs))
        return bets

    def named(self, market: str) -> str:
        return f"{self.name}-{market}"

    def said(self, one: MarketResult) -> Settlement:
        changed = MarketResult(
            self.named(one.market), *(getattr(one, field) for field in MarketResult.__struct_fields__[1:])
        )
        return Settlement("alpha", 0, "created", 1, changed)

    async def totals(self) -> tuple[Any, ...]:
        """What users have in all, taken out or not, and what their bets are."""
        database = self.ground.database
        prefix = f"{self.name}-%"
        money = await database.fetch(
            "SELECT substr(owner, length($2) + 1), sum(balance) FILTER (WHERE kind <> 'user:open_stakes'),"
            " sum(balance) FILTER (WHERE kind = 'user:open_stakes'), bool_and(kind <> 'user:cash' OR balance >= 0)"
            " FROM money.account WHERE owner LIKE $1 GROUP BY owner ORDER BY owner",
            prefix,
            self.name,
        )
        bets = await database.fetch(
            "SELECT substr(bet, length($2) + 1), state, payout FROM bets.bet WHERE bet LIKE $1 ORDER BY bet",
            prefix,
            self.name,
        )
        return [tuple(row) for row in money], [tuple(row) for row in bets]


def _time(one: MarketResult) -> tuple[object, ...]:
    return one.market, one.ts, one.certainty


class Machine(RuleBasedStateMachine):
    """One world is told and settled step by step; the other hears everything at the end, shuffled and twice."""

    ground: Ground
    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        number = next(_runs)
        self.stepwise, self.at_once = World(self.ground, f"s{number}"), World(self.ground, f"o{number}")
        self.said: list[MarketResult] = []
        self.taken_out: dict[str, int] = {}
        for world in (self.stepwise, self.at_once):
            self.run(self.ground.bets(*world.bets(), cents=3_000))

    @rule(one=SETTLED | ROLLBACK | OTHER)
    def say(self, one: MarketResult) -> None:
        """Which of two settlements of one time wins is decided by their ids, which differ from world to world."""
        alike = [other for other in self.said if other.kind == "settled" == one.kind and _time(other) == _time(one)]
        if any(other != one for other in alike):
            return
        self.said.append(one)
        self.run(self.ground.recorder.record([self.stepwise.said(one)]))

    @rule()
    def settle_all(self) -> None:
        self.run(self.ground.settle())

    @rule()
    def settle_some(self) -> None:
        """Whoever took it died after the first batch."""

        async def some() -> None:
            settler = self.ground.settler()
            with pytest.MonkeyPatch.context() as patch:
                first = settler._batch

                async def only_one(works: Any) -> list[Any]:
                    await first(works)
                    return []

                patch.setattr(settler, "_batch", only_one)
                await settler.work()
            await self.ground.database.execute("UPDATE settlement.work SET held_until = now()")

        self.run(some())

    @rule(user=st.integers(0, USERS - 1))
    def take_out(self, user: int) -> None:
        owner = f"{self.stepwise.name}-u{user}"
        cash, _, _ = self.run(self.ground.purse(owner))
        if cash:
            self.taken_out[str(user)] = self.taken_out.get(str(user), 0) + cash
            self.run(self.ground.spend(owner, cash))

    def teardown(self) -> None:
        if not hasattr(self, "stepwise"):
            return
        self.run(self.ground.settle())
        again = [self.at_once.said(one) for one in [*self.said, *self.said]]
        random.Random(len(again)).shuffle(again)
        self.run(self.ground.recorder.record(again))
        self.run(self.ground.settle())
        money, bets = self.run(self.stepwise.totals())
        money_at_once, bets_at_once = self.run(self.at_once.totals())
        assert bets == bets_at_once
        out = [self.taken_out.get(owner[-1], 0) for owner, *_ in money]
        assert [
            (owner, net + gone, held, sound) for (owner, net, held, sound), gone in zip(money, out, strict=True)
        ] == [tuple(row) for row in money_at_once]


@pytest.fixture
def machine(postgres: PostgresServer) -> Iterator[type[Machine]]:
    """On a database of its own, of which everything must be clean at the end."""
    name = f"test_{uuid.uuid4().hex}"
    at = DatabaseSettings(url=SecretStr(postgres.url.replace("/postgres?", f"/{name}?")))

    async def make(sql: str) -> None:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute(sql)
        await connection.close()

    async def clean(database: Database) -> Audit:
        found = await audit(database, print)
        await recount(database, found, print)
        return found

    with asyncio.Runner() as runner:
        runner.run(make(f"CREATE DATABASE {name}"))
        runner.run(migrate(at))
        runner.run(without_waiting_for_the_disk(at))
        opening = money_pool(at)
        database = runner.run(opening.__aenter__())
        made = type("Over", (Machine,), {"ground": Ground(database, batch_bets=7), "runner": runner})
        yield made
        found = runner.run(clean(database))
        runner.run(opening.__aexit__(None, None, None))
        runner.run(make(f"DROP DATABASE {name} WITH (FORCE)"))
    assert found.clean, found.differences


def explore(machine: type[Machine], *, runs: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@one_postgres
def test_balances_depend_on_what_was_said_and_not_on_its_order(machine: type[Machine]) -> None:
    explore(machine, runs=RUNS, steps=STEPS)


@pytest.mark.proof
@pytest.mark.timeout(1800)
@one_postgres
def test_the_same_for_long(machine: type[Machine]) -> None:
    explore(machine, runs=PROOF_RUNS, steps=PROOF_STEPS)
