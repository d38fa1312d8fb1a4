"""A local Aerospike server from the `asd` on PATH: for tests and for measuring. The one place that knows its config.

No registry has the server, so no wheel brings it. One node, or several that find each other by mesh; the namespace is
in memory, with times to live. It must never be reached from another machine: it listens on loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from feeds.adapters.server import free_port
from feeds.contract.coordination_address import AEROSPIKE_NAMESPACE
from feeds.contract.errors import LogUnavailable

PROGRAM = "asd"

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.02
_NSUP_PERIOD_S = 1
"""How often records that have ended are removed. Any other than 0 lets records have a time to live."""

_CONFIG = """\
service {{
  cluster-name oddswire
  node-id {node_id:x}
  work-directory {directory}
  pidfile {directory}/asd.pid
  run-as-daemon false
  proto-fd-max 1024
}}
logging {{
  file {directory}/asd.log {{
    context any info
  }}
}}
mod-lua {{
  user-path {directory}/lua
}}
network {{
  service {{
    address {host}
    access-address {host}
    port {ports.service}
  }}
  admin {{
    address {host}
    port {ports.admin}
  }}
  fabric {{
    address {host}
    port {ports.fabric}
  }}
  heartbeat {{
    mode mesh
    address {host}
    port {ports.mesh}
{seeds}    interval 150
    timeout 10
  }}
}}
namespace {namespace} {{
  replication-factor {copies}
  default-ttl 0
  nsup-period {nsup_period_s}
  conflict-resolution-policy last-update-time
  storage-engine memory {{
    data-size 512M
  }}
}}
"""


class Ports(NamedTuple):
    """Of one node."""

    service: int
    admin: int
    fabric: int
    mesh: int


def new_ports() -> Ports:
    """Free ones."""
    found: set[int] = set()
    while len(found) < len(Ports._fields):
        found.add(free_port())
    return Ports(*found)


def installed() -> bool:
    """Whether there is an `asd` on PATH."""
    return shutil.which(PROGRAM) is not None


class AerospikeServer:
    """One node as a child process, of no event loop in particular.

    `async with AerospikeServer(directory=...) as server: ... server.url`.
    """

    def __init__(
        self,
        *,
        directory: Path,
        ports: Ports | None = None,
        mesh: tuple[Ports, ...] = (),
        nsup_period_s: int = _NSUP_PERIOD_S,
    ) -> None:
        """`mesh`: of all nodes of a cluster, this one's among them."""
        self.ports = ports or new_ports()
        self._directory = directory
        self._mesh = mesh or (self.ports,)
        self._nsup_period_s = nsup_period_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, as settings write it."""
        return f"aerospike://{_HOST}:{self.ports.service}/{AEROSPIKE_NAMESPACE}"

    async def start(self) -> None:
        """Starts it, and waits until it takes connections; its namespace may need a moment more. Raises
        LogUnavailable with its words."""
        config = await asyncio.to_thread(self._write_config)
        program = shutil.which(PROGRAM)
        if program is None:
            raise LogUnavailable("there is no asd on PATH")
        self._process = await asyncio.to_thread(
            subprocess.Popen,
            [program, "--foreground", "--config-file", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while not await self._answers():
                    if self._process.poll() is not None:
                        raise LogUnavailable(f"asd ended: {self._last_words()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await self.kill()
            raise LogUnavailable(f"asd does not answer: {self._last_words()}") from None

    async def stop(self) -> None:
        """Ends it properly."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Ends it as a crash would; all it held is lost."""
        await self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """It holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was frozen."""
        self._signal(signal.SIGCONT)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(_HOST, self.ports.service)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    def _write_config(self) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        for name in ("smd", "lua"):
            (self._directory / name).mkdir(exist_ok=True)
        others = [ports for ports in self._mesh if ports != self.ports]
        path = self._directory / "aerospike.conf"
        path.write_text(
            _CONFIG.format(
                host=_HOST,
                node_id=self.ports.service,
                directory=self._directory.resolve(),
                ports=self.ports,
                seeds="".join(f"    mesh-seed-address-port {_HOST} {ports.mesh}\n" for ports in others),
                namespace=AEROSPIKE_NAMESPACE,
                copies=min(2, len(self._mesh)),
                nsup_period_s=self._nsup_period_s,
            )
        )
        return path

    def _last_words(self) -> str:
        path = self._directory / "asd.log"
        lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
        return " / ".join(lines[-3:]) or "it said nothing"

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            await asyncio.to_thread(process.wait, _STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

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
