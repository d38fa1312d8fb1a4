"""The whole stack that a scenario puts under load: one that `oddswire up` runs here for that time, or one that runs.

Of one that runs here, `--data-dir` tells the rest, as it does to every other command; of one elsewhere `--nats` and
`--database` do. What is not known is not measured, and said so. Its processes are watched where they are our own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import psutil

from bench.processes import Program, running
from bench.recording import recording
from bench.scenario import CannotMeasure, Tell
from bench.swarm import Address
from gateway.local.datadir import announced_database, announced_nats, announced_streams
from gateway.local.plan import NATS_PORTS_FROM, POSTGRES_PORTS_FROM, SHARD_PORTS_FROM

HOST = "127.0.0.1"
PAGES_MAX = 50
_ODDSWIRE = Path(sys.executable).with_name("oddswire")
_PORTS_FROM, _PORTS_TO = 12_000, 30_000
_ANSWER_S = 10.0
_SERVING_S = 60.0
_LOOK_S = 0.1


class Wanted(NamedTuple):
    """A stack to be started: its size, where it keeps its log and its database, and settings of its parts."""

    shards: int
    events: int
    rate: int
    place: str
    settings: Mapping[str, str] = {}
    parts: str = "nats,feeds,fanout,postgres,archive,news,settler,gateway"


class Stack(NamedTuple):
    """Where it is. `pids`: its processes by name, where they are of this machine and our own."""

    gateway: Address
    streams: tuple[Address, ...]
    nats_url: str
    database_url: str
    data_dir: Path | None
    pids: Mapping[str, int]

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://{self.gateway.host}:{self.gateway.port}"

    def pid(self, name: str) -> int | None:
        """Of one process, None where that is not ours."""
        return self.pids.get(name)


@contextlib.asynccontextmanager
async def stack_of(options: argparse.Namespace, wanted: Wanted, tell: Tell) -> AsyncIterator[Stack]:
    """The target, or a stack that is gone afterwards. Raises CannotMeasure."""
    if options.target is not None:
        stack = await _target(options)
        tell(f"{stack.url} runs already, {len(stack.streams)} shards")
        yield stack
        return
    with tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=wanted.place or None) as name:
        async with _started(wanted, Path(name)) as stack:
            tell(", ".join(f"{part} pid {pid}" for part, pid in stack.pids.items()))
            yield stack


async def _target(options: argparse.Namespace) -> Stack:
    parts = urlsplit(options.target)
    gateway = Address(str(parts.hostname), parts.port or 80)
    data_dir: Path | None = options.data_dir
    announced = [] if data_dir is None else announced_streams(data_dir)
    streams = [address_of(url) for url in announced or await _shards(options.target)]
    nats_url = options.nats or ("" if data_dir is None else announced_nats(data_dir))
    database_url = options.database or ("" if data_dir is None else announced_database(data_dir))
    return Stack(gateway, tuple(streams), nats_url, database_url, data_dir, {})


async def _shards(url: str) -> list[str]:
    """The shards that the gateway sends devices to."""
    told = (await asked(url, "/v1/stream/endpoint")).json()
    return [told["url"], *(other["url"] for other in told["alternates"])]


async def asked(url: str, path: str, *, or_gone: bool = False) -> httpx.Response:
    """One answer of the gateway, 404 only where that may be. Raises CannotMeasure."""
    try:
        async with httpx.AsyncClient(base_url=url, timeout=_ANSWER_S) as client:
            answer = await client.get(path)
    except httpx.HTTPError as error:
        raise CannotMeasure(f"{url}{path}: {str(error) or type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK and not (or_gone and answer.status_code == httpx.codes.NOT_FOUND):
        raise CannotMeasure(f"{url}{path} answers {answer.status_code}: {answer.text[:200]}")
    return answer


def address_of(url: str) -> Address:
    """Where devices connect. Raises CannotMeasure: these devices speak no TLS."""
    parts = urlsplit(url)
    if parts.scheme != "ws" or not parts.hostname:
        raise CannotMeasure(f"{url}: devices of bench connect by ws:// alone, before whoever ends TLS")
    return Address(parts.hostname, parts.port or 80)


class Game(NamedTuple):
    """An event, and the topic that is it."""

    event: str
    topic: str


async def games_of(stack: Stack, most: int) -> list[Game]:
    """So many at most, those that are live first. Raises CannotMeasure."""
    games: list[Game] = []
    for state in ("live", "upcoming"):
        path = f"/v1/events?state={state}"
        for _ in range(PAGES_MAX):
            page = (await asked(stack.url, path)).json()
            games += [Game(event["id"], event["topic"]) for event in page["items"]]
            if page["next_page_token"] is None or len(games) >= most:
                break
            path = f"/v1/events?state={state}&page_token={page['next_page_token']}"
    if not games:
        raise CannotMeasure(f"{stack.url} has no events")
    return games[:most]


@contextlib.asynccontextmanager
async def _started(wanted: Wanted, place: Path) -> AsyncIterator[Stack]:
    base = _free_ports(wanted.shards)
    data_dir = place / "stack"
    words = (
        *(str(_ODDSWIRE), "up", "--port", str(base), "--shards", str(wanted.shards), "--parts", wanted.parts),
        *("--events", str(wanted.events), "--rate", str(wanted.rate), "--data-dir", str(data_dir)),
    )
    async with running(Program("up", words, "^ready in ", wanted.settings), os.sched_getaffinity(0)) as up:
        gateway = Address(HOST, base)
        if "postgres" in wanted.parts:
            await _until_money_serves(gateway)
        pids = _parts_of(up.pid)
        for name, pid in pids.items():
            recording().watch(name, pid)
        streams = tuple(map(address_of, announced_streams(data_dir)))
        yield Stack(gateway, streams, announced_nats(data_dir), announced_database(data_dir), data_dir, pids)


async def _until_money_serves(gateway: Address) -> None:
    """The database comes beside the line: until then what is of an account says 503. Raises CannotMeasure."""
    url = f"http://{gateway.host}:{gateway.port}/v1/wallet"
    try:
        async with httpx.AsyncClient(timeout=_ANSWER_S) as client, asyncio.timeout(_SERVING_S):
            while (await client.get(url)).status_code >= httpx.codes.INTERNAL_SERVER_ERROR:  # noqa: ASYNC110 another process
                await asyncio.sleep(_LOOK_S)
    except (TimeoutError, httpx.HTTPError) as error:
        raise CannotMeasure("the gateway that was started takes no bets") from error


def _parts_of(up: int) -> dict[str, int]:
    """What `up` runs, by name."""
    found: dict[str, int] = {}
    for child in psutil.Process(up).children():
        with contextlib.suppress(psutil.Error):
            found[part_name(child.cmdline())] = child.pid
    return found


def part_name(words: Sequence[str]) -> str:
    """What a process is called, by its command line."""
    if "--name" in words:
        return words[words.index("--name") + 1]
    if "-m" in words:
        package, command = words[words.index("-m") + 1 :][:2]
        return {("feeds", "run"): "feed", ("gateway", "serve"): "gateway"}.get((package, command), command)
    return Path(words[0]).name if words else "nobody"


def _free_ports(shards: int) -> int:
    """A first port whose others are free, below those that the kernel gives to outgoing connections."""
    numbers = [0, NATS_PORTS_FROM, POSTGRES_PORTS_FROM, *(SHARD_PORTS_FROM + number for number in range(shards))]
    for base in range(_PORTS_FROM + os.getpid() % 997 * 13, _PORTS_TO, 7):
        if all(_is_free(base + number) for number in numbers):
            return base
    raise CannotMeasure("no ports are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind((HOST, port))
        return True
    return False
