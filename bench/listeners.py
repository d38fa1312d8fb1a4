"""Devices that hear news of their accounts: a socket each, in this process, timed as the frame is read."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import orjson
from websockets.asyncio.client import ClientConnection, connect

from bench.latency import Latency
from bench.swarm import Address
from fanout.contract.account import AccountReplica
from fanout.contract.tickets import Grant, TicketKeys

_OPEN_AT_ONCE = 50
_TICKET_TOPICS = ("account",)
_LASTS_S = 3_600
_SETTLED = ("bet_settled", "bet_corrected")


class Listeners:
    """`told`: from a transaction's own time to the device; `heard` counts news, `holes` what did not fit."""

    def __init__(self) -> None:
        self.told = Latency()
        self.heard = 0
        self.holes = 0
        self.states = 0
        self._accounts: dict[str, AccountReplica] = {}
        self._settled = Latency()
        self._since_s = 0.0

    @property
    def seqs(self) -> dict[str, int | None]:
        """Of each account the number of the newest."""
        return {name: replica.seq for name, replica in self._accounts.items()}

    def settled_since(self, since_s: float) -> Latency:
        """From a moment on, by the wall clock: how long after it each piece of news about settled bets comes."""
        self._since_s, self._settled = since_s, Latency()
        return self._settled

    @contextlib.asynccontextmanager
    async def listening(self, accounts: Sequence[str], address: Address, keys: TicketKeys) -> AsyncIterator[None]:
        """A socket for each account within this context, each with its state."""
        places = asyncio.Semaphore(_OPEN_AT_ONCE)
        async with contextlib.AsyncExitStack() as stack:

            async def enter(account: str) -> None:
                now_s = int(time.time())
                ticket = keys.mint(Grant(account, _TICKET_TOPICS, 0, now_s + _LASTS_S), now_s)
                async with places:
                    url = f"ws://{address.host}:{address.port}/v1/stream?ticket={ticket}"
                    socket = await stack.enter_async_context(connect(url, compression=None, ping_interval=None))
                    await socket.send(orjson.dumps({"op": "subscribe", "id": 1, "topics": ["account"]}).decode())
                reading = asyncio.ensure_future(self._read(account, socket))
                stack.callback(reading.cancel)

            await asyncio.gather(*map(enter, accounts))
            while self.states < len(accounts):  # noqa: ASYNC110 they come by themselves
                await asyncio.sleep(0.01)
            yield

    async def _read(self, account: str, socket: ClientConnection) -> None:
        replica = self._accounts.setdefault(account, AccountReplica())
        async for text in socket:
            now_s = time.time()
            message = orjson.loads(text)
            if message["t"] != "account":
                continue
            holes = replica.holes
            shown = replica.receive(message)
            self.holes += replica.holes - holes
            if message["kind"] == "state":
                self.states += 1
            elif shown:
                self.heard += 1
                self.told.record_us(int((now_s - message["ts"] / 1000) * 1e6))
                if message["kind"] in _SETTLED:
                    self._settled.record_us(int((now_s - self._since_s) * 1e6))
