"""People who bet on what their app shows them: each bet under a key, retried under it until there is a final answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from bench.app import App
from bench.apps import Apps
from bench.bettor import Broken, Caller, Heard, request
from bench.latency import Recent
from bench.recording import THROUGHPUT, recording
from bench.residence import packet
from bench.scenario import CannotMeasure
from bench.stack import Stack
from fanout.contract.replica import Message
from gateway.access.development import development_keys
from gateway.access.errors import NoDevelopmentKeys
from gateway.location.development import development_keys as location_keys

TOKEN_S = 7_200
DEPOSIT = "1000.00"
ANSWER_S = 5.0
"""How long one attempt may take."""

FINAL_S = 60.0
"""A bet that has no final answer so long after it was due has none."""

RETRIED = frozenset({202, 408, 425, 429, 500, 502, 503, 504})
PAUSE_S, PAUSE_S_MAX = 0.1, 4.0
READY_AT_ONCE = 16
IDLE_S = 2.0
LOOKS_MAX = 20
"""Devices that are looked at for an open market, before somebody gives up betting."""


class Struck(NamedTuple):
    """One bet: who, under which key, and the final answer; None where there was none in time."""

    account: str
    key: str
    due_s: float
    took_s: float
    status: int | None
    body: bytes


class People:
    """Accounts of one stack, with money, each known to be where it may bet. `struck` is every bet so far."""

    def __init__(self, stack: Stack, apps: Apps, *, accounts: int, seed: int) -> None:
        self.struck: list[Struck] = []
        self.attempts: Counter[str] = Counter()
        self.not_offered = 0
        self._stack = stack
        self._apps = apps
        self._dice = random.Random(seed)
        self._run = f"{time.time_ns() // 1_000_000:x}"
        self._accounts = [f"bench-{self._run}-{number:05d}" for number in range(accounts)]
        self._headers: dict[str, dict[str, str]] = {}
        self._receipts: dict[str, str] = {}
        self._idle: list[tuple[float, Caller]] = []
        self._number = 0
        self._took = Recent()
        recording().latency("bets", self._took.recent_ms)
        recording().rate(THROUGHPUT, "bets answered", lambda: len(self.struck))

    @property
    def accounts(self) -> Sequence[str]:
        """Whose bets these are."""
        return self._accounts

    async def get_ready(self) -> None:
        """Everybody says where they are and brings money in. Raises CannotMeasure."""
        if self._stack.data_dir is None:
            raise CannotMeasure("without --data-dir nobody can sign in, so nobody bets")
        try:
            keys, signer = development_keys(self._stack.data_dir), location_keys(self._stack.data_dir)
        except NoDevelopmentKeys as error:
            raise CannotMeasure(str(error)) from error
        room = asyncio.Semaphore(READY_AT_ONCE)

        async def ready(account: str) -> None:
            async with room:
                token = keys.token(account, ("odds", "bets"), ttl_s=TOKEN_S)
                self._headers[account] = {
                    "authorization": f"Bearer {token}", "device-id": "bench", "session-id": account,
                    "content-type": "application/json",
                }  # fmt: skip
                said = signer.sign(packet(account, device="bench", session=account, now_s=int(time.time())))
                located = await self._once(account, "/v1/geo/verifications", {"packet": said}, None)
                self._receipts[account] = orjson.loads(located.body)["receipt"]
                money = {"amount": DEPOSIT, "currency": "USD", "geo": self._receipts[account]}
                await self._once(account, "/v1/wallet/deposits", money, f"deposit-{account:0>16}"[:64])

        await asyncio.gather(*map(ready, self._accounts))

    async def bet(self, due_s: float) -> None:
        """One more, on what some device shows now. Where nothing is open nobody bets."""
        found = self._open_market()
        if found is None:
            self.not_offered += 1
            return
        app, market = found
        self._number += 1
        account, key = self._dice.choice(self._accounts), f"bench-{self._run}-{self._number:08d}"
        body = self._body(account, app, market)
        asked = request("POST", "/v1/bets", {**self._headers[account], "idempotency-key": key}, body)
        loop = asyncio.get_running_loop()
        heard = await self._until_final(asked, due_s + FINAL_S)
        took_s = loop.time() - due_s
        status, answer = (None, b"") if heard is None else (heard.status, heard.body)
        self.struck.append(Struck(account, key, due_s, took_s, status, answer))
        self._took.record_us(int(took_s * 1e6))

    def close(self) -> None:
        """Ends all connections."""
        for _, caller in self._idle:
            caller.close()
        self._idle.clear()

    def _open_market(self) -> tuple[App, Message] | None:
        there = tuple(self._apps)
        for _ in range(LOOKS_MAX if there else 0):
            app = self._dice.choice(there)
            markets = app.replica.markets
            if app.live and markets:
                market = markets[self._dice.choice(tuple(markets))]
                if app.replica.status(market) == "open" and market["x"][0]["d"] is not None:
                    return app, market
        return None

    def _body(self, account: str, app: App, market: Message) -> bytes:
        side = market["x"][0]
        leg = {
            "market": market["id"], "selection": side["id"], "price": side["d"], "s": market["s"],
            "policy": self._dice.choice(("any", "better")),
        }  # fmt: skip
        stake = f"{self._dice.randint(1, 9)}.{self._dice.randrange(100):02d}"
        bet = {"type": "single", "stake": stake, "currency": "USD", "legs": [leg], "geo": self._receipts[account]}
        return orjson.dumps(bet | {"cursor": app.replica.cursor})

    async def _until_final(self, asked: bytes, until_s: float) -> Heard | None:
        loop, attempt = asyncio.get_running_loop(), 0
        while loop.time() < until_s:
            pause_s = min(PAUSE_S * 2**attempt, PAUSE_S_MAX)
            try:
                heard = await self._ask(asked)
            except Broken as error:
                self.attempts[str(error)] += 1
            else:
                self.attempts[str(heard.status)] += 1
                if heard.status not in RETRIED and not _is_running(heard):
                    return heard
                pause_s = max(pause_s, float(heard.headers.get("retry-after", 0)))
            await asyncio.sleep(pause_s * self._dice.uniform(0.5, 1.0))
            attempt += 1
        return None

    async def _ask(self, asked: bytes) -> Heard:
        """One attempt. Raises Broken."""
        caller = self._caller()
        heard = await caller.ask(asked)
        self._idle.append((asyncio.get_running_loop().time(), caller))
        return heard

    def _caller(self) -> Caller:
        """The connection that was used last; those that were idle for so long that they may be closed are not."""
        fresh_s = asyncio.get_running_loop().time() - IDLE_S
        while self._idle:
            used_s, caller = self._idle.pop()
            if used_s >= fresh_s:
                return caller
            caller.close()
        host, port = self._stack.gateway
        return Caller(port, ANSWER_S, host)

    async def _once(self, account: str, path: str, body: object, key: str | None) -> Heard:
        """Something that must go through. Raises CannotMeasure."""
        named = {} if key is None else {"idempotency-key": key}
        asked = request("POST", path, self._headers[account] | named, orjson.dumps(body))
        heard = await self._until_final(asked, asyncio.get_running_loop().time() + FINAL_S)
        if heard is None or heard.status not in (200, 201):
            raise CannotMeasure(f"{path}: {'no answer' if heard is None else heard.body[:300].decode()}")
        return heard


def _is_running(heard: Heard) -> bool:
    """Whether the same key is under way elsewhere: that is no answer to it."""
    return heard.status == 409 and orjson.loads(heard.body).get("code") == "key_running"
