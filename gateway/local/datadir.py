"""The data directory of a local stack: its lock, its logs, and the note by which other commands find it.

    lock          held by the running `up`; the kernel frees it whatever becomes of that process
    stack.json    {"pid": 4711, "nats": "nats://127.0.0.1:8200", "database": "postgresql://...", "streams":
                  ["ws://127.0.0.1:8100/v1/stream", ...]} while the stack is ready
    logs/NAME.log what a part writes, with NAME.log.1 before it
    access/       the development keys, for their owner's eyes
    nats/         the log of odds, kept from run to run
    pg/           the database, likewise, and in pgpass its password

Nothing of a stack is ever written outside it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from gateway.local.errors import CannotStart

LOG_BYTES_MAX = 10_000_000
"""A part's log starts anew beyond this; one older file is kept."""

_TAIL_BYTES = 16_384


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Makes the directory and holds it for this process. Raises CannotStart if it cannot, or another `up` does."""
    try:
        (data_dir / "logs").mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "lock").open("a+", encoding="ascii")
    except OSError as error:
        raise CannotStart(f"data dir {data_dir}: {error.strerror}; choose another with --data-dir") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read(20).strip()
            raise CannotStart(f"data dir {data_dir} is in use by `oddswire up`, process {holder}") from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def announced(data_dir: Path, streams: Sequence[str], *, nats_url: str, database_url: str = "") -> Iterator[None]:
    """Says where the stack is reached, for as long as it is."""
    note = data_dir / "stack.json"
    note.write_bytes(
        orjson.dumps({"pid": os.getpid(), "nats": nats_url, "streams": list(streams), "database": database_url})
    )
    note.chmod(0o600)  # the address of a database that was given may hold a password
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def announced_streams(data_dir: Path) -> list[str]:
    """Stream addresses of the stack running on this data directory; none if there is none."""
    streams = _announced(data_dir).get("streams")
    return [str(stream) for stream in streams] if isinstance(streams, list) else []


def announced_nats(data_dir: Path) -> str:
    """The nats-server of the stack running on this data directory; empty if there is none."""
    return str(_announced(data_dir).get("nats", ""))


def announced_database(data_dir: Path) -> str:
    """The database of the stack running on this data directory; empty if there is none."""
    return str(_announced(data_dir).get("database", ""))


def _announced(data_dir: Path) -> dict[str, object]:
    """The note of a stack that runs."""
    try:
        note: dict[str, object] = orjson.loads((data_dir / "stack.json").read_bytes())
        os.kill(note["pid"], 0)  # type: ignore[arg-type]  # whatever stands there
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return note


class PartLog:
    """The log file of one part: what its processes write, bounded by starting anew."""

    def __init__(self, data_dir: Path, name: str) -> None:
        self.path = data_dir / "logs" / f"{name}.log"
        self._begin()

    def write(self, data: bytes) -> None:
        """Appends. A full disk loses log lines, never the part."""
        with suppress(OSError):
            self._file.write(data)
            if self._file.tell() > LOG_BYTES_MAX:
                self._file.close()
                self._begin()

    def close(self) -> None:
        """No more is written."""
        self._file.close()

    def _begin(self) -> None:
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".log.1"))
        self._file = self.path.open("wb", buffering=0)


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log; none if it cannot be read."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-lines:]
    return []
