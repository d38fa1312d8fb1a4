"""Three nats-servers that are one JetStream: what R3 needs. They share this machine, so losing one is all that is proved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from nats.errors import Error as NatsError

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import Member, NatsServer, free_port
from feeds.contract.subjects import stream_name

SERVERS = 3


class Cluster:
    """`servers` by name; `url` names all of them, as clients are told."""

    def __init__(self, servers: list[NatsServer]) -> None:
        self.servers = {server.member.name: server for server in servers if server.member is not None}
        self.url = ",".join(server.url for server in servers)

    async def stream_leader(self, connection: Connection, lane: int) -> NatsServer:
        """The server that leads a lane's stream now."""
        async with asyncio.timeout(30):
            while True:
                try:
                    info = await connection.jetstream().stream_info(stream_name(lane))
                except NatsError:
                    await asyncio.sleep(0.1)
                    continue
                if info.cluster is not None and info.cluster.leader is not None:
                    return self.servers[info.cluster.leader]
                await asyncio.sleep(0.1)


@asynccontextmanager
async def three_servers(data_dir: Path) -> AsyncIterator[Cluster]:
    """Runs them meanwhile; begins when JetStream answers."""
    ports: list[int] = []
    while len(ports) < SERVERS:
        ports = list({*ports, free_port()})
    servers = [
        NatsServer(data_dir=data_dir / f"n{n}", member=Member(f"n{n}", port, tuple(ports)))
        for n, port in enumerate(ports, start=1)
    ]
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server)
        cluster = Cluster(servers)
        connection = await stack.enter_async_context(Connection(cluster.url, name="cluster"))
        await _serves(connection)
        yield cluster


async def _serves(connection: Connection) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await connection.jetstream().account_info()
            except NatsError:
                await asyncio.sleep(0.1)
            else:
                return
