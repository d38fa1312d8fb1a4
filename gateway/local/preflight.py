"""What is looked at before a stack starts: the recording, the ports, servers given by address. Starts nothing."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from pathlib import Path

from gateway.local.errors import CannotStart
from gateway.local.plan import (
    NATS_PORTS_FROM,
    POSTGRES_PORTS_FROM,
    Ports,
    database_address,
    nats_address,
    recording_of,
    reserved_ports,
    wanted_parts,
)
from gateway.local.settings import UpSettings

PORTS_TRIED = 100
ANSWER_S = 3.0

COORDINATION_ON_NATS = "nats:"
"""It answers as soon as the nats-server does, which may not have been started yet."""

_PREFIX = "feeds: coordination: Value error, "

COORDINATION_S = 30.0
"""Telling whether it answers takes less."""


def check_input(settings: UpSettings) -> None:
    """Raises CannotStart for what can be told from the settings, the recording and the coordination they name."""
    if "feeds" in wanted_parts(settings):
        _check_recording(recording_of(settings.feed))
    if settings.nats:
        nats_address(settings.nats)
    if settings.database:
        database_address(settings.database)
    if settings.coordination != COORDINATION_ON_NATS:
        _check_coordination(settings.coordination)


def check_network(settings: UpSettings) -> Ports:
    """Raises CannotStart for a busy port and an absent server. Gives the ports for servers of our own."""
    for port, part in reserved_ports(settings).items():
        _check_port(settings.host, port, part)
    if settings.nats:
        _check_nats(settings.nats)
    if settings.database:
        _check_database(settings.database)
    return Ports(
        nats=_free_port(settings.port + NATS_PORTS_FROM, "nats-server"),
        postgres=_free_port(settings.port + POSTGRES_PORTS_FROM, "PostgreSQL"),
    )


def _check_recording(file: str | None) -> None:
    if file is None:
        return
    try:
        with Path(file).open("rb") as recording:
            recording.read(1)
    except OSError as error:
        raise CannotStart(f"recording {file}: {error.strerror}") from error


def _check_port(host: str, port: int, part: str) -> None:
    try:
        _bind(host, port)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotStart(f"--host {host}: not the name or address of a host") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {port} on {host}, for {part}, is busy; choose others with --port") from error
        raise CannotStart(f"port {port} on {host}, for {part}: {error.strerror}") from error


def _check_nats(url: str) -> None:
    host, port = nats_address(url)
    try:
        with socket.create_connection((host, port), timeout=ANSWER_S) as connection:
            greeting = connection.recv(5)
    except (OSError, UnicodeError) as error:
        raise CannotStart(f"no nats-server at {host}:{port}: {getattr(error, 'strerror', None) or error}") from error
    if greeting != b"INFO ":
        raise CannotStart(f"what answers at {host}:{port} is not a nats-server")


def _check_database(url: str) -> None:
    host, port = database_address(url)
    try:
        socket.create_connection((host, port), timeout=ANSWER_S).close()
    except (OSError, UnicodeError) as error:
        raise CannotStart(f"no PostgreSQL at {host}:{port}: {getattr(error, 'strerror', None) or error}") from error


def _check_coordination(url: str) -> None:
    """By the feeds' own command, which knows such addresses and has what they need."""
    command = [sys.executable, "-P", "-m", "feeds", "coordination", "--coordination", url]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=COORDINATION_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise CannotStart(f"--coordination: no answer within {COORDINATION_S:g} s") from error
    if told.returncode != 0:
        lines = told.stderr.strip().splitlines() or ["it failed"]
        raise CannotStart(f"--coordination: {lines[-1].removeprefix(_PREFIX).removeprefix('feeds: ')}")


def _free_port(first: int, server: str) -> int:
    for port in range(first, first + PORTS_TRIED):
        try:
            _bind("127.0.0.1", port)
        except OSError:
            continue
        return port
    raise CannotStart(f"no free port for {server} from {first} to {first + PORTS_TRIED - 1}")


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
