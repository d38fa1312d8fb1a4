"""`python -m feeds serve NAME`: the simulator behind another provider's protocol, on loopback, with faults on command.

Owns the table of servers, and what they share: the simulator that feeds them, and commands on stdin, one a line,
`KIND SECONDS` (feeds/providers/simulator/serving/faults.py). For tests and demonstrations: anybody may connect.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from feeds.contract.errors import Refused
from feeds.ports import FeedSink
from feeds.providers.simulator.client import Simulator
from feeds.providers.simulator.listing import Chance

COMMAND_CHARS_MAX: Final = 200
"""A longer line of stdin is cut."""


@dataclass(frozen=True)
class ServeOptions:
    """What a server may be told. `port` 0: a free one. `authority`: where TLS servers write what clients trust. `amqp`:
    the broker that a server publishes to."""

    port: int
    events: int
    rate: int
    seed: int
    authority: Path | None = None
    amqp: str = ""


class Served(FeedSink, Protocol):
    """A server that answers with what it is fed."""

    def command(self, words: str) -> None:
        """A fault begins. Raises Refused("bad_fault")."""

    def serving(self, port: int) -> AbstractAsyncContextManager[int]:
        """Serves meanwhile; gives the port."""


def _betfair(options: ServeOptions) -> Served:
    from feeds.providers.simulator.serving.betfair import BetfairServer  # noqa: PLC0415 only what runs is loaded
    from feeds.providers.simulator.serving.certificate import loopback_certificate  # noqa: PLC0415

    if options.authority is None:
        raise Refused("bad_option", "betfair is served over TLS: --ca-file names where to write what clients trust")
    certificate = loopback_certificate()
    options.authority.write_bytes(certificate.authority)
    return BetfairServer(tls=certificate.tls, seed=options.seed)


def _theoddsapi(options: ServeOptions) -> Served:
    from feeds.providers.simulator.serving.theoddsapi import OddsApiServer  # noqa: PLC0415 only what runs is loaded

    return OddsApiServer(seed=options.seed)


def _sportradar(options: ServeOptions) -> Served:
    from feeds.providers.simulator.serving.sportradar import UofServer  # noqa: PLC0415 only what runs is loaded

    if not options.amqp:
        raise Refused("bad_option", "sportradar is served over AMQP: --amqp names the broker to publish to")
    return UofServer(options.amqp, seed=options.seed)


SERVERS: Final[dict[str, Callable[[ServeOptions], Served]]] = {
    "betfair": _betfair,
    "sportradar": _sportradar,
    "theoddsapi": _theoddsapi,
}


async def serve(name: str, options: ServeOptions, stopped: asyncio.Event) -> int:
    """Serves until `stopped`. Raises Refused("unknown_server"), OSError."""
    make = SERVERS.get(name)
    if make is None:
        raise Refused("unknown_server", f"unknown server {name!r}; there are: {', '.join(SERVERS)}")
    server = make(options)
    simulator = Simulator(feed=name, lanes=1, events=options.events, rate=options.rate, chance=Chance(options.seed))
    playing = asyncio.create_task(simulator.run(server))
    stopping = asyncio.create_task(stopped.wait())
    async with server.serving(options.port) as port:
        print(f"serving {name} on 127.0.0.1:{port}", flush=True)
        _read_commands(server)
        await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if playing.done():
            await playing
        playing.cancel()
    return 0


def _read_commands(server: Served) -> None:
    """From now on lines of stdin are commands. A thread reads them, so that any kind of stdin will do."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        while line := sys.stdin.readline(COMMAND_CHARS_MAX):
            loop.call_soon_threadsafe(_command, server, line)

    threading.Thread(target=read, daemon=True).start()


def _command(server: Served, line: str) -> None:
    if not line.strip():
        return
    try:
        server.command(line)
    except Refused as refusal:
        print(f"feeds: {refusal}", file=sys.stderr, flush=True)
    else:
        print(f"fault {line.strip()}", flush=True)
