"""A client of the API as a good one is: several gateways, the same request again where that helps, and a time limit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from bench.bettor import Broken, Caller, request
from bench.bettor import Heard as Reply
from bench.chaos.heard import Answer, Heard

DEADLINE_S = 5.0
"""Within which a request is to be answered, all attempts together."""

ATTEMPT_S = 2.0
"""How long one attempt waits for an answer before another gateway is asked."""

PAUSE_S, PAUSE_S_MAX = 0.05, 0.5

AGAIN = frozenset({202, 408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same is asked again; 409 too, where the key runs."""

Headers = dict[str, str]


class Asked(NamedTuple):
    """A request. `what` names its kind in figures; `meaning` is of those under a key."""

    method: str
    path: str
    headers: Headers
    what: str
    body: bytes = b""
    account: str = ""
    key: str = ""
    meaning: bytes = b""


class Asker:
    """Shared by all clients of a run. Whole connections are kept for whoever asks there next."""

    def __init__(self, ports: Sequence[int], heard: Heard, *, seed: int) -> None:
        self.heard = heard
        self._ports = tuple(ports)
        self._dice = random.Random(f"asker/{seed}")
        self._idle: dict[int, list[Caller]] = {port: [] for port in ports}

    async def ask(self, asked: Asked, *, within_s: float = DEADLINE_S) -> Reply | None:
        """The answer that counts; None where there was none in time."""
        loop = asyncio.get_running_loop()
        began_s, attempt, reply = loop.time(), 0, None
        while reply is None and (left_s := began_s + within_s - loop.time()) > 0:
            reply = await self._once(asked, min(left_s, ATTEMPT_S))
            if reply is None:
                pause_s = min(PAUSE_S * 2**attempt, PAUSE_S_MAX) * self._dice.uniform(0.5, 1.5)
                await asyncio.sleep(max(0.0, min(pause_s, began_s + within_s - loop.time())))
            attempt += 1
        self.heard.done(asked.what, loop.time() - began_s, within_s, answered=reply is not None)
        return reply

    async def _once(self, asked: Asked, timeout_s: float) -> Reply | None:
        port = self._dice.choice(self._ports)
        idle = self._idle[port]
        caller = idle.pop() if idle else Caller(port, ATTEMPT_S)
        try:
            async with asyncio.timeout(timeout_s):
                reply = await caller.ask(request(asked.method, asked.path, asked.headers, asked.body))
        except (Broken, TimeoutError) as error:
            self.heard.attempts[f"{asked.what} {str(error) or 'TimeoutError'}"] += 1
            caller.close()
            return None
        idle.append(caller)
        self.heard.attempts[f"{asked.what} {reply.status} {code_of(reply)}".rstrip()] += 1
        if reply.status in AGAIN or (reply.status == 409 and code_of(reply) == "key_running"):
            return None
        self.heard.bets += asked.what == "bet" and reply.status == 201
        if asked.key:
            self.heard.answers.append(
                Answer(asked.account, asked.key, asked.what, asked.meaning, reply.status, reply.body)
            )
        return reply

    def close(self) -> None:
        """Ends what is kept."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


def code_of(reply: Reply) -> str:
    """The code of a problem; empty where it is none."""
    try:
        told = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return ""
    return str(told.get("code", "")) if isinstance(told, dict) else ""
