"""The processes of a cluster, each on a host of its own, and the lines by which this process uses them.

3 nats-servers, PostgreSQL with a standby, 2 feeds, shards, 2 gateways, settler, news and archive: two of whatever may
be lost. Devices and clients come in by a proxy each, as by an ingress.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from bench.chaos.addresses import Addresses
from bench.chaos.part import Part, kept
from bench.faults.plan import Faults
from bench.faults.proxy import FaultProxy
from bench.line import LOG_DIR, log_place
from bench.processes import Program
from bench.rehearsal import servers
from bench.rehearsal.network import Host, Network, network
from bench.rehearsal.servers import Databases
from bench.scenario import Tell
from gateway.access.development import development_keys
from gateway.local.plan import MADE_UP_PLACES, OFFER_KEYS_VARIABLE, OPEN_ODDS, PLAY_MONEY, TICKET_KEYS_VARIABLE
from gateway.location.development import development_keys as location_keys

NATS_SERVERS, FEEDS, GATEWAYS, WORKERS = 3, 2, 2, 2
SHARDS, SHARDS_MAX = 4, 8
SHARD_PORT, API_PORT = 8100, 8000


class Size(NamedTuple):
    """The simulator's slate."""

    events: int = 12
    rate: int = 50


class Cluster:
    """Parts by name; a part's host has its name, and what is lost with it is that part. `met`: the one that a drill
    found at its beginning."""

    def __init__(self, net: Network, place: Path, stack: contextlib.AsyncExitStack, size: Size, tell: Tell) -> None:
        self.net = net
        self.parts: dict[str, Part] = {}
        self.nats_hosts = [net.host(f"nats-{n}") for n in range(1, NATS_SERVERS + 1)]
        self.databases = Databases(net.host("postgres-1"), net.host("postgres-2"), place)
        self.tell = tell
        self.met = ""
        self._place = place
        self._stack = stack
        self._size = size
        self._cores = os.sched_getaffinity(0)
        self._secret = secrets.token_urlsafe(32)
        self._doors: dict[str, FaultProxy] = {}

    @property
    def addresses(self) -> Addresses:
        """For load and checkers."""
        return Addresses(
            streams=tuple(self._stream(f"fanout-{number}") for number in range(1, SHARDS_MAX + 1)),
            apis=tuple(self._doors[f"gateway-{number}"].port for number in range(1, GATEWAYS + 1)),
            nats_url=servers.nats_urls(self.nats_hosts),
            database_url=self.databases.url,
            data_dir=self._place,
            network="10.77.0.0/24" if self.net.parted else "127.0.0.0/24",
        )

    async def start(self) -> None:
        """Everything, until it serves. Raises CannotMeasure, OSError."""
        development_keys(self._place), location_keys(self._place)
        for host in self.nats_hosts:
            await self._keep(servers.nats(host, self.nats_hosts, self._place))
        self.databases.make()
        await self.keep_database(self.databases.primary)
        await self._all_ready()
        await self.databases.clone()
        await self.keep_database(self.databases.standby)
        for number in range(1, FEEDS + 1):
            await self._start_feed(f"feed-{number}")
        await self.parts["feed-1"].ready()
        for number in range(1, SHARDS_MAX + 1):
            await self._door(f"fanout-{number}", SHARD_PORT)
        for number in range(1, GATEWAYS + 1):
            await self._start_gateway(f"gateway-{number}")
        for kind in ("settler", "news", "archive"):
            for number in range(1, WORKERS + 1):
                await self._start_worker(kind, number)
        for number in range(1, SHARDS + 1):
            await self.start_shard(number)
        await self._all_ready()
        await self.databases.wait_for_standby(True)

    async def start_shard(self, number: int) -> None:
        """One more shard, or one that was ended."""
        name = f"fanout-{number}"
        if name in self.parts:
            self.parts[name].let_run()
            return
        host = self.net.host(name)
        settings = {
            "ODDSWIRE_FANOUT_URL": self._stream(name),
            "ODDSWIRE_FANOUT_HB_MS": "1000",
            "ODDSWIRE_FANOUT_ADMISSION_LAG_MS": "2000",
            "ODDSWIRE_FANOUT_DRAIN_WINDOW_S": "1",
            "ODDSWIRE_FANOUT_DRAIN_DEADLINE_S": "3",
        }
        words = ("-m", "fanout", "run", "--name", name, "--host", host.address, "--port", str(SHARD_PORT))
        await self._keep(self._ours(host, words, rf"^{name} ready$", settings))

    async def keep_database(self, host: Host) -> None:
        """The server on a host runs from now on, as its files say."""
        await self._keep(self.databases.program(host))

    async def _start_feed(self, name: str) -> None:
        slate = ("--events", str(self._size.events), "--rate", str(self._size.rate))
        words = ("-m", "feeds", "run", "--provider", "simulator", *slate)
        settings = {"ODDSWIRE_FEED_GAME_S": "10", "ODDSWIRE_FEED_CORRECTIONS": "0.2"}
        await self._keep(self._ours(self.net.host(name), words, r"^feed \S+ (ready|standby)$", settings))

    async def _start_gateway(self, name: str) -> None:
        host = self.net.host(name)
        await self._door(name, API_PORT)
        settings = {
            **dict((*OPEN_ODDS, *PLAY_MONEY, *MADE_UP_PLACES)),
            "ODDSWIRE_ACCESS_DEVELOPMENT_DIR": str(self._place),
            "ODDSWIRE_ACCESS_WORKERS": str(GATEWAYS),
            "ODDSWIRE_LOCATION_DEVELOPMENT_DIR": str(self._place),
            "ODDSWIRE_BETS_IN_PLAY_DELAY_S": "0.5",
            "ODDSWIRE_GATEWAY_ACCESS_LOG": "none",
            OFFER_KEYS_VARIABLE: f"rehearsal:{self._secret}",
        }
        words = ("-m", "gateway", "serve", "--host", host.address, "--port", str(API_PORT))
        await self._keep(self._ours(host, (*words, "--database", self.databases.url), "^gateway ready ", settings))

    async def _start_worker(self, kind: str, number: int) -> None:
        name = f"{kind}-{number}"
        ready = rf"^{kind} (ready|standby)" if kind == "archive" else rf"^{kind} ready$"
        words = ("-m", "gateway", kind, "--database", self.databases.url)
        await self._keep(self._ours(self.net.host(name), words, ready, {}))

    def _ours(self, host: Host, words: tuple[str, ...], ready: str, settings: dict[str, str]) -> Program:
        common = {
            "ODDSWIRE_LOG_REPLICAS": str(NATS_SERVERS),
            TICKET_KEYS_VARIABLE: f"rehearsal:{self._secret}",
        }
        words = (*words, "--nats", servers.nats_urls(self.nats_hosts))
        return Program(host.name, words, ready, {**common, **settings}, before=host.before)

    def _stream(self, name: str) -> str:
        return f"ws://127.0.0.1:{self._doors[name].port}/v1/stream"

    async def _door(self, name: str, port: int) -> None:
        proxy = FaultProxy((self.net.host(name).address, port), Faults(), seed=crc32(name.encode()))
        self._doors[name] = await self._stack.enter_async_context(proxy)

    async def _keep(self, program: Program) -> None:
        part = Part(program, self._cores, self.tell)
        self.parts[part.name] = await self._stack.enter_async_context(kept(part))

    async def _all_ready(self) -> None:
        await asyncio.gather(*(part.ready() for part in self.parts.values()))


@contextlib.asynccontextmanager
async def running_cluster(size: Size, tell: Tell, *, namespaces: bool) -> AsyncIterator[Cluster]:
    """A cluster that serves, gone afterwards. Raises CannotMeasure, OSError."""
    async with contextlib.AsyncExitStack() as stack:
        place = stack.enter_context(log_place(LOG_DIR))
        place.chmod(0o711)  # PostgreSQL is not root
        net = stack.enter_context(network(namespaces=namespaces))
        cluster = Cluster(net, place, stack, size, tell)
        await cluster.start()
        hosts = "hosts in namespaces" if net.parted else "hosts on loopback"
        tell(f"{len(cluster.parts)} processes on {len(net.hosts)} {hosts}")
        yield cluster
