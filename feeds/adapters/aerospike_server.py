"""A local Aerospike server from the `asd` on PATH: for tests and for measuring. The one place that knows its config.

No registry has the server, so no wheel brings it. One node, or several that find each other by mesh; the namespace is
in memory, with times to live. It must never be reached from another machine: it listens on loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path
from typing import NamedTuple

from feeds.adapters.child_server import ChildServer
from feeds.adapters.server import free_port
from feeds.contract.coordination_address import AEROSPIKE_NAMESPACE
from feeds.contract.errors import LogUnavailable

PROGRAM = "asd"

_HOST = "127.0.0.1"
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
  console {{
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


class AerospikeServer(ChildServer):
    """One node as a child process. `async with AerospikeServer(directory=...) as server: ... server.url`.

    A node that was ended or crashed has lost all it held. When it takes connections, its namespace may need a moment.
    """

    name = PROGRAM
    start_timeout_s = 30.0
    failure = LogUnavailable

    def __init__(
        self,
        *,
        directory: Path,
        ports: Ports | None = None,
        mesh: tuple[Ports, ...] = (),
        nsup_period_s: int = _NSUP_PERIOD_S,
    ) -> None:
        """`mesh`: of all nodes of a cluster, this one's among them."""
        super().__init__()
        self.ports = ports or new_ports()
        self._directory = directory
        self._mesh = mesh or (self.ports,)
        self._nsup_period_s = nsup_period_s

    @property
    def url(self) -> str:
        """Its address, as settings write it."""
        return f"aerospike://{_HOST}:{self.ports.service}/{AEROSPIKE_NAMESPACE}"

    @property
    def words(self) -> Path:
        """See ChildServer."""
        return self._directory / "asd.log"

    def prepare(self) -> list[str]:
        """See ChildServer."""
        program = shutil.which(PROGRAM)
        if program is None:
            raise LogUnavailable("there is no asd on PATH")
        return [program, "--foreground", "--config-file", str(self._write_config())]

    async def answers(self) -> bool:
        """See ChildServer."""
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
