"""A whole stack of real processes with a line that can go wrong between any two, as `oddswire up` wires them.

Every process reaches NATS and PostgreSQL by a proxy of its own, devices and clients reach shards and gateways by one
each. Servers keep their ports from life to life, so a proxy always finds what is behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from bench.chaos import clocks
from bench.chaos.addresses import Addresses
from bench.chaos.checkers.database import keep_commit_times
from bench.chaos.disks import Disk, small_disk
from bench.chaos.part import Part, kept
from bench.chaos.plan import Ground
from bench.faults.plan import Faults
from bench.faults.proxy import FaultProxy
from bench.line import LOG_DIR, free_port, log_place, nats_program
from bench.processes import Program
from bench.scenario import Tell
from gateway.access.development import development_keys
from gateway.local.plan import MADE_UP_PLACES, OFFER_KEYS_VARIABLE, OPEN_ODDS, PLAY_MONEY, TICKET_KEYS_VARIABLE
from gateway.location.development import development_keys as location_keys
from gateway.store.server import READY_LINE, server_url

_HOST = "127.0.0.1"
NATS_MIB, POSTGRES_MIB = 192, 1_024
"""Sizes of the disks that can be filled."""

SEALED = "feed-betfair to exchange"
"""The line whose ends find what it corrupts: TLS."""

_SERVERS = ("nats", "postgres")


class Size(NamedTuple):
    """How large a stack is: `copies` of feeds, shards and gateways, `workers` of settlers, news and archives, and the
    simulator's slate."""

    copies: int = 2
    workers: int = 2
    events: int = 6
    rate: int = 50
    game_s: int = 10
    corrections: float = 0.3


class Stack:
    """The processes by name, the lines by name (`feed-1 to nats`), and what else can be turned wrong."""

    def __init__(self, place: Path, stack: contextlib.AsyncExitStack, cores: Collection[int], tell: Tell) -> None:
        self.place = place
        self.parts: dict[str, Part] = {}
        self.lines: dict[str, FaultProxy] = {}
        self.disks: dict[str, Disk] = {}
        self._stack = stack
        self._cores = cores
        self._tell = tell
        self._faketime = clocks.library()
        self._ticket_key = secrets.token_urlsafe(32)
        self._ports = {name: free_port() for name in _SERVERS}
        self._streams: list[str] = []
        self._apis: list[int] = []

    @property
    def addresses(self) -> Addresses:
        """Where it is."""
        return Addresses(
            tuple(self._streams),
            tuple(self._apis),
            f"nats://{_HOST}:{self._ports['nats']}",
            server_url(self.place / "pg", self._ports["postgres"]),
            self.place,
        )

    @property
    def ground(self) -> Ground:
        """What can go wrong here."""
        ours = sorted(name for name in self.parts if name != "exchange")
        movable = [name for name in ours if name not in _SERVERS]
        clocks_of = movable if self._faketime is not None else []
        return Ground(sorted(self.lines), ours, clocks_of, sorted(self.disks), (SEALED,))

    def clock(self, name: str) -> Path:
        """The file that sets a process's clock."""
        return self.place / f"{name}.clock"

    async def start(self, size: Size) -> None:
        """Everything, until it serves. Raises CannotMeasure, OSError."""
        development_keys(self.place), location_keys(self.place)
        await self._servers()
        numbers = range(1, size.copies + 1)
        for number in numbers:
            await self._start_feed(number, size)
        await self._start_exchange()
        await self.parts["feed-1"].ready()
        for number in numbers:
            await self._start_shard(number)
            await self._start_gateway(number, size.copies)
        for number in range(1, size.workers + 1):
            for name in ("settler", "news", "archive"):
                await self._start_worker(name, number)
        await asyncio.gather(*(part.ready() for part in self.parts.values()))

    async def _servers(self) -> None:
        for name, folder, mib in (("nats", "nats", NATS_MIB), ("postgres", "pg", POSTGRES_MIB)):
            disk = self._stack.enter_context(small_disk(self.place / folder, mib))
            if disk is not None:
                self.disks[name] = disk
        where = ("--port", str(self._ports["postgres"]), "--data-dir", str(self.place / "pg"))
        await self._keep(nats_program(self._ports["nats"], self.place))
        postgres = ("-m", "gateway", "postgres", *where)  # SIGINT: it does not wait for whoever is connected
        await self._keep(Program("postgres", postgres, READY_LINE, end_signal=signal.SIGINT))
        for name in _SERVERS:
            await self.parts[name].ready()
        await keep_commit_times(self.addresses.database_url)
        await self.parts["postgres"].end()
        self.parts["postgres"].let_run()
        await self.parts["postgres"].ready()

    async def _start_feed(self, number: int, size: Size) -> None:
        name = f"feed-{number}"
        what = ("--provider", "simulator", "--events", str(size.events), "--rate", str(size.rate))
        nats = ("--nats", await self._nats(name))
        settings = {
            "ODDSWIRE_FEED_GAME_S": str(size.game_s),
            "ODDSWIRE_FEED_CORRECTIONS": str(size.corrections),
            "ODDSWIRE_FEED_LOG_LEVEL": "warning",
        }
        await self._keep(Program(name, ("-m", "feeds", "run", *what, *nats), r"^feed \S+ (ready|standby)$", settings))

    async def _start_exchange(self) -> None:
        """A provider behind a line of its own, over TLS, which finds what a line corrupts; and its feed."""
        trusted, port = self.place / "exchange.pem", free_port()
        served = ("--port", str(port), "--ca-file", str(trusted), "--events", "3", "--rate", "10")
        await self._keep(Program("exchange", ("-m", "feeds", "serve", "betfair", *served), "^serving betfair "))
        await self.parts["exchange"].ready()
        settings = {
            "ODDSWIRE_BETFAIR_HOST": _HOST,
            "ODDSWIRE_BETFAIR_PORT": str(await self._line(SEALED, port)),
            "ODDSWIRE_BETFAIR_CA_FILE": str(trusted),
            "ODDSWIRE_BETFAIR_APP_KEY": "chaos",
            "ODDSWIRE_BETFAIR_SESSION": "chaos",
            "ODDSWIRE_BETFAIR_BETTING_URL": "",
            "ODDSWIRE_BETFAIR_BACKOFF_MAX_S": "2",
            "ODDSWIRE_FEED_LOG_LEVEL": "error",
        }
        words = ("-m", "feeds", "run", "--provider", "betfair", "--nats", await self._nats("feed-betfair"))
        await self._keep(Program("feed-betfair", words, r"^feed \S+ (ready|standby)$", settings))

    async def _start_shard(self, number: int) -> None:
        name, port = f"fanout-{number}", free_port()
        url = f"ws://{_HOST}:{await self._line(f'devices to {name}', port)}/v1/stream"
        words = ("-m", "fanout", "run", "--name", name, "--port", str(port), "--nats", await self._nats(name))
        settings = {
            "ODDSWIRE_FANOUT_URL": url,
            "ODDSWIRE_FANOUT_HB_MS": "1000",
            "ODDSWIRE_FANOUT_ADMISSION_LAG_MS": "2000",
            "ODDSWIRE_FANOUT_DRAIN_WINDOW_S": "1",
            "ODDSWIRE_FANOUT_DRAIN_DEADLINE_S": "3",
            TICKET_KEYS_VARIABLE: f"chaos:{self._ticket_key}",
        }
        self._streams.append(url)
        await self._keep(Program(name, words, rf"^{name} ready$", settings))

    async def _start_gateway(self, number: int, of: int) -> None:
        name, port = f"gateway-{number}", free_port()
        where = ("--port", str(port), "--nats", await self._nats(name), "--database", await self._database(name))
        settings = {
            **dict((*OPEN_ODDS, *PLAY_MONEY, *MADE_UP_PLACES)),
            "ODDSWIRE_ACCESS_DEVELOPMENT_DIR": str(self.place),
            "ODDSWIRE_ACCESS_WORKERS": str(of),
            "ODDSWIRE_LOCATION_DEVELOPMENT_DIR": str(self.place),
            "ODDSWIRE_BETS_IN_PLAY_DELAY_S": "0.5",
            "ODDSWIRE_GATEWAY_ACCESS_LOG": "none",
            "ODDSWIRE_GATEWAY_LOG_LEVEL": "warning",
            OFFER_KEYS_VARIABLE: f"chaos:{self._ticket_key}",
            TICKET_KEYS_VARIABLE: f"chaos:{self._ticket_key}",
        }
        self._apis.append(await self._line(f"clients to {name}", port))
        await self._keep(Program(name, ("-m", "gateway", "serve", *where), "^gateway ready ", settings))

    async def _start_worker(self, kind: str, number: int) -> None:
        name = f"{kind}-{number}"
        where = ("--nats", await self._nats(name), "--database", await self._database(name))
        ready = rf"^{kind} (ready|standby)" if kind == "archive" else rf"^{kind} ready$"
        await self._keep(Program(name, ("-m", "gateway", kind, *where), ready))

    async def _nats(self, name: str) -> str:
        return f"nats://{_HOST}:{await self._line(f'{name} to nats', self._ports['nats'])}"

    async def _database(self, name: str) -> str:
        port = await self._line(f"{name} to postgres", self._ports["postgres"])
        return server_url(self.place / "pg", port)

    async def _line(self, name: str, port: int) -> int:
        """The port at which a line begins."""
        proxy = FaultProxy((_HOST, port), Faults(), seed=crc32(name.encode()))
        self.lines[name] = await self._stack.enter_async_context(proxy)
        return proxy.port

    async def _keep(self, program: Program) -> None:
        faked: Mapping[str, str] = {}
        if self._faketime is not None and program.name not in (*_SERVERS, "exchange"):
            faked = clocks.environment(self.clock(program.name), self._faketime)
        part = Part(program._replace(environment={**program.environment, **faked}), self._cores, self._tell)
        self.parts[part.name] = await self._stack.enter_async_context(kept(part))


@contextlib.asynccontextmanager
async def running_stack(size: Size, tell: Tell) -> AsyncIterator[Stack]:
    """A stack that serves, gone afterwards. Raises CannotMeasure, OSError."""
    async with contextlib.AsyncExitStack() as stack:
        place = stack.enter_context(log_place(LOG_DIR))
        place.chmod(0o711)  # PostgreSQL is not root
        made = Stack(place, stack, os.sched_getaffinity(0), tell)
        await made.start(size)
        tell(f"{len(made.parts)} processes, {len(made.lines)} lines between them, in {place}")
        if not made.disks:
            tell("no disk is filled: mounting a tmpfs is not permitted")
        if not made.ground.clocks:
            tell("no clock is set wrong: libfaketime is not installed (Debian: apt-get install faketime)")
        yield made
