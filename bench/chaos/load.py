"""A stack in use: devices that stream, readers of boards, customers who bet, listeners of their accounts.

It knows the stack by its addresses alone. What clients were told is in `heard`, what devices show in their views.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from bench.chaos.addresses import Addresses
from bench.chaos.asking import Asked, Asker
from bench.chaos.checkers.violation import Violation
from bench.chaos.customers import Customer
from bench.chaos.device import Device, Listener
from bench.chaos.heard import Heard
from bench.chaos.view import Shown, View
from bench.options import count_to, seconds_to

SPORTS = ("football", "basketball", "baseball", "soccer", "hockey", "tennis")
CLASSES = ("", "", ":main", ":alternate", ":prop")
TIERS_MS = (0, 100, 100, 250, 1000)
LOOK_S = 1.0
"""The list of games is read this often."""

EVENTS_WITHIN_S = 20.0
ENDED_WITHIN_S = 12.0
"""Clients that are told to end have no request that takes longer."""


class Users(NamedTuple):
    """How many there are; `pause_s`: between two things that a customer or reader does."""

    devices: int = 12
    readers: int = 2
    customers: int = 8
    listeners: int = 3
    pause_s: float = 0.5


def add_users(parser: argparse.ArgumentParser, default: Users) -> None:
    """The options that `users_of` reads."""
    add = parser.add_argument
    add("--devices", type=count_to(1_000), default=default.devices, metavar="N", help="that stream (%(default)s)")
    add("--readers", type=count_to(1_000), default=default.readers, metavar="N", help="of boards (%(default)s)")
    text = "accounts that bet (%(default)s)"
    add("--customers", type=count_to(1_000, least=1), default=default.customers, metavar="N", help=text)
    text = "a customer rests so long (%(default)s)"
    add("--pause-s", type=seconds_to(60), default=default.pause_s, metavar="S", help=text)


def users_of(options: argparse.Namespace, *, listeners: int) -> Users:
    """As asked for; `listeners` of them at most hear the news of their accounts."""
    few = min(listeners, options.customers)
    return Users(options.devices, options.readers, options.customers, few, options.pause_s)


class Load:
    """The users of one run, named by it, so that runs on one stack do not meet."""

    def __init__(self, where: Addresses, users: Users, *, seed: int, name: str) -> None:
        self.heard = Heard()
        self.violations: list[Violation] = []
        self.shown: Shown = {}
        self._where = where
        self._users = users
        self._dice = random.Random(f"load/{seed}")
        self._asker = Asker(where.apis, self.heard, seed=seed)
        self._events: list[str] = []
        self.devices = [self._device(number, seed) for number in range(users.devices)]
        accounts = [f"{name}-{number}" for number in range(users.customers)]
        self.customers = [Customer(one, where, self._asker, self._events, seed=seed) for one in accounts]
        self.listeners = [self._listener(customer) for customer in self.customers[: users.listeners]]
        self._streaming: list[asyncio.Task[None]] = []
        self._asking: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Everybody comes."""
        self._streaming = [asyncio.create_task(device.live()) for device in self.devices]
        self._streaming += [asyncio.create_task(listener.live()) for listener in self.listeners]
        works = [customer.live(self._users.pause_s) for customer in self.customers]
        works += [self._read(number) for number in range(self._users.readers)]
        self._asking = [asyncio.create_task(work) for work in (*works, self._follow_events())]

    def check(self) -> None:
        """Raises what ended one of them: none ends by itself."""
        for task in (*self._streaming, *self._asking):
            if task.done() and not task.cancelled():
                task.result()

    async def rest(self) -> None:
        """Nobody asks for anything new; streams go on. What was under way and is not known becomes known."""
        await _ended(self._asking)
        strangers = self.customers[1:] + self.customers[:1]
        async with asyncio.TaskGroup() as group:
            for customer, stranger in zip(self.customers, strangers, strict=True):
                group.create_task(customer.resolve())
                for bet in stranger.bets[:1] if stranger is not customer else ():
                    group.create_task(customer.peek(bet))

    async def catch_up(self) -> None:
        """Listeners ask for what they did not hear."""
        await asyncio.gather(*(listener.catch_up() for listener in self.listeners))

    async def end(self) -> None:
        """Everybody goes."""
        await _ended([*self._asking, *self._streaming])
        self._asker.close()

    @property
    def warm(self) -> bool:
        """Whether all devices are live, and all customers have money."""
        return self.live_devices == len(self.devices) and all(customer.funded for customer in self.customers)

    @property
    def live_devices(self) -> int:
        """Devices that are through catch-up."""
        return sum(device.view.live for device in self.devices)

    def _device(self, number: int, seed: int) -> Device:
        sports = self._dice.sample(SPORTS, self._dice.randint(1, 3))
        topics = [sport + self._dice.choice(CLASSES) for sport in sports]
        view = View(f"{number}", topics, self._where.lanes, self.shown, self.violations)
        tier_ms = self._dice.choice(TIERS_MS)
        return Device(view, topics, self._where.streams, conflate_ms=tier_ms, seed=f"device/{seed}/{number}")

    def _listener(self, customer: Customer) -> Listener:
        async def ticket() -> str | None:
            headers = {**customer.headers, "content-type": "application/json"}
            body = orjson.dumps({"topics": ["account"]})
            reply = await self._asker.ask(Asked("POST", "/v1/stream/tickets", headers, "ticket", body))
            return str(orjson.loads(reply.body)["ticket"]) if reply is not None and reply.status in (200, 201) else None

        async def events(after: int) -> Sequence[dict[str, Any]]:
            items: list[dict[str, Any]] = []
            while True:
                path = f"/v1/account/events?after={items[-1]['seq'] if items else after}"
                asked = Asked("GET", path, customer.headers, "news")
                reply = await self._asker.ask(asked, within_s=EVENTS_WITHIN_S)
                if reply is None or reply.status != 200 or not (page := orjson.loads(reply.body)["items"]):
                    return items
                items += page

        return Listener(customer.name, self._where.streams, ticket, events)

    async def _read(self, number: int) -> None:
        dice = random.Random(f"reader/{number}")
        while True:
            await asyncio.sleep(dice.uniform(0.5, 1.5) * self._users.pause_s)
            if not self._events:
                continue
            event = dice.choice(self._events)
            path = dice.choice((f"/v1/events/{event}/markets", f"/v1/events/{event}", "/v1/events?state=live"))
            await self._asker.ask(Asked("GET", path, {}, "read"))

    async def _follow_events(self) -> None:
        while True:
            reply = await self._asker.ask(Asked("GET", "/v1/events?state=live", {}, "events"))
            if reply is not None and reply.status == 200:
                self._events[:] = [event["id"] for event in orjson.loads(reply.body)["items"]]
            await asyncio.sleep(LOOK_S)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=ENDED_WITHIN_S)
