"""A rabbitmq-server of one test's own, as Debian installs it: own node, ports, data and epmd, on loopback only."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

import aio_pika
from aio_pika.exceptions import AMQPError

from feeds.adapters.server import free_port

_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's wrapper on PATH runs as another user and keeps no environment; this is what it runs."""

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.1

TOKEN = "simulated-token"
PASSWORD = "simulated-password"
VIRTUAL_HOST = "/unifiedfeed/7"

_CONFIG = """\
listeners.tcp.local = 127.0.0.1:{port}
default_user = {token}
default_pass = {password}
default_vhost = {virtual_host}
loopback_users = none
log.console = true
log.console.level = warning
log.file = false
"""

_TLS_CONFIG = """\
listeners.ssl.local = 127.0.0.1:{port}
ssl_options.cacertfile = {certificate}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_none
"""


def installed() -> bool:
    """Whether there is a broker to start."""
    return _SCRIPT.exists() and shutil.which("erl") is not None


class RabbitServer:
    """`async with RabbitServer(data_dir=...) as broker: ... broker.port`. Nothing of it is left afterwards."""

    def __init__(self, *, data_dir: Path, tls: bool = False) -> None:
        self.data_dir = data_dir
        self.tls_port = free_port() if tls else None
        self.certificate = data_dir / "certificate.pem"
        self.port = free_port()
        self._dist_port = free_port()
        self._epmd_port = free_port()
        self._node = f"oddswire{secrets.token_hex(4)}@localhost"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where a publisher goes."""
        return f"amqp://{TOKEN}:{PASSWORD}@127.0.0.1:{self.port}/%2Funifiedfeed%2F7"

    async def start(self) -> None:
        """Starts it on its ports and data, and waits until it lets us in."""
        config = self.data_dir / "rabbitmq.conf"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        config.write_text(_CONFIG.format(port=self.port, token=TOKEN, password=PASSWORD, virtual_host=VIRTUAL_HOST))
        if self.tls_port is not None:
            key = await self._make_certificate()
            with config.open("a") as file:
                file.write(_TLS_CONFIG.format(port=self.tls_port, certificate=self.certificate, key=key))
        with (self.data_dir / "rabbitmq.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(_SCRIPT),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(config),
                start_new_session=True,
            )
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await self._lets_in():
                assert self._process.returncode is None, (self.data_dir / "rabbitmq.log").read_text()[-2000:]
                await asyncio.sleep(_POLL_S)

    async def _make_certificate(self) -> Path:
        """A certificate of loopback, which vouches for itself. Gives its key."""
        key = self.data_dir / "key.pem"
        openssl = await asyncio.create_subprocess_exec(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=oddswire test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-keyout", str(key), "-out", str(self.certificate)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await openssl.wait() == 0
        return key

    def _environment(self, config: Path) -> dict[str, str]:
        place = str(self.data_dir)
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": place,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_MAX_PORTS": "4096",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{place}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": f"{place}/rabbitmq-env.conf",
            "RABBITMQ_MNESIA_BASE": f"{place}/mnesia",
            "RABBITMQ_LOG_BASE": f"{place}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{place}/enabled_plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{place}/generated",
            "RABBITMQ_PID_FILE": f"{place}/pid",
            "RABBITMQ_FEATURE_FLAGS_FILE": f"{place}/feature_flags",
        }

    async def _lets_in(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        try:
            async with await aio_pika.connect(self.url, timeout=2):
                return True
        except (OSError, AMQPError):
            return False

    async def kill(self) -> None:
        """Ends it as a crash would."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def restart(self) -> None:
        """A crash and a start on the same ports and data."""
        await self.kill()
        await self.start()

    async def stop(self) -> None:
        """Ends it and the epmd it started, which does not go while it believes in a node."""
        await self.kill()
        async with asyncio.timeout(STOP_TIMEOUT_S):
            while not await self._epmd_ended():  # noqa: ASYNC110 the condition lies in another process
                await asyncio.sleep(_POLL_S)

    async def _epmd_ended(self) -> bool:
        epmd = await asyncio.create_subprocess_exec(
            "epmd",
            "-port",
            str(self._epmd_port),
            "-kill",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await epmd.wait()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._epmd_port)
        except OSError:
            return True
        writer.close()
        return False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
