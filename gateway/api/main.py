"""The API as one process: book, shelf, layers, Granian. The only place of it that wires.

One process is one worker with a book of its own; more workers are more processes, see gateway/api/workers.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import secrets
import socket
import sys
from collections.abc import Coroutine
from functools import partial
from typing import Any, NamedTuple

import structlog
from nats.errors import Error as NatsError

from fanout.contract.fleet import DrainOrder, DrainProgress, decode_progress, encode
from fanout.contract.tickets import TicketKeys
from feeds.adapters import process
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.coordination.opening import check_coordination, coordinating
from feeds.adapters.nats.asking import NobodyAnswers, ask_once
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.desk import DeskLog
from feeds.adapters.nats.reader import LogReader
from feeds.contract.errors import Refused
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import fleet_subject
from gateway.access.guard import Guard
from gateway.access.ports import KeyStore
from gateway.access.settings import AccessSettings
from gateway.access.store import PostgresKeys
from gateway.api.account import AccountEndpoints
from gateway.api.accounts import excluded, revoke
from gateway.api.ahead import Entrance
from gateway.api.app import Front, Layer, Service
from gateway.api.around import Around, Money
from gateway.api.asyncapi import asyncapi_document
from gateway.api.clients import Clients
from gateway.api.corrections import CorrectionEndpoints
from gateway.api.desk_side import DeskSide, Given
from gateway.api.fleet import Fleet
from gateway.api.history import Health, Past
from gateway.api.listening import POLL_S, Server, address_of, check_port, finish_turns, free_port, listening
from gateway.api.load import Levels, Pressure, Queue
from gateway.api.metrics import GatewayCollector, exposition
from gateway.api.news import NewsEndpoints
from gateway.api.openapi import openapi_document
from gateway.api.operations import Operations
from gateway.api.places import PlaceEndpoints
from gateway.api.problems import answer
from gateway.api.protection import ProtectionEndpoints
from gateway.api.reads import Reads
from gateway.api.relay import Relay
from gateway.api.routes import READS
from gateway.api.settings import ApiSettings
from gateway.api.streams import Streams
from gateway.api.tracing import tracing_to
from gateway.api.workers import READY, Crew, Member, WorkerMetrics
from gateway.bets.service import Around as BetsAround
from gateway.bets.service import BetsDesk, BetsService
from gateway.desk.flow import Flow
from gateway.desk.settings import DeskSettings, PageSettings
from gateway.history.reads import HistoryReads
from gateway.location.betting import BettingLocations
from gateway.location.desk import LocationDesk
from gateway.location.leagues import read_leagues
from gateway.location.wiring import known
from gateway.read.book import EPOCH, ReadBook
from gateway.read.encoded import Encoded
from gateway.read.shelf import Shelf
from gateway.read.views import Reading
from gateway.settlement.corrections.desk import CorrectionsDesk
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings

log = structlog.get_logger(__name__)

EXIT_OK, EXIT_FAILED = 0, 1

_MIB = 1 << 20
_LISTENING_S = 10.0

_DRAIN_ANSWER_S = 2.0
"""For a shard's first word of a drain."""

_LAST_ANSWERS_S = 3.0
"""SIGTERM: what has been asked is answered within this, and idle connections end."""


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
        around: Around | None = None,
    ) -> None:
        """Without `access` everything is open: for tests. `store`: where API keys are kept, if anywhere."""
        around = around or Around()
        self._member = around.member
        self._name = f"{socket.gethostname()}-{secrets.token_hex(6)}"
        self._settings = settings
        self._bus = bus
        self._connection = connection
        self.shelf = Shelf(bytes_max=settings.bodies_mib * _MIB)
        encoded = Encoded(bytes_max=settings.encoded_mib * _MIB)
        self.flow = Flow()
        self.book = ReadBook(bus.lanes, self._changed, self.flow.came)
        self.reading = Reading(self.book, encoded)
        self.relay = Relay(self.book, self.shelf)
        self.pressure = Pressure(levels=Levels(*settings.shed_s), database_s=self._database_s)
        self.tracing = around.tracing
        self._coordination = around.coordination or NatsCoordination(connection, replicas=bus.log_replicas)
        self.fleet = Fleet(self._coordination, lanes=bus.lanes)
        queue = Queue(
            places=settings.history_connections,
            waiting_max=settings.history_waiting,
            wait_s=settings.history_wait_ms / 1_000,
        )
        reads = None if around.history is None else HistoryReads(around.history)
        self.past = Past(reads, queue, self.pressure, self.tracing, Health())
        self.desk = BetsDesk(self._bets_service)
        out, session_s = partial(excluded, self.desk), settings.ticket_session_s
        self.streams = Streams(around.tickets, self.fleet, self.book, session_s, self.pressure, out)
        self._open = access is None or access.anonymous
        self.port = settings.port or free_port(settings.host)
        self.corrections = CorrectionsDesk(CorrectionSettings())
        self._money = money = around.money
        places = None if money is None or money.location is None else known(money.location)
        self.places = None if places is None else LocationDesk(places, self._coordination)
        self.desk_side = self._desk_side(around, access)
        self.guard = None if access is None else self._guard(access, store)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """`serve` answers what has been asked, and ends."""
        self._stopping.set()

    def front(self, access: tuple[Layer, ...] = ()) -> Front:
        """The service, all layers. `access`: further ones that may refuse, outside the guard's."""
        entrance = None if access else Entrance()
        if self.guard is not None:
            access = (*access, *self.guard.layers)
            entrance = entrance and Entrance(self.guard.access.known, self.guard.cors)
        traffic, settings = self.desk_side.traffic, self._settings
        reads = Reads(self.shelf, self.reading, {one.view: one.name for one in READS}, pressure=self.pressure)
        collector = GatewayCollector(traffic, self.shelf, self.reading, self.past, guard=self.guard, desk=self.desk)
        self._metrics = WorkerMetrics(exposition(collector), self._member)
        operations = Operations(
            waiting_for=self.waiting_for,
            metrics=self._metrics.told,
            openapi=openapi_document(anonymous=self._open),
            asyncapi=asyncapi_document(),
        )
        places = PlaceEndpoints(lambda: None if self.places is None else self.places.service)
        corrections = CorrectionEndpoints(lambda: self.corrections.at)
        protection = ProtectionEndpoints(lambda: self.desk.service)
        calls = AccountEndpoints(lambda: self.desk.service).by_name | places.by_name | protection.by_name
        calls |= NewsEndpoints(lambda: None if self.desk.service is None else self.desk.service.news).by_name
        calls |= corrections.by_name | self.desk_side.calls()
        clients = Clients(settings.trusted_proxies)
        desk = self.desk_side
        service = Service(reads, self.past, self.streams, operations, calls, desk.pages(clients), desk.heard)
        return Front(
            service,
            traffic,
            self.tracing,
            access_log=settings.access_log,
            clients=clients,
            access=access,
            entrance=entrance,
        )

    def _works(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside the answering."""
        works = [self._follow(), self.relay.run(), self.pressure.run(), self._say_ready()]
        works += [] if self.guard is None else [self.guard.run()]
        works += self.desk_side.works()
        if self._money is not None:
            works.append(self.desk.run(self._money.database, self._money.settings))
            works.append(self.corrections.run(self._money.database))
            works += [] if self.places is None else [self.places.run(self._money.database)]
        return works

    def waiting_for(self) -> list[str]:
        """What is missing before this process should be sent requests."""
        missing = [] if self._connection.connected else ["log"]
        return missing + [f"lane {lane.number}" for lane in self.book.lanes if not lane.joined]

    async def serve(self) -> None:
        """Follows the log and answers, until `stop`. Raises OSError where the port cannot be had."""
        if not self._member.number:
            check_port(self._settings.host, self.port)
        server = Server(self.front().take, self._settings.host, self.port)
        async with self._metrics.telling(), asyncio.TaskGroup() as group:
            beside = [group.create_task(work) for work in self._works()]
            answering = group.create_task(server.serve())
            stopping = group.create_task(self._stopping.wait())
            await asyncio.wait((answering, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                raise OSError("the HTTP server ended by itself")
            server.stop()
            await asyncio.wait((answering,), timeout=_LAST_ANSWERS_S)
            for task in (*beside, answering):
                task.cancel()

    def _database_s(self) -> float:
        service = self.desk.service
        return 0.0 if service is None else service.gate.expected_s

    def _guard(self, access: AccessSettings, store: KeyStore | None) -> Guard:
        coordination = MemoryCoordination() if access.coordination == "memory" else self._coordination
        shared = not isinstance(coordination, MemoryCoordination)
        return Guard(
            access,
            store=store,
            coordination=coordination,
            book=self.book,
            shared=shared,
            sessions=self.desk_side.sessions,
        )

    def _locations(self) -> BettingLocations | None:
        places, money = self.places, self._money
        if places is None or money is None or money.location is None:
            return None
        return BettingLocations(lambda: places.service, read_leagues(), age=money.location.verified_age)

    def _bets_service(self, database: Database, slots: int) -> BetsService:
        assert self._money is not None
        around = BetsAround(
            worker=self._name,
            slots=slots,
            problem=lambda code, request_id: answer(code, request_id).body,
            coordination=self._coordination,
            locations=self._locations(),
            revoke=partial(revoke, self._coordination, self._publish),
        )
        return BetsService(database, self.book, self._money.bets, around)

    async def _follow(self) -> None:
        async with self._connection, asyncio.TaskGroup() as group:
            reader = LogReader(self._connection, lanes=self._bus.lanes, log_age_s=self._bus.log_age_s, sink=self.relay)
            reader.want(frozenset(range(self._bus.lanes)))
            group.create_task(reader.run(), name="reader")
            group.create_task(self.fleet.run(), name="fleet")
            group.create_task(self.desk_side.operations.run(), name="operations")
            group.create_task(self._connection.ended(), name="connection")

    async def _say_ready(self) -> None:
        async with asyncio.timeout(_LISTENING_S):
            await listening(self._settings.host, self.port)
        log.info("serving", host=self._settings.host, port=self.port)
        while self.waiting_for():  # noqa: ASYNC110 the book knows of no waiting
            await asyncio.sleep(POLL_S)
        gc.collect()
        gc.freeze()  # the collector need not walk the book, which lives as long as the process
        print(f"{READY}{address_of(self._settings.host, self.port)}", flush=True)

    def _desk_side(self, around: Around, access: AccessSettings | None) -> DeskSide:
        bus, connection = self._bus, self._connection
        return DeskSide(
            Given(
                name=self._name,
                lanes=bus.lanes,
                book=self.book,
                flow=self.flow,
                fleet=self.fleet,
                coordination=self._coordination,
                pressure=self.pressure,
                bets=self.desk,
                places=self.places,
                log=DeskLog(connection, bus=bus, trail_age_s=DeskSettings().audit_age_s),
                drain=self._drain,
                page=around.page or PageSettings(),
                access=access,
                tickets=bool(around.tickets),
            )
        )

    async def _publish(self, subject: str, data: bytes) -> None:
        with contextlib.suppress(NatsError):  # shards read what was put within seconds; this is the fast way
            await self._connection.client.publish(subject, data)

    async def _drain(self, shard: str, window_s: float | None) -> DrainProgress:
        """What it says first. Raises Refused("shard_silent")."""
        order = encode(DrainOrder("drain", window_s))
        try:
            said = await ask_once(self._connection, fleet_subject(shard), order, within_s=_DRAIN_ANSWER_S)
        except NobodyAnswers as error:
            raise Refused("shard_silent", "") from error
        return decode_progress(said)

    def _changed(self, subject: str) -> None:
        if subject == EPOCH:
            self.reading.encoded.clear()
        self.shelf.changed(subject)


class Wiring(NamedTuple):
    """All that a worker is made from. `database` None: there are neither API keys nor history."""

    settings: ApiSettings
    bus: BusSettings
    access: AccessSettings
    database: DatabaseSettings | None
    tickets: TicketKeys
    member: Member
    money: Money | None
    page: PageSettings


async def serve(wiring: Wiring) -> int:
    """`python -m gateway serve`: until SIGTERM or SIGINT. Gives the exit status.

    Raises NoTracing, NoDevelopmentKeys, Refused, OSError.
    """
    settings = wiring.settings
    check_coordination(wiring.bus)
    if settings.workers > 1 and not wiring.member.number:
        return await _serve_by_workers(wiring)
    finish_turns()
    endpoint = settings.trace_endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    tracing = tracing_to(endpoint, hot_share=settings.trace_hot_share, worker=wiring.member.number)
    try:
        async with contextlib.AsyncExitStack() as stack:
            keys = history = None
            if wiring.database is not None:
                keys = PostgresKeys(await stack.enter_async_context(open_database(wiring.database)))
                past = wiring.database.reader.model_copy(update=settings.history_pool)
                history = await stack.enter_async_context(open_database(past, replica=True))
            connection = Connection(wiring.bus.nats_url, name="gateway")
            coordination = await stack.enter_async_context(coordinating(wiring.bus, connection))
            gateway = Gateway(
                settings,
                wiring.bus,
                connection,
                access=wiring.access,
                store=keys,
                around=Around(history, wiring.tickets, tracing, wiring.member, wiring.money, coordination, wiring.page),
            )
            return await _until_signalled(gateway)
    finally:
        await asyncio.to_thread(tracing.close)


async def _until_signalled(gateway: Gateway) -> int:
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


async def _serve_by_workers(wiring: Wiring) -> int:
    """The first process of several. Raises OSError where the port cannot be had."""
    settings = wiring.settings
    port = settings.port or free_port(settings.host)
    check_port(settings.host, port)
    environment = {
        "ODDSWIRE_GATEWAY_HOST": settings.host,
        "ODDSWIRE_GATEWAY_PORT": str(port),
        "ODDSWIRE_NATS_URL": wiring.bus.nats_url,
        "ODDSWIRE_COORDINATION": wiring.bus.coordination,
    }
    if wiring.database is not None:
        environment["ODDSWIRE_DATABASE_URL"] = wiring.database.url.get_secret_value()
        environment["ODDSWIRE_DATABASE_READER_URL"] = wiring.database.reader_url.get_secret_value()
    working = asyncio.ensure_future(Crew(settings.workers, address_of(settings.host, port), environment).run())
    signalled = asyncio.ensure_future(process.until_signalled())
    await asyncio.wait((working, signalled), return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.wait((working,))
    return EXIT_OK
