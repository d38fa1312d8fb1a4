"""The servers of a cluster: three nats-servers that replicate, PostgreSQL with a standby that has every commit.

What Kubernetes' charts would configure is configured here; the programs are those of `oddswire up`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import asyncpg

from bench.processes import Program
from bench.rehearsal.network import Host
from bench.scenario import CannotMeasure
from feeds.adapters.server import binary
from gateway.store.binaries import candidates, choose, unprivileged
from gateway.store.server import DATABASE, READY_LINE, USER, prepare

NATS_PORT, ROUTES_PORT, POSTGRES_PORT = 4222, 6222, 5432

_BECOME = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
"""A program that is no Python, started as the others are."""

_STANDBY_READY = r"started streaming WAL from primary"
_BACKUP_S = 120.0
_PROMOTED_S = 30.0
_LET_IN = "host {what} {user} samenet scram-sha-256\n"


def nats_urls(hosts: Sequence[Host]) -> str:
    """What clients are told: all of them."""
    return ",".join(f"nats://{host.address}:{NATS_PORT}" for host in hosts)


def nats(host: Host, hosts: Sequence[Host], place: Path) -> Program:
    """One of the three."""
    store = place / host.name
    store.mkdir(parents=True, exist_ok=True)
    routes = [f"nats://{other.address}:{ROUTES_PORT}" for other in hosts if other is not host]
    config = store / "nats-server.conf"
    config.write_text(
        f"listen: {host.address}:{NATS_PORT}\nserver_name: {host.name}\n"
        f"jetstream {{ store_dir: {json.dumps(str(store))} }}\n"
        f"cluster {{ name: rehearsal, listen: {host.address}:{ROUTES_PORT}, routes: {json.dumps(routes)} }}\n"
    )
    words = ("-c", _BECOME, str(binary()), "-c", str(config))
    return Program(host.name, words, r"Server is ready$", before=host.before)


class Databases:
    """Two hosts, of which one takes writes. `url` finds whichever does."""

    def __init__(self, first: Host, second: Host, place: Path) -> None:
        self.primary, self.standby = first, second
        self._place = place
        self._passfile = place / "clients.pgpass"

    @property
    def url(self) -> str:
        """Of both: the driver asks each whether it takes writes."""
        hosts = ",".join(f"{host.address}:{POSTGRES_PORT}" for host in (self.primary, self.standby))
        return f"postgresql://{USER}@{hosts}/{DATABASE}?target_session_attrs=read-write&passfile={quote(str(self._passfile))}"

    def make(self) -> None:
        """The primary's files, and who may come in. Raises NoDatabaseServer, OSError."""
        self._command = prepare(self._place / self.primary.name)
        password = (self._place / self.primary.name / "pgpass").read_text().strip().rpartition(":")[2]
        self._passfile.touch(mode=0o600)
        self._passfile.write_text(f"*:*:*:{USER}:{password}\n")
        with (self._data(self.primary) / "pg_hba.conf").open("a") as file:
            file.write(_LET_IN.format(what="all", user=USER) + _LET_IN.format(what="replication", user=USER))

    def program(self, host: Host) -> Program:
        """The server on a host, as what its files say it is. A commit is told once the standby has it, too."""
        data = str(self._data(host).resolve())
        words = list(self._command)
        words[words.index("-D") + 1] = data
        settings = {
            "listen_addresses": host.address,
            "port": POSTGRES_PORT,
            "track_commit_timestamp": "on",
            "wal_keep_size": "256MB",
            "wal_receiver_timeout": "5s",
            "wal_sender_timeout": "5s",
        }
        words += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        ready = _STANDBY_READY if (self._data(host) / "standby.signal").exists() else READY_LINE
        return Program(host.name, ("-c", _BECOME, *words), ready, end_signal=signal.SIGINT, before=host.before)

    async def clone(self) -> None:
        """The standby's files, from the primary, which runs. Raises CannotMeasure."""
        data = self._data(self.standby)
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True, mode=0o700)
        backup = choose(self._data(self.primary), candidates()).program("pg_basebackup")
        source = f"host={self.primary.address} port={POSTGRES_PORT} user={USER} passfile={self._passfile}"
        words = [
            *self.standby.before,
            *unprivileged(data),
            backup,
            "-D",
            str(data),
            "-d",
            source,
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        ]
        done = await asyncio.to_thread(
            subprocess.run, words, capture_output=True, text=True, timeout=_BACKUP_S, check=False, env=os.environ
        )
        if done.returncode != 0:
            raise CannotMeasure(f"pg_basebackup: {done.stderr[-500:]}")

    async def promote(self) -> None:
        """The standby takes writes, and waits for no other. Raises OSError, asyncpg.PostgresError."""
        connection = await self._connected(self.standby)
        try:
            await connection.execute(f"SELECT pg_promote(TRUE, {_PROMOTED_S:.0f})")
        finally:
            await connection.close()
        self.primary, self.standby = self.standby, self.primary
        await self.wait_for_standby(False)

    async def wait_for_standby(self, wanted: bool) -> None:
        """Whether commits wait for the standby from now on: what an operator says once one is lost, or is back."""
        connection = await self._connected(self.primary)
        try:
            names = "*" if wanted else ""
            await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()

    async def _connected(self, host: Host) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=host.address,
            port=POSTGRES_PORT,
            user=USER,
            database=DATABASE,
            passfile=str(self._passfile),
            timeout=10,
        )

    def _data(self, host: Host) -> Path:
        return self._place / host.name / "data"
