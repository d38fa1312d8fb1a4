"""What betting is measured on, as the processes it is: nats-server, PostgreSQL, a feed, gateway workers with tokens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import SecretStr

from bench.bettor import Broken, Caller, Heard, request
from bench.broken_line import READY as LINE_READY
from bench.feeding import READY
from bench.line import free_port, nats_program
from bench.processes import Child, Program, running
from bench.scenario import CannotMeasure
from gateway.access.development import Development, development_keys
from gateway.money import journals
from gateway.money.tables import LedgerTables, Movement
from gateway.store.pool import Database, open_database
from gateway.store.server import READY_LINE, server_url
from gateway.store.settings import DatabaseSettings

MARKET = "B0000"
"""One of the markets of bench.readfeed that stay as they are."""

WAL_FILES = 12
_SERVING_S = 60.0
_POLL_S = 0.05
_TOKEN_TTL_S = 3_600
_DEPOSIT = 10_000_000


class Betting:
    """The processes. Workers are killed and started again at the same ports."""

    def __init__(
        self, place: Path, stack: contextlib.AsyncExitStack, cores: Collection[int], *, finals_mib: int = 32
    ) -> None:
        self._place = place
        self._finals_mib = finals_mib
        self._stack = stack
        self._cores = cores
        self._nats_port, self._postgres_port = free_port(), free_port()
        self._keys: Development = development_keys(place)
        self._tokens: dict[str, str] = {}
        self.settings = DatabaseSettings(url=SecretStr(server_url(place / "pg", self._postgres_port)))
        self.nats: Child
        self.postgres: Child
        self.workers: dict[int, Child] = {}
        self.stake: bytes = b""

    @property
    def nats_url(self) -> str:
        """Where the log is."""
        return f"nats://127.0.0.1:{self._nats_port}"

    async def start(self, workers: int) -> None:
        """Everything, until bets are taken. Raises CannotMeasure."""
        self.nats = await self._run(nats_program(self._nats_port, self._place))
        await self.start_postgres()
        feed = ("-m", "bench.readfeed", "--port", str(self._nats_port), "--rate", "1")
        await self._run(Program("feed", feed, f"^{READY}$"))
        for _ in range(workers):
            await self.start_worker(free_port())
        self.stake = await self._body_of_a_bet()

    async def start_postgres(self) -> None:
        """Again, after it was killed."""
        words = ("-m", "gateway", "postgres", "--port", str(self._postgres_port), "--data-dir", str(self._place / "pg"))
        self.postgres = await self._run(Program("postgres", words, READY_LINE))

    async def start_worker(self, port: int) -> None:
        """A worker that takes bets at this port. Raises CannotMeasure."""
        environment = {
            "ODDSWIRE_ACCESS_ENVIRONMENT": "development",
            "ODDSWIRE_ACCESS_DEVELOPMENT_DIR": str(self._place),
            "ODDSWIRE_BETS_DEVELOPMENT": "true",
            "ODDSWIRE_BETS_IN_PLAY_DELAY_S": "0",
            "ODDSWIRE_BETS_DUPLICATE_S": "0",
            "ODDSWIRE_BETS_RATE_PER_S": "1000",
            "ODDSWIRE_BETS_RATE_BURST": "1000",
            "ODDSWIRE_BETS_RUNNING_MAX": "100",
            "ODDSWIRE_BETS_MARKET_LIABILITY_MAX": "1000000000000",
            "ODDSWIRE_BETS_HOUSE_LIABILITY_MAX": "1000000000000",
            "ODDSWIRE_BETS_FINALS_MIB": str(self._finals_mib),
            "ODDSWIRE_GATEWAY_ACCESS_LOG": "none",
            "ODDSWIRE_GATEWAY_LOG_LEVEL": "error",
        }
        where = ("--port", str(port), "--nats", self.nats_url)
        words = ("-m", "gateway", "serve", *where, "--database", self.settings.url.get_secret_value())
        self.workers[port] = await self._run(Program("gateway", words, "^gateway ready ", environment))
        asked = request("GET", "/v1/wallet", self.headers("nobody"))
        await self._until_answered(port, asked)

    async def start_settler(self, bets_per_s: int) -> Child:
        """One that settles at most so many bets a second, and corrects as many."""
        where = ("--nats", self.nats_url, "--database", self.settings.url.get_secret_value())
        words = ("-m", "gateway", "settler", *where, "--bets-per-s", str(bets_per_s))
        environment = {
            "ODDSWIRE_CORRECTION_GATHER_S": "0",
            "ODDSWIRE_CORRECTION_BETS_PER_S": str(bets_per_s),
            "ODDSWIRE_CORRECTION_PACE_METRICS": f"http://127.0.0.1:{next(iter(self.workers))}/metrics",
        }
        return await self._run(Program("settler", words, "^settler ready$", environment))

    async def start_line(self, seed: int) -> Child:
        """A broken line before every worker, in the order of the workers."""
        words = ("-m", "bench.broken_line", "--seed", str(seed), *map(str, self.workers))
        return await self._run(Program("line", words, f"^{LINE_READY} "))

    def headers(self, account: str, key: str | None = None) -> dict[str, str]:
        """Who asks, and the key."""
        token = self._tokens.get(account)
        if token is None:
            token = self._tokens[account] = self._keys.token(account, ("odds", "bets"), ttl_s=_TOKEN_TTL_S)
        named = {} if key is None else {"idempotency-key": key}
        return {"authorization": f"Bearer {token}", **named}

    def bet(self, account: str, key: str) -> bytes:
        """The bytes of a request for a bet."""
        return request("POST", "/v1/bets", self.headers(account, key), self.stake)

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """A pool of our own."""
        async with open_database(self.settings) as database:
            yield database

    async def fund(self, accounts: Sequence[str]) -> None:
        """Money for all of them."""
        async with self.database() as database:
            tables = LedgerTables(database)
            await asyncio.gather(*(tables.move(_deposit(account)) for account in accounts))

    async def use_wal(self, files: int = WAL_FILES) -> None:
        """As a server has it that has run for a while: files of the log are written again, not made, which stops
        everybody for as long as the disk takes for 16 MB. `files`: so many, which what is measured is not to use up."""
        async with self.database() as database:
            for _ in range(files):
                await database.execute("SELECT pg_logical_emit_message(true, 'bench', ''), pg_switch_wal()")
            await database.execute("CHECKPOINT")

    async def _run(self, program: Program) -> Child:
        return await self._stack.enter_async_context(running(program, self._cores))

    async def _until_answered(self, port: int, asked: bytes) -> Heard:
        try:
            async with asyncio.timeout(_SERVING_S):
                while True:
                    with contextlib.suppress(Broken), contextlib.closing(Caller(port, _SERVING_S)) as caller:
                        heard = await caller.ask(asked)
                        if heard.status in (200, 201):
                            return heard
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise CannotMeasure(f"the gateway at {port} does not serve") from None

    async def _body_of_a_bet(self) -> bytes:
        port = next(iter(self.workers))
        market = orjson.loads(
            (await self._until_answered(port, request("GET", f"/v1/markets/{MARKET}", self.headers("nobody")))).body
        )
        leg = {
            "market": MARKET,
            "selection": market["x"][0]["id"],
            "price": market["x"][0]["d"],
            "s": 0,
            "policy": "any",
        }
        return orjson.dumps({"type": "single", "stake": "1.00", "currency": "USD", "legs": [leg]})


def _deposit(account: str) -> Movement:
    return Movement(
        owner=account,
        key=f"deposit-{account:0>16}"[:64],
        fingerprint=b"\0" * 32,
        verb="deposit",
        currency="USD",
        amount=_DEPOSIT,
        source_key=f"deposit/{account}",
        at=datetime.now(UTC),
        lines=journals.deposit(_DEPOSIT),
        answer=b"{}",
    )
