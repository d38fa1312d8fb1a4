"""Three nats-servers that are one JetStream: what R3 needs. On one machine, so what is proved is losing one of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from nats.errors import Error as NatsError

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import Member, NatsServer, free_port
from feeds.contract.subjects import stream_name

SERVERS = 3

_T = TypeVar("_T")


class Cluster:
    """`servers` by name; `url` names all of them, as clients are told."""

    def __init__(self, servers: list[NatsServer]) -> None:
        self.servers = {server.member.name: server for server in servers if server.member is not None}
        self.url = ",".join(server.url for server in servers)

    async def stream_leader(self, connection: Connection, lane: int) -> NatsServer:
        """The server that leads a lane's stream now, once there is one."""

        async def leader() -> str | None:
            cluster = (await connection.jetstream().stream_info(stream_name(lane))).cluster
            return None if cluster is None else cluster.leader

        return self.servers[await answered(leader)]


async def answered(ask: Callable[[], Awaitable[_T | None]], *, within_s: float = 30.0) -> _T:
    """What JetStream answers, as soon as it does."""
    async with asyncio.timeout(within_s):
        while True:
            with contextlib.suppress(NatsError):
                if (answer := await ask()) is not None:
                    return answer
            await asyncio.sleep(0.05)


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
        await answered(connection.jetstream().account_info)
        yield cluster
