"""The real line on this machine: nats-server, a simulated feed and shards, as the processes they are in production.

A shard is what is measured, so it has a core to itself where there are enough; everything else shares the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from bench.processes import Child, Cores, Program, running
from bench.scenario import CannotMeasure, Tell
from bench.swarm import READ_EVERY, Address

_HOST = "127.0.0.1"
_MEMORY_DIR = Path("/dev/shm")  # noqa: S108 the log of a measurement is meant to be gone afterwards
LOG_DIR = str(_MEMORY_DIR) if _MEMORY_DIR.is_dir() else ""
"""Where nats-server keeps its log unless told otherwise: in memory where that can be, the shard is measured and not a
disk. Empty: the system's own temporary directory."""

_PAGE_S = 10.0

_TAKES_ALL = {"ODDSWIRE_FANOUT_ADMISSION_LAG_MS": "60000"}
_NO_DRAIN = {"ODDSWIRE_FANOUT_DRAIN_WINDOW_S": "0", "ODDSWIRE_FANOUT_DRAIN_DEADLINE_S": "0"}
"""The devices are ours: at the end nobody has to be told to move."""


class LineLoad(NamedTuple):
    """What a line is to carry: `rate` updates a second over `events` events, to `sockets` devices of each shard.

    `log_dir`: where nats-server keeps the log meanwhile, empty for the system's own temporary directory. `log_age_s`:
    how long the log keeps a record. `refuses`: a shard that is late takes no more devices, as it does elsewhere; False
    where it is to have them all, and the question is how late it is then.
    """

    events: int
    rate: int
    sockets: int
    log_dir: str
    shards: int = 1
    log_age_s: int = 21_600
    refuses: bool = True


class Served(NamedTuple):
    """A shard: its process, and where devices connect."""

    child: Child
    address: Address


class Line(NamedTuple):
    """Its processes. `shard` and `address` are of the first shard, which most measure alone."""

    nats: Child
    feed: Child
    shards: tuple[Served, ...]

    @property
    def shard(self) -> Child:
        """The process that is measured."""
        return self.shards[0].child

    @property
    def address(self) -> Address:
        """Where devices connect."""
        return self.shards[0].address

    @property
    def children(self) -> tuple[Child, ...]:
        """In the order of the flow."""
        return (self.nats, self.feed, *(shard.child for shard in self.shards))

    def check(self) -> None:
        """Raises CannotMeasure if any of them has ended."""
        for part in self.children:
            part.check()

    async def metrics(self) -> dict[str, float]:
        """The first shard's own numbers now, by the name of the sample."""
        return await metrics_of(self.address)


@contextlib.asynccontextmanager
async def running_line(cores: Cores, tell: Tell, load: LineLoad) -> AsyncIterator[Line]:
    """A line under this load. Raises CannotMeasure, OSError."""
    nats_port = free_port()
    nats_url = f"nats://{_HOST}:{nats_port}"
    async with contextlib.AsyncExitStack() as stack:
        place = stack.enter_context(log_place(load.log_dir))
        nats = await stack.enter_async_context(running(nats_program(nats_port, place), cores.beside))
        feed = await stack.enter_async_context(running(_feed(nats_url, load), cores.beside))
        shards = [
            await stack.enter_async_context(_running_shard(number, nats_url, load, cores))
            for number in range(load.shards)
        ]
        line = Line(nats, feed, tuple(shards))
        tell(", ".join(f"{part.name} pid {part.pid} on cores {part.cores}" for part in line.children))
        yield line


@contextlib.asynccontextmanager
async def _running_shard(number: int, nats_url: str, load: LineLoad, cores: Cores) -> AsyncIterator[Served]:
    """Each on one of the measured cores, in turn."""
    port, measured = free_port(), sorted(cores.measured)
    settings = _log_age(load) | ({} if load.refuses else _TAKES_ALL)
    program = shard_program(nats_url, port, load.sockets, name=f"fanout-{number + 1}", settings=settings)
    async with running(program, {measured[number % len(measured)]}) as child:
        yield Served(child, Address(_HOST, port))


@contextlib.contextmanager
def log_place(parent: str) -> Iterator[Path]:
    """A directory within `parent` (empty: the system's own temporary directory) that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=parent or None) as place:
        yield Path(place)


def nats_program(port: int, place: Path) -> Program:
    """nats-server with its log in this place."""
    words = ("-m", "feeds", "nats", "--port", str(port), "--data-dir", str(place / "nats"))
    return Program("nats", words, r"Server is ready$")


def _feed(nats_url: str, load: LineLoad) -> Program:
    what = ("--provider", "simulator", "--events", str(load.events), "--rate", str(load.rate))
    return Program("feed", ("-m", "feeds", "run", *what, "--nats", nats_url), r"^feed \S+ ready$", _log_age(load))


def _log_age(load: LineLoad) -> dict[str, str]:
    return {"ODDSWIRE_LOG_AGE_S": str(load.log_age_s)}


def shard_program(
    nats_url: str, port: int, sockets: int, *, name: str = "fanout-1", settings: Mapping[str, str] | None = None
) -> Program:
    """A shard with room for so many sockets, and further settings by their variables."""
    words = ("-m", "fanout", "run", "--name", name, "--host", _HOST, "--port", str(port), "--nats", nats_url)
    room = {"ODDSWIRE_FANOUT_SOCKETS": str(sockets + sockets // READ_EVERY + 200)}  # and witnesses
    return Program(name, words, rf"^{name} ready$", _NO_DRAIN | room | dict(settings or {}))


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def metrics_of(address: Address) -> dict[str, float]:
    """A process's own numbers now, summed over labels, by the name of the sample. Raises CannotMeasure."""
    page = await asyncio.to_thread(_page, address, "/metrics")
    totals: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return totals


def _page(address: Address, path: str) -> str:
    connection = http.client.HTTPConnection(*address, timeout=_PAGE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise CannotMeasure(f"{path} of {address.host}:{address.port}: {error}") from error
    finally:
        connection.close()
