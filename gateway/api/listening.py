"""Granian on a port, and where that is."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket

from granian.constants import HTTPModes, Interfaces, TaskImpl
from granian.http import HTTP1Settings
from granian.server.embed import Server

from gateway.api.edge import App

POLL_S = 0.02
_BACKLOG = 4_096
_HEADER_READ_MS = 10_000
"""A request head that is not whole by then ends its connection."""


def granian(app: App, host: str, port: int) -> Server:
    """The server, not begun."""
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        task_impl=TaskImpl.rust,  # no asyncio task for each request: see Reads.ahead
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_READ_MS),
        log_enabled=False,
    )


def unregister_placeholders() -> None:
    """Granian's scheduler registers a task that was never begun, and stands for all requests; whoever lists all tasks,
    as asyncio does at the end, fails on it. This touches internals of the pinned 2.8 series; from Python 3.12 on there
    is no such scheduler."""
    for task in tuple(asyncio.tasks._all_tasks):  # type: ignore[attr-defined]  # noqa: SLF001
        if type(task).__module__.startswith("granian."):
            asyncio._unregister_task(task)  # noqa: SLF001 documented, for who brings tasks of his own


async def listening(host: str, port: int) -> None:
    """Waits until something takes connections there."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(_reachable(host), port)
            writer.close()
            return
        await asyncio.sleep(POLL_S)


def check_port(host: str, port: int) -> None:
    """Granian would share a port with another gateway and say nothing. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            word = "is busy" if error.errno == errno.EADDRINUSE else error.strerror
            raise OSError(f"port {port} on {host} {word}") from error


def free_port(host: str) -> int:
    """One that nobody listens on at this moment."""
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def address_of(host: str, port: int) -> str:
    """Where it is reached."""
    reachable = _reachable(host)
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}"
