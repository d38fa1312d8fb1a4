"""What `oddswire up` runs: settings in, parts out. Pure; it never looks at the machine.

A stage starts when every part of the stage before it is ready, and ends before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.local.errors import CannotStart
from gateway.local.settings import UpSettings

PARTS = ("nats", "feeds", "fanout", "gateway")
"""What `--parts` may name."""

SHARD_PORTS_FROM = 100
"""Shard number n (from 1) listens on PORT + SHARD_PORTS_FROM + n - 1."""

NATS_PORTS_FROM = 200
"""nats-server gets the first free port from PORT + NATS_PORTS_FROM on: below the range the kernel gives to outgoing
connections, so that none of them can sit on it while nats-server restarts."""

QUICK_DRAIN = (("ODDSWIRE_FANOUT_DRAIN_WINDOW_S", "1"), ("ODDSWIRE_FANOUT_DRAIN_DEADLINE_S", "3"))
"""A shard's devices are few here and Ctrl-C is to be quick; shorter than the grace after which parts are killed."""

RECORDED_PROVIDERS = ("betfair",)
"""Providers whose recordings can be a feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process. `argv` follows the Python interpreter; a line of output matching `ready_line` says that it serves.

    `line` is what `up` prints once it does. No part ends by itself: one that does, whatever its exit status, has died.
    `environment`: settings of the part that `up` would have otherwise than their defaults; the user's own beat them.
    """

    name: str
    argv: tuple[str, ...]
    ready_line: str
    line: str
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Stages in order of start. `streams` are the addresses devices connect to, `nats_url` is where the log is."""

    stages: tuple[tuple[Part, ...], ...]
    streams: tuple[str, ...]
    nats_url: str


def wanted_parts(settings: UpSettings) -> frozenset[str]:
    """The names in `--parts`, with nats where it is needed. Raises CannotStart."""
    names = frozenset(name.strip() for name in settings.parts.split(",") if name.strip())
    unknown = sorted(names.difference(PARTS))
    if unknown or not names:
        raise CannotStart(f"--parts {settings.parts}: choose among {', '.join(PARTS)}")
    if not settings.nats:
        return names | {"nats"}
    if names == frozenset(PARTS):
        return names - {"nats"}
    if "nats" in names:
        raise CannotStart("--parts names nats, and --nats gives one that runs already: choose")
    return names


def recording_of(feed: str) -> str | None:
    """The recording a feed plays, None for the simulator. Raises CannotStart."""
    provider, _, file = feed.partition(":")
    if feed == "simulator":
        return None
    if provider in RECORDED_PROVIDERS and file:
        return file
    if provider in RECORDED_PROVIDERS:
        raise CannotStart(f"--feed {feed}: name the recording, {provider}:FILE")
    known = ", ".join(["simulator", *(f"{name}:FILE" for name in RECORDED_PROVIDERS)])
    raise CannotStart(f"--feed {feed}: unknown feed, choose among {known}")


def nats_address(url: str) -> tuple[str, int]:
    """Host and port of `--nats`. Raises CannotStart."""
    try:
        address = urlsplit(url)
        if address.scheme in ("nats", "tls") and address.hostname:
            return address.hostname, address.port or 4222
    except ValueError:
        pass
    raise CannotStart(f"--nats {url}: not an address such as nats://127.0.0.1:4222")


def reserved_ports(settings: UpSettings) -> dict[int, str]:
    """Ports that must be free, and for what."""
    wanted = wanted_parts(settings)
    gateway = {settings.port: "gateway"} if "gateway" in wanted else {}
    shards = _shard_numbers(settings) if "fanout" in wanted else ()
    return gateway | {_shard_port(settings, n): f"fanout-{n}" for n in shards}


def plan_stack(settings: UpSettings, *, nats_port: int) -> Plan:
    """The parts of a stack. `nats_port` is where nats-server goes if it is to be started. Raises CannotStart."""
    wanted = wanted_parts(settings)
    nats_url = settings.nats or f"nats://127.0.0.1:{nats_port}"
    stages: list[tuple[Part, ...]] = []
    if "nats" in wanted:
        stages.append((_nats(settings, nats_port),))
    if "feeds" in wanted:
        stages.append((_feed(settings, nats_url),))
    streams: tuple[str, ...] = ()
    serving: tuple[Part, ...] = ()
    if "fanout" in wanted:
        streams = tuple(_stream(settings, n) for n in _shard_numbers(settings))
        serving = tuple(_shard(settings, n, nats_url) for n in _shard_numbers(settings))
    if "gateway" in wanted:
        serving = (*serving, _gateway(settings, nats_url))
    if serving:
        stages.append(serving)
    return Plan(stages=tuple(stages), streams=streams, nats_url=nats_url)


def _nats(settings: UpSettings, port: int) -> Part:
    return Part(
        name="nats",
        argv=("-m", "feeds", "nats", "--port", str(port), "--data-dir", str(settings.data_dir / "nats")),
        ready_line=r"Server is ready$",
        line=f"nats nats://127.0.0.1:{port}",
    )


def _feed(settings: UpSettings, nats_url: str) -> Part:
    if recording_of(settings.feed) is None:
        how = ["--events", str(settings.events), "--rate", str(settings.rate)]
        line = f"feed {settings.feed}, {settings.events} events, {settings.rate} updates/s"
    else:
        how = ["--speed", f"{settings.speed:.10g}", *(["--loop"] if settings.loop else [])]
        line = f"feed {settings.feed}, speed {settings.speed:.10g}{', looped' if settings.loop else ''}"
    return Part(
        name="feed",
        argv=("-m", "feeds", "run", "--provider", settings.feed, *how, "--nats", nats_url),
        ready_line=r"^feed \S+ ready$",
        line=line,
    )


def _shard(settings: UpSettings, number: int, nats_url: str) -> Part:
    name, port = f"fanout-{number}", _shard_port(settings, number)
    peers = [_stream(settings, n) for n in _shard_numbers(settings) if n != number]
    where = ("--name", name, "--host", settings.host, "--port", str(port), "--nats", nats_url)
    return Part(
        name=name,
        argv=("-m", "fanout", "run", *where, *(word for peer in peers for word in ("--peer", peer))),
        ready_line=rf"^{name} ready$",
        line=f"{name} {_stream(settings, number)}",
        environment=QUICK_DRAIN,
    )


def _gateway(settings: UpSettings, nats_url: str) -> Part:
    where = ("--host", settings.host, "--port", str(settings.port), "--nats", nats_url)
    address = f"http://{_own_host(settings)}:{settings.port}"
    return Part(
        name="gateway",
        argv=("-m", "gateway", "serve", *where),
        ready_line=r"^gateway ready ",
        line=f"gateway {address}, docs {address}/docs",
    )


def _shard_numbers(settings: UpSettings) -> range:
    return range(1, settings.shards + 1)


def _shard_port(settings: UpSettings, number: int) -> int:
    return settings.port + SHARD_PORTS_FROM + number - 1


def _stream(settings: UpSettings, number: int) -> str:
    """Where devices reach a shard."""
    return f"ws://{_own_host(settings)}:{_shard_port(settings, number)}/v1/stream"


def _own_host(settings: UpSettings) -> str:
    """As it stands in addresses; who listens on every address is reached on this machine's own."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"[{host}]" if ":" in host else host
