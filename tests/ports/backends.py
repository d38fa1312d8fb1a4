"""The backends of Coordination under test: memory, a real nats-server, and Aerospike where there is one.

Aerospike is the cluster of AEROSPIKE_HOSTS (HOST:PORT,HOST:PORT/NAMESPACE), or an `asd` from PATH that is started here;
each test has an installation of its own in it. Where there is neither its tests are skipped, and say so.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from feeds.adapters.aerospike_server import AerospikeServer, installed
from feeds.adapters.coordination.aerospike_kv import AerospikeCoordination
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.coordination import Coordination
from feeds.contract.coordination_address import CoordinationAddress, parse_coordination

HOSTS = os.environ.get("AEROSPIKE_HOSTS", "")

READY_S = 60.0
"""An Aerospike that was just started takes operations within this."""

NO_AEROSPIKE = "no Aerospike here: AEROSPIKE_HOSTS names no cluster, and there is no asd on PATH"

needs_aerospike = pytest.mark.skipif(not (HOSTS or installed()), reason=NO_AEROSPIKE)
needs_asd = pytest.mark.skipif(not installed(), reason="no asd on PATH, of which this test would start its own")


class Backend(Protocol):
    """A backend under test."""

    def client(self) -> Coordination:
        """One process's view of it; every call gives another."""

    async def go_away(self) -> None:
        """It answers nobody from here."""


class Memory:
    """All in this process."""

    def __init__(self) -> None:
        self._held = MemoryCoordination()

    def client(self) -> Coordination:
        return self._held

    async def go_away(self) -> None:
        self._held.away = True


class Nats:
    """A real nats-server."""

    def __init__(self, server: NatsServer, connections: list[Connection]) -> None:
        self._server = server
        self._connections = connections
        self._given = 0

    def client(self) -> Coordination:
        self._given += 1
        return NatsCoordination(self._connections[self._given % len(self._connections)], timeout_s=0.5)

    async def go_away(self) -> None:
        await self._server.kill()


class Asd:
    """The `asd` that the tests of one process share: started when it is first needed, and again when it was killed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: AerospikeServer | None = None
        self._started = 0

    async def server(self) -> AerospikeServer:
        if self._server is None:
            self._started += 1
            self._server = AerospikeServer(directory=self._directory / str(self._started))
            await self._server.start()
        return self._server

    async def kill(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.kill()


class Aerospike:
    """A real cluster, and an installation in it."""

    def __init__(self, asd: Asd | None, clients: list[AerospikeCoordination]) -> None:
        self._asd = asd
        self._clients = clients
        self._given = 0

    def client(self) -> Coordination:
        self._given += 1
        return self._clients[self._given % len(self._clients)]

    async def go_away(self) -> None:
        if self._asd is None:
            pytest.skip("the cluster of AEROSPIKE_HOSTS is not ours to kill")
        await self._asd.kill()


@asynccontextmanager
async def opened(address: CoordinationAddress) -> AsyncIterator[AerospikeCoordination]:
    """A process's view of a cluster, which answers."""
    async with AerospikeCoordination(address) as coordination:
        async with asyncio.timeout(READY_S):
            await coordination.cluster.ready()
        yield coordination


def new_installation(url: str) -> CoordinationAddress:
    return parse_coordination(url)._replace(installation=secrets.token_hex(6))


@asynccontextmanager
async def aerospike(asd: Asd) -> AsyncIterator[Backend]:
    server = None if HOSTS else await asd.server()
    address = new_installation(f"aerospike://{HOSTS}" if server is None else server.url)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(opened(address)) for _ in range(2)]
        yield Aerospike(None if server is None else asd, clients)


@asynccontextmanager
async def nats(data_dir: Path) -> AsyncIterator[Backend]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(NatsServer(data_dir=data_dir))
        opening = (Connection(server.url, name=f"test-{number}") for number in range(2))
        yield Nats(server, [await stack.enter_async_context(connection) for connection in opening])


@pytest.fixture(scope="session")
def asd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asd]:
    """Ended with the session."""
    shared = Asd(tmp_path_factory.mktemp("asd"))
    yield shared
    asyncio.run(shared.kill())


@pytest.fixture(
    params=[
        "memory",
        pytest.param("nats", marks=pytest.mark.journey),
        pytest.param("aerospike", marks=[pytest.mark.journey, needs_aerospike]),
    ]
)
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    match request.param:
        case "memory":
            yield Memory()
        case "nats":
            async with nats(request.getfixturevalue("tmp_path") / "nats") as backend:
                yield backend
        case _:
            async with aerospike(request.getfixturevalue("asd")) as backend:
                yield backend
