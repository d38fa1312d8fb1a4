"""Several workers on one port: each a process with a book of its own; the kernel deals connections out among them.

The first process serves nothing. It starts the workers, starts again what dies, and ends them all. Metrics stay apart:
whichever worker is asked for /metrics asks the others through a directory of Unix sockets, and tells all, by `worker`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from gateway.local import child
from gateway.local.restarts import Restarts

log = structlog.get_logger(__name__)

READY = "gateway ready "
"""Beginning of the line that a worker says once it serves."""

END_S = 8.0
"""Between SIGTERM and SIGKILL, for all workers at once."""

ASK_S = 1.0
"""A worker that does not tell its metrics within this is left out."""

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2
"""Of a worker that refuses its settings: starting it again would change nothing."""

TEXT_BYTES_MAX = 4_194_304

TEMP_CHARS_MAX = 60
"""A socket's address has 107 bytes (unix(7)): where the directory for temporary files is deeper, /tmp is taken."""


class Member(NamedTuple):
    """Which worker this is, from 1, and where all of them have their sockets. 0: there are no others."""

    number: int = 0
    directory: Path = Path()


ALONE = Member()


class WorkerMetrics:
    """The metrics of one worker, and through it of all."""

    def __init__(self, registry: CollectorRegistry, member: Member) -> None:
        self._registry = registry
        self._member = member

    async def told(self) -> bytes:
        """Prometheus text format 0.0.4: of all workers, by `worker`, where there are several."""
        if not self._member.number:
            return generate_latest(self._registry)
        others = [place for place in self._member.directory.glob("*.sock") if place != self._socket]
        texts = await asyncio.gather(*map(_asked, others))
        told = {place.stem: text for place, text in zip(others, texts) if text}
        return merged({**told, str(self._member.number): generate_latest(self._registry).decode()})

    @contextlib.asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Others may ask within this context. A worker of the same number that died is replaced."""
        if not self._member.number:
            yield
            return
        self._socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._tell, self._socket)
        async with server:
            yield

    @property
    def _socket(self) -> Path:
        return self._member.directory / f"{self._member.number}.sock"

    async def _tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(generate_latest(self._registry))
            await writer.drain()
        writer.close()


async def _asked(place: Path) -> str:
    """What one worker tells; empty where it does not."""
    try:
        async with asyncio.timeout(ASK_S):
            reader, writer = await asyncio.open_unix_connection(place)
            try:
                await reader.readexactly(TEXT_BYTES_MAX)
            except asyncio.IncompleteReadError as whole:
                return whole.partial.decode()
            finally:
                writer.close()
            return ""  # more than there can be
    except (OSError, TimeoutError):
        return ""


def merged(texts: Mapping[str, str]) -> bytes:
    """One text of several, every sample labelled with whose it is."""
    families: dict[str, Metric] = {}
    for worker, text in sorted(texts.items()):
        for family in text_string_to_metric_families(text):
            metric = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            metric.samples += [one._replace(labels={"worker": worker, **one.labels}) for one in family.samples]
    told = GaugeMetricFamily("oddswire_gateway_workers", "Workers whose metrics these are.", value=len(texts))
    registry = CollectorRegistry()
    registry.register(_Kept([*families.values(), told]))
    return generate_latest(registry)


class _Kept(Collector):
    """Metrics that are there already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        """They."""
        return self._metrics


class Crew:
    """The workers, as the first process sees them. `environment` is theirs beside its own."""

    def __init__(self, workers: int, address: str, environment: Mapping[str, str]) -> None:
        self._workers = workers
        self._address = address
        self._environment = environment
        self._ready: set[int] = set()
        self._running: set[asyncio.subprocess.Process] = set()

    async def run(self) -> int:
        """Until it is cancelled, which ends all workers; or until one is given up: 1 if it died too often, 2 if it
        refuses what it was given."""
        place = "/tmp" if len(tempfile.gettempdir()) > TEMP_CHARS_MAX else None  # noqa: S108 a directory of its own in it
        with tempfile.TemporaryDirectory(prefix="oddswire-workers-", dir=place) as directory:
            keeping = [asyncio.ensure_future(self._keep(n, directory)) for n in range(1, self._workers + 1)]
            try:
                done, _ = await asyncio.wait(keeping, return_when=asyncio.FIRST_COMPLETED)
                return done.pop().result()
            finally:
                for one in keeping:
                    one.cancel()
                await self._end()
                await asyncio.wait(keeping)

    async def _keep(self, number: int, directory: str) -> int:
        restarts = Restarts()
        while True:
            status = await self._live(number, directory)
            self._ready.discard(number)
            wait_s = None if status == EXIT_BAD_INPUT else restarts.died(time.monotonic())
            log.error("worker_died", worker=number, status=status, again_in_s=wait_s)
            if wait_s is None:
                return EXIT_BAD_INPUT if status == EXIT_BAD_INPUT else EXIT_FAILED
            await asyncio.sleep(wait_s)

    async def _live(self, number: int, directory: str) -> int:
        """One life of a worker; gives its exit status."""
        words = ("-m", "gateway", "serve", "--worker", str(number), "--worker-directory", directory)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-IS", child.__file__, str(os.getpid()), sys.executable, "-P", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self._environment, "PYTHONUNBUFFERED": "1"},
        )
        self._running.add(process)
        assert process.stdout is not None
        async for line in process.stdout:
            if line.decode(errors="replace").startswith(READY):
                self._is_ready(number)
        status = await process.wait()
        self._running.discard(process)
        return status

    def _is_ready(self, number: int) -> None:
        was_whole = len(self._ready) == self._workers
        self._ready.add(number)
        log.info("worker_ready", worker=number)
        if len(self._ready) == self._workers and not was_whole:
            print(f"{READY}{self._address}", flush=True)

    async def _end(self) -> None:
        """SIGTERM for all, SIGKILL for who takes too long."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            ending = [one for one in self._running if one.returncode is None]
            if not ending:
                return
            for one in ending:
                with contextlib.suppress(ProcessLookupError):
                    one.send_signal(number)
            await asyncio.wait([asyncio.ensure_future(one.wait()) for one in ending], timeout=END_S)
