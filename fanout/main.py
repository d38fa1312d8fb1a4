"""The fan-out commands: `run` a shard, `watch` topics in a terminal, `settings`. The only place that wires."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import Any

import orjson
import structlog
import uvloop
from pydantic import ValidationError

from fanout.server import Server
from fanout.settings import FanoutSettings, WatchSettings
from fanout.watch import WatchOptions, watch
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.contract.settings import BusSettings, describe

log = structlog.get_logger(__name__)

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


def main() -> None:
    """Entry of `python -m fanout`."""
    _log_to_stderr()
    arguments = _parser().parse_args()
    try:
        sys.exit(arguments.command(arguments))
    except ValidationError as error:
        for problem in error.errors():
            sys.stderr.write(f"fanout: {'.'.join(map(str, problem['loc']))}: {problem['msg']}\n")
        sys.exit(EXIT_USAGE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_OK)
    except OSError as error:
        sys.stderr.write(f"fanout: {error}\n")
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fanout", description="Fan-out of odds to devices by WebSocket and SSE.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run one shard", description="Runs one shard until SIGTERM, which drains it.")
    run.add_argument("--name", help="the shard's name")
    run.add_argument("--host", help="address to listen on")
    run.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
    run.add_argument("--nats", metavar="URL", help="address of nats-server")
    run.add_argument("--peer", action="append", metavar="URL", help="stream URL of another shard; may be repeated")
    run.set_defaults(command=_run)

    look = commands.add_parser("watch", help="watch live prices in a terminal")
    look.add_argument("topics", nargs="+", metavar="TOPIC", help="for example football, soccer.epl:main")
    look.add_argument("--conflate", type=int, default=100, metavar="MS", help="tier, ms (default 100)")
    look.add_argument("--sse", action="store_true", help="by SSE instead of WebSocket")
    look.add_argument("--json", action="store_true", help="every message as one line of JSON")
    look.add_argument("--url", action="append", metavar="URL", help="stream URL of a shard; may be repeated")
    look.add_argument("--for", dest="seconds", type=float, metavar="S", help="stop after so many seconds")
    look.set_defaults(command=_watch)

    settings = commands.add_parser("settings", help="every setting with variable, default, limit")
    settings.add_argument("--json", action="store_true", help="as JSON")
    settings.set_defaults(command=_settings)
    return parser


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _run(arguments: argparse.Namespace) -> int:
    settings = FanoutSettings(
        **_given(name=arguments.name, host=arguments.host, port=arguments.port, peers=arguments.peer)
    )
    bus = BusSettings(**_given(nats_url=arguments.nats))
    return uvloop.run(_serve(settings, bus))


async def _serve(settings: FanoutSettings, bus: BusSettings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    fault = _end_on_fault(loop, stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    connection = Connection(bus.nats_url, name=settings.name)
    server = Server(
        settings,
        lanes=bus.lanes,
        connected=lambda: connection.connected,
        make_reader=lambda sink: LogReader(connection, lanes=bus.lanes, log_age_s=bus.log_age_s, sink=sink),
    )
    async with contextlib.AsyncExitStack() as stack:
        opening = asyncio.ensure_future(stack.enter_async_context(connection))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            opening.cancel()
            return EXIT_OK
        await opening
        await stack.enter_async_context(server.serve())
        sys.stdout.write(f"{settings.name} ready\n")
        sys.stdout.flush()
        log.info("serving", shard=settings.name, host=settings.host, port=server.port)
        ended = asyncio.ensure_future(connection.ended())
        await asyncio.wait((stopping, ended), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            await ended
        ended.cancel()
        if not fault:
            await server.drain()
    return EXIT_FAILED if fault else EXIT_OK


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


def _watch(arguments: argparse.Namespace) -> int:
    options = WatchOptions(
        topics=tuple(arguments.topics),
        conflate_ms=arguments.conflate,
        sse=arguments.sse,
        as_json=arguments.json,
        urls=tuple(arguments.url or WatchSettings().watch_url),
        seconds=arguments.seconds,
    )
    return uvloop.run(watch(options))


def _settings(arguments: argparse.Namespace) -> int:
    rows = describe(FanoutSettings) + describe(WatchSettings)
    if arguments.json:
        sys.stdout.write(orjson.dumps(rows).decode() + "\n")
        return EXIT_OK
    for row in rows:
        sys.stdout.write(f"{row['variable']}={row['default']}  ({row['limit'] or 'any'})  {row['meaning']}\n")
    return EXIT_OK


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
