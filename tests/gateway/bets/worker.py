"""One gateway worker whose lanes a test writes, over a real PostgreSQL: asked over ASGI, as whoever the test says."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest

from feeds.contract.coordination import Coordination
from feeds.contract.model import Event, Market
from gateway.access.principal import Plan, Principal
from gateway.api.edge import App, Receive, Scope, Send
from gateway.api.problems import answer
from gateway.bets.ports import Locations
from gateway.bets.service import Around, BetsService, utc_now
from gateway.bets.settings import BetsSettings
from gateway.money import journals
from gateway.money.settings import MoneySettings
from gateway.money.tables import LedgerTables, Movement
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from tests.fanout.serving import event, spread
from tests.gateway.api.odds import LANES, Odds
from tests.gateway.conftest import kinds

SLOTS = 8
PATIENCE_S = 60.0

one_postgres = pytest.mark.parametrize("postgres", [max(kinds())], indirect=True, scope="session")
"""One kind of PostgreSQL is enough for most; what stands in the database itself is tested on all."""

_KEYS = itertools.count(1)
_WORKERS = itertools.count(1)


def a_key() -> str:
    """A key that was not used."""
    return f"key-{next(_KEYS):012d}"


def principal(account: str | None, *scopes: str) -> Principal:
    """Somebody with an account, who may bet."""
    chosen: Any = frozenset(scopes or ("bets", "odds"))
    return Principal(subject=f"sub:{account}", account=account, scopes=chosen, plan=Plan(name="test"))


def asked_by_header(app: App) -> App:
    """Stands where access control does: header `x-account` is who asks."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = scope["exchange"]
        account = exchange.headers.get(b"x-account")
        if account is not None:
            exchange.principal = principal(account.decode())
        await app(scope, receive, send)

    return layer


class Worker:
    """A worker with two events, E1 (live) and E2 (not begun), of the markets M1 and M2."""

    def __init__(
        self,
        database: Database,
        *,
        coordination: Coordination | None = None,
        locations: Locations | None = None,
        trusted_proxies: str = "",
        **settings: Any,
    ) -> None:
        chosen = BetsSettings.model_validate(
            {
                "development": True,
                "rate_per_s": 1000,
                "rate_burst": 1000,
                "queue_s_max": 10,
                "answer_s_max": PATIENCE_S,
                **settings,
            }
        )
        around = Around(
            worker=f"worker-{next(_WORKERS)}",
            slots=SLOTS,
            problem=lambda code, request_id: answer(code, request_id).body,
            coordination=coordination,
            locations=locations,
        )
        self.odds = Odds(access=(asked_by_header,), trusted_proxies=trusted_proxies)
        self.service = BetsService(database, self.odds.gateway.book, chosen, around)
        self.odds.gateway.desk.service = self.service
        self.client = self.odds.client
        self.show(event("E1"), spread("M1"), event("E2", state="upcoming"), spread("M2", event_id="E2", live=False))

    def show(self, *states: Market | Event) -> None:
        """The next states of their lanes; every source beats."""
        self.odds.put(*states)
        for lane in range(LANES):
            self.odds.beat("alpha", "live", lane, time.time_ns() // 1_000_000)

    def fresh(self) -> None:
        """Every source beats."""
        self.show()

    def s(self, market: str) -> int:
        """Position of a market's state."""
        found = self.odds.gateway.book.market(market)
        assert found is not None
        return found[1].s

    async def post(self, path: str, body: Any, *, account: str = "u1", key: str | None = None, **headers: str) -> Any:
        """The answer. `key` None: a new one."""
        self.fresh()
        sent = {"x-account": account, "idempotency-key": a_key() if key is None else key}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.client.post(path, content=data, headers=sent)

    async def get(self, path: str, account: str = "u1") -> Any:
        """The JSON of an answer that is 200."""
        said = await self.client.get(path, headers={"x-account": account})
        assert said.status_code == 200, said.text
        return said.json()

    async def deposit(self, amount: str = "1000.00", account: str = "u1") -> None:
        """Money for an account."""
        said = await self.post("/v1/wallet/deposits", {"amount": amount, "currency": "USD"}, account=account)
        assert said.status_code == 201, said.text

    def bet(self, *markets: str, stake: str = "10.00", **changes: Any) -> dict[str, Any]:
        """The body of a bet on the first selection of each market, at its price."""
        chosen = markets or ("M2",)
        legs = [
            {"market": one, "selection": f"{one}h", "price": "1.909", "s": self.s(one), "policy": "better"}
            for one in chosen
        ]
        kind = "single" if len(legs) == 1 else "parlay"
        return {"type": kind, "stake": stake, "currency": "USD", "legs": legs, **changes}

    def leg(self, market: str, changes: dict[str, Any]) -> dict[str, Any]:
        """A bet of one leg that differs."""
        body = self.bet(market)
        body["legs"][0] |= changes
        return body

    async def place(self, body: Any = None, **how: Any) -> httpx.Response:
        """The answer to a bet."""
        said: httpx.Response = await self.post("/v1/bets", self.bet() if body is None else body, **how)
        return said


@asynccontextmanager
async def money_pool(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A pool as the gateway has it."""
    money = MoneySettings(connections=SLOTS, lock_timeout_s=30, idle_timeout_s=30)
    limited = settings.model_copy(update={"connections": SLOTS, "statement_timeout_s": 30.0})
    async with open_database(limited, money.server_settings, stateless=True) as database:
        yield database


async def waits_for_a_lock(database: Database) -> object:
    """Whether some statement does."""
    return await database.fetch("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Asks until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 it is the database's, or another worker's
            await asyncio.sleep(0.005)


async def fund(database: Database, owner: str, cents: int) -> None:
    """Money for an account, whatever workers are told to do."""
    key = a_key()
    movement = Movement(
        owner=owner,
        key=key,
        fingerprint=b"f" * 32,
        verb="deposit",
        currency="USD",
        amount=cents,
        source_key=f"deposit/{key}",
        at=utc_now(),
        lines=journals.deposit(cents),
        answer=b"{}",
    )
    assert (await LedgerTables(database).move(movement)).code == "done"


async def counts(database: Database) -> Mapping[str, int]:
    """Rows of every table of bets and money that a bet writes."""
    row = await database.row(
        "SELECT (SELECT count(*) FROM bets.bet) AS bets, (SELECT count(*) FROM bets.leg) AS legs,"
        " (SELECT count(*) FROM money.key) AS keys, (SELECT count(*) FROM money.journal) AS journals,"
        " (SELECT count(*) FROM money.entry) AS entries, (SELECT count(*) FROM money.hold) AS holds,"
        " (SELECT count(*) FROM money.outbox) AS outbox"
    )
    assert row is not None
    return dict(row)
