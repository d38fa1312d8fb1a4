"""Customers of a run: they say where they are, bring money in, bet, bet again under the same key, cash out, withdraw.

Each keeps what is not answered yet, and at the end asks after it until there is one answer.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from typing import Any

import orjson

from bench.chaos.addresses import Addresses
from bench.chaos.asking import Asked, Asker, code_of
from bench.chaos.heard import Answer, Resolved
from gateway.access.development import development_keys
from gateway.location.claims import Flags, Packet
from gateway.location.development import PACKET_S
from gateway.location.development import development_keys as location_keys
from gateway.location.keys import DEVELOPMENT_ISSUER
from gateway.location.settings import LocationSettings

PLACE, STATE = (40.4406, -79.9959), "US-PA"
TOKEN_S = 7_200
RECEIPT_USED_S = 200.0
DEPOSIT = "500.00"
BETS_KEPT = 50
"""Own bets that are remembered for cash-outs."""

RESOLVED_WITHIN_S = 30.0
FINAL = frozenset({200, 201})


class Customer:
    """One account. `events` is shared: the games there are."""

    def __init__(self, name: str, where: Addresses, asker: Asker, events: list[str], *, seed: int) -> None:
        self.name = name
        self._asker = asker
        self._events = events
        self._dice = random.Random(f"customer/{seed}/{name}")
        self._signer = location_keys(where.data_dir)
        self._network = where.network
        self._keys = 0
        self._receipt, self._receipt_ends_s = "", 0.0
        self._run = secrets.token_hex(4)
        self._bets: list[str] = []
        self.funded = False
        token = development_keys(where.data_dir).token(name, ("odds", "bets", "stream"), ttl_s=TOKEN_S)
        self.headers = {"authorization": f"Bearer {token}", "device-id": "chaos", "session-id": name}

    @property
    def bets(self) -> tuple[str, ...]:
        """Bets of this account that it was told of."""
        return tuple(self._bets)

    async def live(self, pause_s: float) -> None:
        """Until cancelled. Whatever it does is begun after a pause of about so long."""
        while True:
            self.funded = self.funded or await self._deposit()
            await asyncio.sleep(self._dice.uniform(0.3, 1.7) * pause_s)
            drawn = self._dice.random()
            if drawn < 0.70:
                await self._bet()
            elif drawn < 0.85:
                await self._cash_out()
            elif drawn < 0.90:
                await self._move("withdrawal", f"{self._dice.randint(1, 5)}.00")
            else:
                await self._get("/v1/wallet", "wallet")

    async def resolve(self) -> None:
        """Asks after every bet that there is no final answer to, twice, and tries to bet under its key."""
        heard = self._asker.heard
        mine = [one for one in sorted(heard.unresolved) if one[0] == self.name]
        for account, key, body in mine:
            heard.unresolved.discard((account, key, body))
            path = f"/v1/bets/by-key/{key}/resolve"
            asked = Asked("POST", path, self.headers, "resolve")
            first = await self._asker.ask(asked, within_s=RESOLVED_WITHIN_S)
            second = await self._asker.ask(asked, within_s=RESOLVED_WITHIN_S)
            bet = await self._asker.ask(self._under_key(key, "/v1/bets", "bet", body), within_s=RESOLVED_WITHIN_S)
            if first is None or second is None or bet is None:
                heard.unresolved.add((account, key, body))
                continue
            told = (first.status, first.body), (second.status, second.body)
            heard.resolved.append(Resolved(account, key, *told, bet.status))

    async def peek(self, bet: str) -> None:
        """Asks for somebody else's bet."""
        reply = await self._get(f"/v1/bets/{bet}", "peek")
        if reply is not None:
            self._asker.heard.peeked.append((self.name, bet, reply[0]))

    # What it does

    async def _deposit(self) -> bool:
        return await self._move("deposit", DEPOSIT)

    async def _move(self, verb: str, amount: str) -> bool:
        geo = await self._geo()
        if not geo:
            return False
        body = orjson.dumps({"amount": amount, "currency": "USD", "geo": geo})
        reply = await self._asker.ask(self._under_key(self._key(), f"/v1/wallet/{verb}s", verb, body))
        return reply is not None and reply.status in FINAL

    async def _bet(self) -> None:
        body = await self._body_of_a_bet()
        if body is None:
            return
        key = self._key()
        asked = self._under_key(key, "/v1/bets", "bet", body)
        duplicates = self._dice.choice((1, 1, 1, 3))
        replies = await asyncio.gather(*(self._asker.ask(asked) for _ in range(duplicates)))
        finals = [reply for reply in replies if reply is not None]
        if len(finals) < len(replies):
            self._asker.heard.unresolved.add((self.name, key, body))
        for reply in finals:
            if code_of(reply).startswith("geo_") and not code_of(reply).startswith("geo_market"):
                self._receipt_ends_s = 0.0
            if reply.status in FINAL:
                self._bets = [*self._bets, str(orjson.loads(reply.body)["id"])][-BETS_KEPT:]
                break
        if finals and self._dice.random() < 0.1:
            await self._mean_another(key, body)

    async def _mean_another(self, key: str, body: bytes) -> None:
        other = orjson.loads(body) | {"stake": "7.77"}
        await self._asker.ask(self._under_key(key, "/v1/bets", "bet", orjson.dumps(other)))

    async def _cash_out(self) -> None:
        if not self._bets:
            return
        path = f"/v1/bets/{self._dice.choice(self._bets)}/cash-out"
        told = await self._get(path, "offer")
        if told is None or told[0] not in FINAL:
            return
        offer = orjson.loads(told[1])
        body: dict[str, Any] = {"offer": offer["offer"], "geo": await self._geo()}
        if self._dice.random() < 0.3:
            body["stake"] = "1.00"
        await self._asker.ask(self._under_key(self._key(), path, "cash_out", orjson.dumps(body)))

    # With what

    async def _body_of_a_bet(self) -> bytes | None:
        legs = [await self._leg() for _ in range(self._dice.choice((1, 1, 1, 2)))]
        if not all(legs) or len({leg["event"] for leg in legs if leg}) < len(legs):
            return None
        geo = await self._geo()
        told = [{name: value for name, value in leg.items() if name != "event"} for leg in legs if leg]
        stake = f"{self._dice.randint(1, 4)}.{self._dice.randrange(100):02d}"
        kind = "single" if len(told) == 1 else "parlay"
        return orjson.dumps({"type": kind, "stake": stake, "currency": "USD", "legs": told, "geo": geo})

    async def _leg(self) -> dict[str, Any] | None:
        if not self._events:
            return None
        event = self._dice.choice(self._events)
        told = await self._get(f"/v1/events/{event}/markets?class=main", "board")
        if told is None or told[0] not in FINAL:
            return None
        markets = [one for one in orjson.loads(told[1])["items"] if one["st"] == "open" and not one.get("gone")]
        sides = [(one, side) for one in markets for side in one["x"] if side["d"] and side["st"] == "open"]
        if not sides:
            return None
        market, side = self._dice.choice(sides)
        policy = self._dice.choice(("any", "any", "better", "exact", {"within": "0.50"}))
        said = {"market": market["id"], "selection": side["id"], "price": side["d"], "s": market["s"]}
        return said | {"policy": policy, "event": event}

    async def _geo(self) -> str:
        """A receipt that lives for a while yet; empty where there is none to be had."""
        if time.time() < self._receipt_ends_s:
            return self._receipt
        now_s = int(time.time())
        no_flags = Flags(mocked=False, rooted=False, proxy=False, remote_desktop=False, jumped=False)
        packet = Packet(
            iss=DEVELOPMENT_ISSUER, aud=LocationSettings().audience, iat=now_s, exp=now_s + PACKET_S,
            jti=secrets.token_urlsafe(16), sub=self.name, device="chaos", session=self.name, net=self._network,
            lat=PLACE[0], lon=PLACE[1], accuracy_m=15.0, state=STATE, speed_mps=0.0, flags=no_flags,
        )  # fmt: skip
        body = orjson.dumps({"packet": self._signer.sign(packet)})
        reply = await self._asker.ask(Asked("POST", "/v1/geo/verifications", self._json, "locate", body))
        if reply is None or reply.status not in FINAL:
            return ""
        self._receipt = str(orjson.loads(reply.body)["receipt"])
        self._receipt_ends_s = time.time() + RECEIPT_USED_S
        return self._receipt

    async def _get(self, path: str, what: str) -> tuple[int, bytes] | None:
        reply = await self._asker.ask(Asked("GET", path, self.headers, what))
        return None if reply is None else (reply.status, reply.body)

    @property
    def _json(self) -> dict[str, str]:
        return {**self.headers, "content-type": "application/json"}

    def _under_key(self, key: str, path: str, verb: str, body: bytes) -> Asked:
        headers = {**self._json, "idempotency-key": key}
        return Asked("POST", path, headers, verb, body, self.name, key, meaning=body)

    def _key(self) -> str:
        self._keys += 1
        return f"{self._run}-{self._keys:08d}"


def final_of(answers: list[Answer]) -> list[Answer]:
    """Those that say that something was done."""
    return [answer for answer in answers if answer.status in FINAL]
