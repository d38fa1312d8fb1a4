"""The API as one process: book, shelf, layers, Granian. The only place of it that wires.

One process is one worker with a book, a port and metrics of its own, as a shard is; more workers are more processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import secrets
import socket
import sys
from typing import NamedTuple

import structlog
from granian.constants import HTTPModes, Interfaces, TaskImpl
from granian.http import HTTP1Settings
from granian.server.embed import Server

from feeds.adapters import process
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.contract.coordination import Coordination
from feeds.contract.settings import BusSettings
from gateway.access.guard import Guard
from gateway.access.ports import KeyStore
from gateway.access.settings import AccessSettings
from gateway.access.store import PostgresKeys
from gateway.api.account import AccountEndpoints
from gateway.api.app import Layer, make_app
from gateway.api.asyncapi import asyncapi_document
from gateway.api.edge import App
from gateway.api.metrics import GatewayCollector, exposition
from gateway.api.openapi import openapi_document
from gateway.api.operations import Operations
from gateway.api.places import PlaceEndpoints
from gateway.api.problems import answer
from gateway.api.reads import Reads
from gateway.api.relay import Relay
from gateway.api.routes import READS
from gateway.api.settings import ApiSettings
from gateway.api.traffic import Traffic
from gateway.bets.service import Around, BetsDesk, BetsService
from gateway.bets.settings import BetsSettings
from gateway.location.betting import BettingLocations
from gateway.location.desk import LocationDesk
from gateway.location.leagues import read_leagues
from gateway.location.settings import LocationSettings
from gateway.location.wiring import known
from gateway.money.settings import MoneySettings
from gateway.read.book import EPOCH, ReadBook
from gateway.read.encoded import Encoded
from gateway.read.shelf import Shelf
from gateway.read.views import Reading
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings

log = structlog.get_logger(__name__)

EXIT_OK, EXIT_FAILED = 0, 1

_MIB = 1 << 20
_BACKLOG = 4_096
_LISTENING_S = 10.0
_HEADER_READ_MS = 10_000
"""A request head that is not whole by then ends its connection."""

_POLL_S = 0.02
_LAST_ANSWERS_S = 3.0
"""SIGTERM: what has been asked is answered within this, and idle connections end."""


class Money(NamedTuple):
    """Where bets and money are kept, and how."""

    database: DatabaseSettings
    settings: MoneySettings
    bets: BetsSettings
    location: LocationSettings | None = None
    """None: as the settings of bets say, where nobody verifies."""


class Gateway:
    """One gateway over one log. `serve` until told to stop."""

    def __init__(
        self,
        settings: ApiSettings,
        bus: BusSettings,
        connection: Connection,
        *,
        access: AccessSettings | None = None,
        store: KeyStore | None = None,
        money: Money | None = None,
    ) -> None:
        """Without `access` everything is open: for tests. `store`: where API keys are kept, if anywhere."""
        self._settings = settings
        self._bus = bus
        self._connection = connection
        self.shelf = Shelf(bytes_max=settings.bodies_mib * _MIB)
        encoded = Encoded(bytes_max=settings.encoded_mib * _MIB)
        self.book = ReadBook(bus.lanes, self._changed)
        self.reading = Reading(self.book, encoded)
        self.relay = Relay(self.book, self.shelf)
        self.guard = None if access is None else self._guard(access, store)
        self._open = access is None or access.anonymous
        self.port = settings.port or _free_port(settings.host)
        self.desk = BetsDesk(self._bets_service)
        self._money = money
        self.places = None if money is None or money.location is None else self._places(money.location)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """`serve` answers what has been asked, and ends."""
        self._stopping.set()

    def app(self, access: tuple[Layer, ...] = ()) -> App:
        """The service, all layers. `access`: those that may refuse, ahead of everything that is read; the guard's if
        there is one."""
        if self.guard is not None:
            access = (*access, *self.guard.layers)
        traffic = Traffic()
        reads = Reads(self.shelf, self.reading, {one.view: one.name for one in READS})
        operations = Operations(
            waiting_for=self.waiting_for,
            registry=exposition(GatewayCollector(traffic, self.shelf, self.reading, self.guard)),
            openapi=openapi_document(anonymous=self._open),
            asyncapi=asyncapi_document(),
        )
        places = PlaceEndpoints(lambda: None if self.places is None else self.places.service)
        endpoints = AccountEndpoints(lambda: self.desk.service).by_name | places.by_name
        return make_app(reads, operations, endpoints, traffic, access_log=self._settings.access_log, access=access)

    def waiting_for(self) -> list[str]:
        """What is missing before this process should be sent requests."""
        missing = [] if self._connection.connected else ["log"]
        return missing + [f"lane {lane.number}" for lane in self.book.lanes if not lane.joined]

    async def serve(self) -> None:
        """Follows the log and answers, until `stop`. Raises OSError where the port cannot be had."""
        _check_port(self._settings.host, self.port)
        server = _granian(self.app(), self._settings.host, self.port)
        async with asyncio.TaskGroup() as group:
            works = [self._follow(), self.relay.run(), self._say_ready()]
            works += [] if self.guard is None else [self.guard.run()]
            if self._money is not None:
                works.append(self.desk.run(self._money.database, self._money.settings))
                works += [] if self.places is None else [self.places.run(self._money.database)]
            beside = [group.create_task(work) for work in works]
            answering = group.create_task(server.serve())
            stopping = group.create_task(self._stopping.wait())
            await asyncio.wait((answering, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                raise OSError("the HTTP server ended by itself")
            server.stop()  # type: ignore[no-untyped-call]
            await asyncio.wait((answering,), timeout=_LAST_ANSWERS_S)
            _unregister_placeholders()
            for task in (*beside, answering):
                task.cancel()

    def _guard(self, access: AccessSettings, store: KeyStore | None) -> Guard:
        coordination: Coordination = MemoryCoordination()
        if access.coordination == "nats":
            coordination = NatsCoordination(self._connection, replicas=self._bus.log_replicas)
        return Guard(access, store=store, coordination=coordination, book=self.book)

    def _places(self, settings: LocationSettings) -> LocationDesk:
        return LocationDesk(known(settings), NatsCoordination(self._connection, replicas=self._bus.log_replicas))

    def _locations(self) -> BettingLocations | None:
        places, money = self.places, self._money
        if places is None or money is None or money.location is None:
            return None
        return BettingLocations(lambda: places.service, read_leagues(), age=money.location.verified_age)

    def _bets_service(self, database: Database, slots: int) -> BetsService:
        assert self._money is not None
        around = Around(
            worker=f"{socket.gethostname()}-{secrets.token_hex(6)}",
            slots=slots,
            problem=lambda code, request_id: answer(code, request_id).body,
            coordination=NatsCoordination(self._connection, replicas=self._bus.log_replicas),
            locations=self._locations(),
        )
        return BetsService(database, self.book, self._money.bets, around)

    async def _follow(self) -> None:
        async with self._connection, asyncio.TaskGroup() as group:
            reader = LogReader(self._connection, lanes=self._bus.lanes, log_age_s=self._bus.log_age_s, sink=self.relay)
            reader.want(frozenset(range(self._bus.lanes)))
            group.create_task(reader.run(), name="reader")
            group.create_task(self._connection.ended(), name="connection")

    async def _say_ready(self) -> None:
        async with asyncio.timeout(_LISTENING_S):
            await _listening(self._settings.host, self.port)
        _unregister_placeholders()
        log.info("serving", host=self._settings.host, port=self.port)
        while self.waiting_for():  # noqa: ASYNC110 the book knows of no waiting
            await asyncio.sleep(_POLL_S)
        gc.collect()
        gc.freeze()  # the collector need not walk the book, which lives as long as the process
        print(f"gateway ready http://{_bracketed(self._settings.host)}:{self.port}", flush=True)

    def _changed(self, subject: str) -> None:
        if subject == EPOCH:
            self.reading.encoded.clear()
        self.shelf.changed(subject)


async def serve(
    settings: ApiSettings,
    bus: BusSettings,
    access: AccessSettings,
    database: DatabaseSettings | None,
    money: Money | None = None,
) -> int:
    """`python -m gateway serve`: until SIGTERM or SIGINT. Gives the exit status. Raises NoDevelopmentKeys."""
    connection = Connection(bus.nats_url, name="gateway")
    if database is None:
        return await _serve(Gateway(settings, bus, connection, access=access, money=money))
    async with open_database(database) as opened:
        store = PostgresKeys(opened)
        return await _serve(Gateway(settings, bus, connection, access=access, store=store, money=money))


async def _serve(gateway: Gateway) -> int:
    serving = asyncio.ensure_future(gateway.serve())
    signalled = asyncio.ensure_future(process.until_signalled())
    await asyncio.wait((serving, signalled), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        gateway.stop()
    signalled.cancel()
    try:
        await serving
    except OSError as error:
        print(f"oddswire gateway: {error}", file=sys.stderr)
        return EXIT_FAILED
    except Exception as error:
        log.exception("ended", exc_info=error)
        return EXIT_FAILED
    return EXIT_OK


def _granian(app: App, host: str, port: int) -> Server:
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        task_impl=TaskImpl.rust,  # no asyncio task for each request: see Reads.ahead
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_READ_MS),
        log_enabled=False,
    )


def _unregister_placeholders() -> None:
    """Granian's scheduler registers a task that was never begun, and stands for all requests; whoever lists all tasks,
    as asyncio does at the end, fails on it. This touches internals of the pinned 2.8 series; from Python 3.12 on there
    is no such scheduler."""
    for task in tuple(asyncio.tasks._all_tasks):  # type: ignore[attr-defined]  # noqa: SLF001
        if type(task).__module__.startswith("granian."):
            asyncio._unregister_task(task)  # noqa: SLF001 documented, for who brings tasks of his own


async def _listening(host: str, port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(_reachable(host), port)
            writer.close()
            return
        await asyncio.sleep(_POLL_S)


def _check_port(host: str, port: int) -> None:
    """Granian would share a port with another gateway and say nothing. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            word = "is busy" if error.errno == errno.EADDRINUSE else error.strerror
            raise OSError(f"port {port} on {host} {word}") from error


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _bracketed(host: str) -> str:
    reachable = _reachable(host)
    return f"[{reachable}]" if ":" in reachable else reachable
