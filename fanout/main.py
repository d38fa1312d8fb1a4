"""The fan-out commands: what each one connects, starts and ends. The only place that wires."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import structlog
import uvloop
from pydantic import ValidationError

from fanout.asking import NoAnswer
from fanout.commands import parser
from fanout.contract.fleet import DrainOrder, encode
from fanout.contract.tickets import Grant
from fanout.fleet import SILENCE_S, Drains, follow_drain, show_shards
from fanout.registry import Registry, new_instance, read_registry, status_of
from fanout.revocations import revoke
from fanout.server import Server
from fanout.settings import FanoutSettings, WatchSettings
from fanout.watch import WatchOptions, watch
from feeds.adapters.coordination.opening import check_coordination, coordinating
from feeds.adapters.nats.asking import Answer, NobodyAnswers, ask, ask_once, listening
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.contract.coordination import Unavailable
from feeds.contract.errors import LogUnavailable, Refused
from feeds.contract.settings import BusSettings, describe
from feeds.contract.subjects import (
    NEWS_ASKED_SUBJECT,
    NEWS_BEGAN_SUBJECT,
    NEWS_TOLD_SUBJECT,
    REVOKED_SUBJECT,
    fleet_subject,
)

log = structlog.get_logger(__name__)

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2

NEWS_S = 2.0
"""For an answer of who tells news."""

REACH_S = 3.0
"""A command that finds no nats-server within this fails."""


def main() -> None:
    """Entry of `python -m fanout`."""
    commands = {
        "run": _run,
        "shards": _shards,
        "drain": _drain,
        "revoke": _revoke,
        "watch": _watch,
        "ticket": _ticket,
        "settings": _settings,
    }
    arguments = parser(commands).parse_args()
    _log_to_stderr(logging.INFO if arguments.command is _run else logging.ERROR)
    try:
        sys.exit(arguments.command(arguments))
    except ValidationError as error:
        for problem in error.errors():
            sys.stderr.write(f"fanout: {'.'.join(map(str, problem['loc']))}: {problem['msg']}\n")
        sys.exit(EXIT_USAGE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_OK)
    except (OSError, LogUnavailable, Unavailable, Refused, NobodyAnswers) as error:
        sys.stderr.write(f"fanout: {error}\n")
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _bus(arguments: argparse.Namespace) -> BusSettings:
    return BusSettings(**_given(nats_url=arguments.nats, coordination=arguments.coordination))


def _run(arguments: argparse.Namespace) -> int:
    settings = FanoutSettings(
        **_given(
            name=arguments.name,
            host=arguments.host,
            port=arguments.port,
            peers=arguments.peer,
        )
    )
    bus = _bus(arguments)
    check_coordination(bus)
    log.info("open_files", limit=_raise_file_limit(), sockets=settings.sockets)
    return uvloop.run(_serve(settings, bus))


def _raise_file_limit() -> int:
    """As many open files as this process may have; -1 is any number. Gives how many, sockets among them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


async def _serve(settings: FanoutSettings, bus: BusSettings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    fault = _end_on_fault(loop, stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    connection = Connection(bus.nats_url, name=settings.name)
    async with contextlib.AsyncExitStack() as stack:
        coordination = await stack.enter_async_context(coordinating(bus, connection))
        server = Server(
            settings,
            lanes=bus.lanes,
            connected=lambda: connection.connected,
            make_reader=lambda sink: LogReader(connection, lanes=bus.lanes, log_age_s=bus.log_age_s, sink=sink),
            coordination=coordination,
            ask=lambda question: ask_news(connection, question),
        )
        instance = new_instance()
        registry = Registry(coordination, settings, server.shard.peers, lambda: status_of(server, instance))
        drains = Drains(lambda: len(server.front.connections), stop)
        opening = asyncio.ensure_future(stack.enter_async_context(connection))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            opening.cancel()
            return EXIT_OK
        await opening
        stack.push_async_callback(drains.done)
        await stack.enter_async_context(server.serve())
        await stack.enter_async_context(registry.joined())
        await stack.enter_async_context(listening(connection, fleet_subject(settings.name), drains.hear))
        await follow_accounts(stack, connection, server)
        sys.stdout.write(f"{settings.name} ready\n")
        sys.stdout.flush()
        log.info("serving", shard=settings.name, host=settings.host, port=server.port)
        ended = asyncio.ensure_future(connection.ended())
        await asyncio.wait((stopping, ended), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            await ended
        ended.cancel()
        if not fault:
            await _move_devices(server, registry, drains)
    return EXIT_FAILED if fault else EXIT_OK


async def ask_news(connection: Connection, question: bytes) -> bytes:
    """A fanout.asking.Ask."""
    try:
        answer = await ask_once(connection, NEWS_ASKED_SUBJECT, question, within_s=NEWS_S)
    except NobodyAnswers as error:
        raise NoAnswer(str(error)) from error
    if not answer:
        raise NoAnswer("too many ask")
    return answer


async def follow_accounts(stack: contextlib.AsyncExitStack, connection: Connection, server: Server) -> None:
    """Hears news and revocations from here on, where there are tickets; whenever some may have passed by, what was
    missed is asked for."""
    revocations, asker = server.revocations, server.asker
    if revocations is None:
        return

    def turned(connected: bool) -> None:
        if connected:
            asker.doubt()

    hears: tuple[tuple[str, Callable[[bytes], None]], ...] = (
        (REVOKED_SUBJECT, revocations.hear),
        (NEWS_TOLD_SUBJECT, asker.hear),
        (NEWS_BEGAN_SUBJECT, lambda _data: asker.doubt()),
    )
    for subject, hear in hears:
        await stack.enter_async_context(listening(connection, subject, _without_answer(hear)))
    connection.listen(turned)
    stack.callback(connection.unlisten, turned)
    asker.doubt()


def _without_answer(hear: Callable[[bytes], None]) -> Callable[[bytes, Answer], None]:
    return lambda data, _answer: hear(data)


async def _move_devices(server: Server, registry: Registry, drains: Drains) -> None:
    """Drains, and says so: in the registry at once, and to whoever ordered it until the end."""
    draining = asyncio.ensure_future(server.drain(window_s=drains.window_s))
    reporting = asyncio.ensure_future(drains.report())
    registry.changed()  # it looks after the first step of `draining`, so that it finds the shard draining
    await draining
    reporting.cancel()
    await asyncio.wait([reporting])


def _end_on_fault(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> list[str]:
    """What nobody expected in a callback ends the process, unless it concerns one connection alone."""
    faults: list[str] = []

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        log.error("unexpected", what=context.get("message"), exc_info=error)
        if "transport" not in context and error is not None:
            faults.append(repr(error))
            stop.set()

    loop.set_exception_handler(handle)
    return faults


def _shards(arguments: argparse.Namespace) -> int:
    return uvloop.run(_list_shards(_bus(arguments), as_json=arguments.json))


async def _list_shards(bus: BusSettings, *, as_json: bool) -> int:
    async with _reaching(bus) as connection, coordinating(bus, connection, reach_s=REACH_S) as coordination:
        show_shards(await read_registry(coordination), as_json=as_json)
    return EXIT_OK


def _drain(arguments: argparse.Namespace) -> int:
    order = DrainOrder("drain", arguments.window)
    return uvloop.run(_order_drain(arguments.shard, order, BusSettings(**_given(nats_url=arguments.nats))))


async def _order_drain(shard: str, order: DrainOrder, bus: BusSettings) -> int:
    async with _reaching(bus) as connection:
        answers = ask(connection, fleet_subject(shard), encode(order), silence_s=SILENCE_S)
        await follow_drain(shard, answers)
    return EXIT_OK


def _revoke(arguments: argparse.Namespace) -> int:
    return uvloop.run(_take_back(arguments.account, _bus(arguments)))


async def _take_back(account: str, bus: BusSettings) -> int:
    async with _reaching(bus) as connection, coordinating(bus, connection, reach_s=REACH_S) as coordination:
        told = await revoke(coordination, account)
        await connection.client.publish(REVOKED_SUBJECT, told)
        await connection.client.flush()
    return EXIT_OK


@contextlib.asynccontextmanager
async def _reaching(bus: BusSettings) -> AsyncIterator[Connection]:
    """A connection for a command, which does not wait for a server to come. Raises LogUnavailable."""
    connection = Connection(bus.nats_url, name="fanout-command")
    opening = asyncio.ensure_future(connection.open())
    try:
        await asyncio.wait([opening], timeout=REACH_S)
        if not opening.done():
            opening.cancel()
            raise LogUnavailable(f"no nats-server answers at {bus.nats_url}")
        await opening
        yield connection
    finally:
        await connection.close()


def _watch(arguments: argparse.Namespace) -> int:
    settings = WatchSettings()
    token = arguments.token or settings.watch_token.get_secret_value()
    options = WatchOptions(
        topics=tuple(arguments.topics),
        conflate_ms=arguments.conflate,
        sse=arguments.sse,
        as_json=arguments.json,
        urls=tuple(arguments.url or settings.watch_url),
        seconds=arguments.seconds,
        token=token,
        api=arguments.api or settings.watch_api,
    )
    return uvloop.run(watch(options))


def _ticket(arguments: argparse.Namespace) -> int:
    now_s = int(time.time())
    grant = Grant(arguments.account, tuple(arguments.topic), arguments.tier, now_s + arguments.session)
    sys.stdout.write(FanoutSettings().keys().mint(grant, now_s) + "\n")
    return EXIT_OK


def _settings(arguments: argparse.Namespace) -> int:
    rows = describe(FanoutSettings) + describe(WatchSettings)
    if arguments.json:
        sys.stdout.write(orjson.dumps(rows).decode() + "\n")
        return EXIT_OK
    for row in rows:
        sys.stdout.write(f"{row['variable']}={row['default']}  ({row['limit'] or 'any'})  {row['meaning']}\n")
    return EXIT_OK


def _log_to_stderr(level: int) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
