"""A PostgreSQL server as a child of this process: for tests and for measuring; `oddswire up` has one beside it."""

from __future__ import annotations

import signal
from pathlib import Path

from feeds.adapters.child_server import ChildServer
from gateway.store.binaries import Binaries
from gateway.store.errors import NoDatabaseServer
from gateway.store.server import prepare, server_url


class PostgresServer(ChildServer):
    """One server as a child process. `async with PostgresServer(directory=..., port=...) as server: ... server.url`."""

    name = "PostgreSQL"
    start_timeout_s = 60.0
    stop_signal = signal.SIGINT
    """It ends the connections of whoever is still there, too."""

    failure = NoDatabaseServer

    def __init__(self, *, directory: Path, port: int, among: list[Binaries] | None = None) -> None:
        super().__init__()
        self.directory = directory
        self.port = port
        self._among = among

    @property
    def url(self) -> str:
        """Where it listens."""
        return server_url(self.directory, self.port)

    @property
    def words(self) -> Path:
        """See ChildServer."""
        return self.directory / "postgres.log"

    def prepare(self) -> list[str]:
        """See ChildServer."""
        return [*prepare(self.directory, among=self._among), "-p", str(self.port)]

    async def answers(self) -> bool:
        """See ChildServer."""
        return b"ready to accept connections\n" in self.words.read_bytes()
