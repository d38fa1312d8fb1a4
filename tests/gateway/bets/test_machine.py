"""Wallet, bets, keys and holds against a small model: random steps, two workers, one of them always forgetful."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pydantic import SecretStr

from gateway.money.audit import audit
from gateway.store.child import PostgresServer
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.fanout.serving import spread
from tests.gateway.bets.worker import Worker, money_pool, one_postgres

RUNS, STEPS = 60, 25
PROOF_RUNS, PROOF_STEPS = 2_000, 50

_owners = itertools.count(1)
WORKERS = st.integers(0, 1)
KEYS = st.sampled_from([f"machine-key-{n:04d}" for n in range(5)])
CENTS = st.integers(10, 3_000)


class Used(NamedTuple):
    """What a key was used for: its meaning, and what was told of it; `bet` is one that was placed."""

    meaning: tuple[object, ...]
    status: int
    body: bytes
    bet: str | None = None


class Ground:
    """The database, two workers over it, and the loop they live on."""

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        self.runner = runner
        self.database = database
        self.workers = [Worker(database, in_play_delay_s=0.000001, duplicate_s=0, running_max=100) for _ in range(2)]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)


class Machine(RuleBasedStateMachine):
    """One account a run. The model: cash, held stakes by bet, what each key was used for, and whether M1 is open."""

    ground: Ground

    @initialize()
    def begin(self) -> None:
        self.owner = f"m{next(_owners)}"
        self.cash = 0
        self.held: dict[str, int] = {}
        self.pending: dict[str, int] = {}
        self.keys: dict[str, Used] = {}
        self.kept = True
        self.open = True
        self.show()

    def show(self) -> None:
        for worker in self.ground.workers:
            worker.show(spread("M1", st="open" if self.open else "suspended"))

    def ask(self, worker: int, path: str, body: Any, key: str) -> Any:
        if worker:
            self.ground.workers[1].service.finals._held.clear()
        return self.ground.run(self.ground.workers[worker].post(path, body, account=self.owner, key=key))

    @rule(worker=WORKERS, key=KEYS, cents=CENTS)
    def deposit(self, worker: int, key: str, cents: int) -> None:
        self.move("deposit", worker, key, cents)

    @rule(worker=WORKERS, key=KEYS, cents=CENTS)
    def withdraw(self, worker: int, key: str, cents: int) -> None:
        self.move("withdrawal", worker, key, cents)

    def move(self, verb: str, worker: int, key: str, cents: int) -> None:
        body = {"amount": text(cents), "currency": "USD"}
        said = self.ask(worker, f"/v1/wallet/{verb}s", body, key)
        if self.is_known(said, key, (verb, cents)):
            return
        if verb == "withdrawal" and self.cash < cents:
            assert said.json()["code"] == "insufficient_funds"
            return
        assert said.status_code == 201, said.text
        self.keys[key] = Used((verb, cents), 201, said.content)
        self.cash += cents if verb == "deposit" else -cents

    @rule(worker=WORKERS, key=KEYS, cents=CENTS, market=st.sampled_from(["M1", "M2"]))
    def place(self, worker: int, key: str, cents: int, market: str) -> None:
        said = self.ask(worker, "/v1/bets", self.ground.workers[worker].bet(market, stake=text(cents)), key)
        if self.is_known(said, key, (market, cents)):
            return
        if market == "M1" and not self.open:
            assert said.json()["code"] == "market_not_open"
        elif self.cash < cents:
            assert said.json()["code"] == "insufficient_funds", said.text
        else:
            bet = said.json()
            assert (said.status_code, bet["state"]) == (201, "accepted" if market == "M2" else "pending_acceptance")
            self.keys[key] = Used((market, cents), 201, said.content, bet["id"])
            self.cash -= cents
            self.held[bet["id"]] = cents
            if market == "M1":
                self.pending[bet["id"]] = cents

    def is_known(self, said: Any, key: str, meaning: tuple[object, ...]) -> bool:
        used = self.keys.get(key)
        if used is None:
            return False
        if used.status == 410:
            assert said.json()["code"] == "key_tombstoned"
        elif used.meaning != meaning:
            assert said.json()["code"] == "key_reused"
        else:
            assert said.status_code == used.status
            assert said.content == used.body or not self.kept
        return True

    @rule(worker=WORKERS, key=KEYS)
    def resolve(self, worker: int, key: str) -> None:
        path = f"/v1/bets/by-key/{key}/resolve"
        said = self.ground.run(self.ground.workers[worker].client.post(path, headers={"x-account": self.owner}))
        assert said.status_code == 200
        used = self.keys.setdefault(key, Used((), 410, said.content))
        if used.status == 410:
            assert said.json()["state"] == "tombstoned"
        else:
            assert said.json()["key"] == key

    @rule()
    def turn(self) -> None:
        self.open = not self.open
        self.show()

    @rule(worker=WORKERS)
    def decide(self, worker: int) -> None:
        self.ground.run(self.ground.workers[worker].service.accepting.look())
        if not self.open:
            for bet, cents in self.pending.items():
                self.cash += cents
                del self.held[bet]
        self.pending.clear()

    @rule()
    def forget(self) -> None:
        self.ground.run(self.ground.database.execute("UPDATE money.key SET answer = NULL WHERE owner = $1", self.owner))
        for worker in self.ground.workers:
            worker.service.finals._held.clear()
        self.kept = False

    @invariant()
    def wallet_is_the_model_s(self) -> None:
        wallet = self.ground.run(self.ground.workers[0].get("/v1/wallet", self.owner))
        if wallet["currency"] is None:
            assert self.cash == 0
            return
        assert (wallet["cash"], wallet["open_stakes"]) == (text(self.cash), text(sum(self.held.values())))

    def teardown(self) -> None:
        bets = self.ground.run(self.ground.workers[0].get("/v1/bets", self.owner))["items"]
        assert {bet["id"] for bet in bets} == {used.bet for used in self.keys.values() if used.bet is not None}
        for bet in bets:
            state = "pending_acceptance" if bet["id"] in self.pending else "accepted"
            assert bet["state"] == (state if bet["id"] in self.held else "refused")
        while self.ground.run(self.ground.workers[0].service.accepting.look()):
            pass  # none of this run's bets waits in the next


def text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


@pytest.fixture
def ground(postgres: PostgresServer) -> Iterator[Ground]:
    """A database of its own, whose commits do not wait for the disk: what is tested is what they hold."""
    name = f"test_{uuid.uuid4().hex}"

    async def make(sql: str) -> None:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute(sql)
        await connection.close()

    with asyncio.Runner() as runner:
        runner.run(make(f"CREATE DATABASE {name}"))
        runner.run(make(f"ALTER DATABASE {name} SET synchronous_commit = off"))
        at = DatabaseSettings(url=SecretStr(postgres.url.replace("/postgres?", f"/{name}?")))
        runner.run(migrate(at))
        stack = AsyncExitStack()
        database = runner.run(stack.enter_async_context(money_pool(at)))
        yield Ground(runner, database)
        found = runner.run(audit(database, print))
        assert found.clean, found.differences
        runner.run(stack.aclose())
        runner.run(make(f"DROP DATABASE {name} WITH (FORCE)"))


def machine_on(ground: Ground) -> type[Machine]:
    return type("Machine", (Machine,), {"ground": ground})


def limits(runs: int, steps: int) -> settings:
    """Without shrinking, which takes minutes over a database: the steps of a failing run are told as they are."""
    return settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        phases=(Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


@one_postgres
@pytest.mark.timeout(300)
def test_random_steps_agree_with_the_model(ground: Ground) -> None:
    run_state_machine_as_test(machine_on(ground), settings=limits(RUNS, STEPS))


@one_postgres
@pytest.mark.proof
@pytest.mark.timeout(7_200)
def test_two_thousand_runs_of_fifty_steps(ground: Ground) -> None:
    run_state_machine_as_test(machine_on(ground), settings=limits(PROOF_RUNS, PROOF_STEPS))
