"""Granian on a port, and where that is.

Granian parses HTTP in a thread of its own and hands each request to a scheduler of ours, in place of its own, which
begins a task or a coroutine for each. Ours lets the loop take all that came meanwhile in one turn, each by one plain
call: measured, a third of what a request costs. This uses internals of the pinned 2.8 series: CallbackScheduler, and
that whoever calls it has `scope` and `proto`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from granian._granian import CallbackScheduler, ListenerSpec, RSGIWorker, WorkerSignal
from granian.http import HTTP1Settings

from gateway.api.rsgi import Answering, Asked

POLL_S = 0.02
_BACKLOG = 4_096
CONNECTIONS_MAX = 4_096
"""At once; further ones wait in the backlog."""

_HEADER_READ_MS = 10_000
"""A request head that is not whole by then ends its connection."""

Take = Callable[[Asked, Answering], None]
"""Takes a request; it does not wait."""


def finish_turns() -> None:
    """Has the threads of this process not interrupt each other as they wake (sched(7), SCHED_BATCH).

    Each answer wakes the thread that sends it, which would take the core from the loop, to no avail: it waits for the
    loop's lock a moment later. So the loop answers all that is there first. Where a sandbox forbids it, reads cost
    more.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except PermissionError as error:
        structlog.get_logger().warning("threads_interrupt_turns", error=str(error))


class Server:
    """Granian, which gives all requests to `take`, in the loop. `serve` until `stop`."""

    def __init__(self, take: Take, host: str, port: int) -> None:
        self._take = take
        self._where = (host, port)
        self._signal = WorkerSignal()

    async def serve(self) -> None:
        """Until stopped, and what was asked before is answered. Raises OSError where the port cannot be had."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        self._signal.add_cb(lambda: loop.call_soon_threadsafe(ended.set_result, None))
        scheduler = CallbackScheduler(loop, None, None, None, None)  # type: ignore[call-arg]
        scheduler._schedule_fn = _Inbox(loop, self._take).put  # type: ignore[attr-defined]  # noqa: SLF001
        worker = RSGIWorker(  # type: ignore[call-arg]  # the stub is behind
            1,
            (None, ListenerSpec(*self._where, _BACKLOG).build()),
            None,  # type: ignore[arg-type]
            backpressure=CONNECTIONS_MAX,
            http_mode="1",
            http1_opts=HTTP1Settings(header_read_timeout=_HEADER_READ_MS),
        )
        worker.serve_async(scheduler, loop, self._signal)  # type: ignore[attr-defined]
        await ended

    def stop(self) -> None:
        """No further connections, and none is kept alive."""
        self._signal.set()


class _Inbox:
    """Requests on their way from Granian's thread into the loop: as many as connections, each brings one at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Take) -> None:
        self._loop = loop
        self._take = take
        self._waiting: deque[Any] = deque()
        self._called = False

    def put(self, request: Any) -> None:
        """In Granian's thread, of which there is one."""
        self._waiting.append(request)
        if not self._called:
            self._called = True
            self._loop.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        """Those that are here now. What comes meanwhile calls anew: the order of these two lines loses none."""
        self._called = False
        here = len(self._waiting)
        try:
            for _ in range(here):
                request = self._waiting.popleft()
                self._take(request.scope, request.proto)
        finally:
            if self._waiting and not self._called:  # one failed, which the loop reports: not the others' fault
                self._called = True
                self._loop.call_soon(self._turn)


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
