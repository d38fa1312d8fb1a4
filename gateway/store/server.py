"""A local PostgreSQL: for a laptop, for tests and for measuring. The one place that knows how it is made and started.

Everything it stores lies in one directory, and every commit is on disk (`fsync` is on). It listens on loopback only,
and asks for a password that stands in a file of ours only (`pgpass`, mode 0600), so that its address is no secret.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from gateway.store.binaries import Binaries, candidates, choose, unprivileged
from gateway.store.errors import NoDatabaseServer

USER = "oddswire"
DATABASE = "postgres"
READY_LINE = r"database system is ready to accept connections$"
"""What a server that serves writes to stderr."""

_HOST = "127.0.0.1"
_INIT_TIMEOUT_S = 60.0
_LEAVE_S = 10.0
_POLL_S = 0.02

_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "fsync": "on",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",  # in the data directory: a kill would leave files in /dev/shm
    "max_wal_size": "2GB",
    "min_wal_size": "512MB",  # files of the log are kept and written again: making one stops every commit
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # compiling costs more than any query here takes
}


def server_url(directory: Path, port: int) -> str:
    """The address of a server in this directory; the password is found by way of it, but does not stand in it."""
    return f"postgresql://{USER}@{_HOST}:{port}/{DATABASE}?passfile={quote(str(directory.resolve() / 'pgpass'))}"


def prepare(directory: Path, *, among: list[Binaries] | None = None) -> list[str]:
    """Makes the database where there is none yet. Gives the command of its server but for the port.

    `among`: the PostgreSQLs to choose from, default all that are here. Raises NoDatabaseServer, OSError.
    """
    data = directory / "data"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    binaries = choose(data, candidates() if among is None else among)
    words = unprivileged(data)
    if not (data / "PG_VERSION").exists():
        _initialise(directory, data, [*words, binaries.program("initdb")])
    _until_left(data.resolve())
    _forget_dead_server(data / "postmaster.pid")
    settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    return [*words, binaries.program("postgres"), "-D", str(data.resolve()), *settings]


def _initialise(directory: Path, data: Path, initdb: list[str]) -> None:
    password = secrets.token_hex(16)
    passfile = directory / "pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text(f"{_HOST}:*:*:{USER}:{password}\n", encoding="ascii")
    reading, writing = os.pipe()
    os.fchown(reading, data.stat().st_uid, -1)  # whom initdb runs as: a file would have to be where that user may read
    os.write(writing, password.encode() + b"\n")
    os.close(writing)
    options = ["--auth=scram-sha-256", f"--pwfile=/dev/fd/{reading}", "--encoding=UTF8", "--locale=C"]
    try:
        subprocess.run(
            [*initdb, "-D", str(data), "-U", USER, *options, "--no-instructions", "--no-sync"],
            capture_output=True,
            check=True,
            pass_fds=(reading,),
            text=True,
            timeout=_INIT_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        shutil.rmtree(data)
        raise NoDatabaseServer(f"{directory}: initdb: {error.stderr.strip()[-500:]}") from error
    except subprocess.TimeoutExpired as error:
        shutil.rmtree(data)
        raise NoDatabaseServer(f"{directory}: initdb did not end within {_INIT_TIMEOUT_S:g} s") from error
    finally:
        os.close(reading)


def _until_left(data: Path) -> None:
    """A killed server takes a moment to lose its children; the next does not start while they use its memory."""
    deadline_s = time.monotonic() + _LEAVE_S
    while time.monotonic() < deadline_s and any(_works_in(process, data) for process in Path("/proc").glob("[0-9]*")):
        time.sleep(_POLL_S)


def _works_in(process: Path, data: Path) -> bool:
    try:
        return (process / "cwd").readlink() == data and (process / "comm").read_text() == "postgres\n"
    except OSError:  # it has ended, or is another user's
        return False


def _forget_dead_server(note: Path) -> None:
    """A killed server leaves its number; should another program have that number now, the next one would not start."""
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(note.read_text().splitlines()[0])
        try:
            name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            name = ""
        if name != "postgres":
            note.unlink()


def replace_process(*, port: int, directory: Path) -> None:
    """This process becomes a PostgreSQL server; returns only by raising (OSError, NoDatabaseServer)."""
    command = prepare(directory)
    os.execv(command[0], [*command, "-p", str(port)])  # noqa: S606
