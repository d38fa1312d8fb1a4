"""What `oddswire up` runs: settings in, parts out. Pure; it never looks at the machine.

A stage starts when every part of the stage before it is ready, and ends before it.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.local.errors import CannotStart
from gateway.local.settings import UpSettings
from gateway.store.server import READY_LINE, server_url

PARTS = ("nats", "feeds", "fanout", "postgres", "archive", "news", "settler", "gateway")
"""What `--parts` may name."""

SHARD_PORTS_FROM = 100
"""Shard number n (from 1) listens on PORT + SHARD_PORTS_FROM + n - 1."""

NATS_PORTS_FROM = 200
"""nats-server gets the first free port from PORT + NATS_PORTS_FROM on: below the range the kernel gives to outgoing
connections, so that none of them can sit on it while nats-server restarts."""

POSTGRES_PORTS_FROM = 300
"""PostgreSQL gets the first free port from PORT + POSTGRES_PORTS_FROM on, for the same reason."""

QUICK_DRAIN = (("ODDSWIRE_FANOUT_DRAIN_WINDOW_S", "1"), ("ODDSWIRE_FANOUT_DRAIN_DEADLINE_S", "3"))
"""A shard's devices are few here and Ctrl-C is to be quick; shorter than the grace after which parts are killed."""

PLAY_MONEY = (("ODDSWIRE_BETS_DEVELOPMENT", "true"),)
"""Who tries it out gets money for the asking."""

MADE_UP_PLACES = (("ODDSWIRE_LOCATION_ENVIRONMENT", "development"), ("ODDSWIRE_LOCATION_VERIFIED_AGE", "21"))
"""And is where `oddswire dev locate` says, of an age to bet there; the rules of that place hold."""

SHORT_MEMORY = (("ODDSWIRE_HISTORY_KEEP_DAYS", "2"), ("ODDSWIRE_HISTORY_KEEP_MINUTES_DAYS", "14"))
"""A stack that is left running must not fill a laptop: 200 updates/s take 2.7 GB a day."""

Environment = tuple[tuple[str, str], ...]
OPEN_ODDS = (("ODDSWIRE_ACCESS_ENVIRONMENT", "development"), ("ODDSWIRE_ACCESS_ANONYMOUS", "true"))
"""On a laptop odds are open to whoever asks, and the development keys are taken."""

RECORDED_PROVIDERS = ("betfair",)
"""Providers whose recordings can be a feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process. `argv` follows the Python interpreter; a line of output matching `ready_line` says that it serves.

    `line` is what `up` prints once it does. No part ends by itself: one that does, whatever its exit status, has died.
    `environment`: settings of the part that `up` would have otherwise than their defaults; the user's own beat them.
    `end_signal`: what asks it to end.
    """

    name: str
    argv: tuple[str, ...]
    ready_line: str
    line: str
    environment: Environment = ()
    end_signal: signal.Signals = signal.SIGTERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Stages in order of start. `streams` are the addresses devices connect to, `nats_url` is where the log is.

    `beside` are stages of their own that start with the first of `stages`: the line waits for none of them.
    `database_url` is empty where there is no database; `coordination` is where the parts agree.
    """

    stages: tuple[tuple[Part, ...], ...]
    beside: tuple[tuple[Part, ...], ...] = ()
    streams: tuple[str, ...]
    nats_url: str
    database_url: str = ""
    coordination: str = "nats:"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the servers go that are to be started."""

    nats: int
    postgres: int


TICKET_KEYS_VARIABLE = "ODDSWIRE_FANOUT_TICKET_KEYS"
"""Shards and gateway share it: tickets are minted by one and checked by the others."""

OFFER_KEYS_VARIABLE = "ODDSWIRE_BETS_OFFER_KEYS"
"""Workers of the gateway share it: what one offers another takes."""


def wanted_parts(settings: UpSettings) -> frozenset[str]:
    """The names in `--parts`, with the servers that are needed. Raises CannotStart."""
    names = frozenset(name.strip() for name in settings.parts.split(",") if name.strip())
    unknown = sorted(names.difference(PARTS))
    if unknown or not names:
        raise CannotStart(f"--parts {settings.parts}: choose among {', '.join(PARTS)}")
    all_named = names == frozenset(PARTS)
    for server, given, users in (
        ("nats", ("--nats", settings.nats), names - {"postgres"}),
        ("postgres", ("--database", settings.database), names & {"archive", "news", "settler"}),
    ):
        names = _with_server(names, server, given=given, needed=bool(users), all_named=all_named)
    return names


def _with_server(
    names: frozenset[str], server: str, *, given: tuple[str, str], needed: bool, all_named: bool
) -> frozenset[str]:
    """The names, with a server where one is needed and none is given. Raises CannotStart where it is both."""
    option, address = given
    if not address:
        return names | {server} if needed else names
    if server in names and not all_named:
        raise CannotStart(f"--parts names {server}, and {option} gives one that runs already: choose")
    return names - {server}


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


def database_address(url: str) -> tuple[str, int]:
    """Host and port of `--database`. Raises CannotStart, which does not repeat what may hold a password."""
    try:
        address = urlsplit(url)
        if address.scheme in ("postgresql", "postgres") and address.hostname:
            return address.hostname, address.port or 5432
    except ValueError:
        pass
    raise CannotStart("--database: not an address such as postgresql://USER@127.0.0.1:5432/NAME")


def reserved_ports(settings: UpSettings) -> dict[int, str]:
    """Ports that must be free, and for what."""
    wanted = wanted_parts(settings)
    gateway = {settings.port: "gateway"} if "gateway" in wanted else {}
    shards = _shard_numbers(settings) if "fanout" in wanted else ()
    return gateway | {_shard_port(settings, n): f"fanout-{n}" for n in shards}


def plan_stack(settings: UpSettings, ports: Ports, *, ticket_key: str = "") -> Plan:
    """The parts of a stack. `ticket_key`: a secret of this run, for tickets. Raises CannotStart."""
    wanted = wanted_parts(settings)
    nats_url = settings.nats or f"nats://127.0.0.1:{ports.nats}"
    stages: list[tuple[Part, ...]] = []
    if "nats" in wanted:
        stages.append((_nats(settings, ports.nats),))
    if "feeds" in wanted:
        stages.append(tuple(_feed(settings, name, nats_url) for name in _feed_names(settings)))
    tickets = ((TICKET_KEYS_VARIABLE, f"up:{ticket_key}"),) if ticket_key else ()
    database_url = settings.database
    if "postgres" in wanted:
        database_url = server_url(settings.data_dir / "pg", ports.postgres)
    streams: tuple[str, ...] = ()
    serving: tuple[Part, ...] = ()
    if "fanout" in wanted:
        streams = tuple(_stream(settings, n) for n in _shard_numbers(settings))
        serving = tuple(_shard(settings, n, nats_url, tickets) for n in _shard_numbers(settings))
    beside: list[tuple[Part, ...]] = []
    if "postgres" in wanted:
        beside.append((_postgres(settings, ports.postgres),))
    if "gateway" in wanted:
        offers = ((OFFER_KEYS_VARIABLE, f"up:{ticket_key}"),) if ticket_key else ()
        serving = (*serving, _gateway(settings, nats_url, database_url, (*tickets, *offers)))
    if serving:
        stages.append(serving)
    keepers = [_archive(nats_url, database_url)] if "archive" in wanted else []
    keepers += [_news(settings, nats_url, database_url)] if "news" in wanted else []
    keepers += [_settler(nats_url, database_url)] if "settler" in wanted else []
    if keepers:
        beside.append(tuple(keepers))
    return Plan(
        stages=tuple(stages),
        beside=tuple(beside),
        streams=streams,
        nats_url=nats_url,
        database_url=database_url,
        coordination=settings.coordination,
    )


def _nats(settings: UpSettings, port: int) -> Part:
    return Part(
        name="nats",
        argv=("-m", "feeds", "nats", "--port", str(port), "--data-dir", str(settings.data_dir / "nats")),
        ready_line=r"Server is ready$",
        line=f"nats nats://127.0.0.1:{port}",
    )


def _feed_names(settings: UpSettings) -> list[str]:
    if settings.ingestors == 1:
        return ["feed"]
    return [f"feed-{number}" for number in range(1, settings.ingestors + 1)]


def _postgres(settings: UpSettings, port: int) -> Part:
    return Part(
        name="postgres",
        argv=("-m", "gateway", "postgres", "--port", str(port), "--data-dir", str(settings.data_dir / "pg")),
        ready_line=READY_LINE,
        line=f"postgres postgresql://127.0.0.1:{port}",
        end_signal=signal.SIGINT,  # without waiting for whoever is connected
    )


def _archive(nats_url: str, database_url: str) -> Part:
    return Part(
        name="archive",
        argv=("-m", "gateway", "archive", "--nats", nats_url, "--database", database_url),
        ready_line=r"^archive ready$",
        line="archive keeps every change",
        environment=SHORT_MEMORY,
    )


def _news(settings: UpSettings, nats_url: str, database_url: str) -> Part:
    where = ("--nats", nats_url, *_coordination(settings), "--database", database_url)
    return Part(
        name="news",
        argv=("-m", "gateway", "news", *where),
        ready_line=r"^news ready$",
        line="news tells accounts what becomes of their bets",
    )


def _settler(nats_url: str, database_url: str) -> Part:
    return Part(
        name="settler",
        argv=("-m", "gateway", "settler", "--nats", nats_url, "--database", database_url),
        ready_line=r"^settler ready$",
        line="settler settles bets by what feeds say",
        environment=(("ODDSWIRE_SETTLER_KEEP_UNBET_DAYS", "2"),),
    )


def _feed(settings: UpSettings, name: str, nats_url: str) -> Part:
    if recording_of(settings.feed) is None:
        how = ["--events", str(settings.events), "--rate", str(settings.rate)]
        line = f"{name} {settings.feed}, {settings.events} events, {settings.rate} updates/s"
    else:
        how = ["--speed", f"{settings.speed:.10g}", *(["--loop"] if settings.loop else [])]
        line = f"{name} {settings.feed}, speed {settings.speed:.10g}{', looped' if settings.loop else ''}"
    return Part(
        name=name,
        argv=("-m", "feeds", "run", "--provider", settings.feed, *how, "--nats", nats_url, *_coordination(settings)),
        ready_line=r"^feed \S+ (ready|standby)$",
        line=line,
    )


def _shard(settings: UpSettings, number: int, nats_url: str, tickets: Environment) -> Part:
    name, port = f"fanout-{number}", _shard_port(settings, number)
    peers = [_stream(settings, n) for n in _shard_numbers(settings) if n != number]
    where = ("--host", settings.host, "--port", str(port), "--nats", nats_url, *_coordination(settings))
    return Part(
        name=name,
        argv=("-m", "fanout", "run", "--name", name, *where, *(word for peer in peers for word in ("--peer", peer))),
        ready_line=rf"^{name} ready$",
        line=f"{name} {_stream(settings, number)}",
        environment=(*QUICK_DRAIN, *tickets),
    )


def _gateway(settings: UpSettings, nats_url: str, database_url: str, secrets: Environment) -> Part:
    where = ("--host", settings.host, "--port", str(settings.port), "--nats", nats_url, *_coordination(settings))
    keys = ("--database", database_url) if database_url else ()
    workers = ("--workers", str(settings.api_workers)) if settings.api_workers > 1 else ()
    address = f"http://{_own_host(settings)}:{settings.port}"
    return Part(
        name="gateway",
        argv=("-m", "gateway", "serve", *where, *keys, *workers),
        ready_line=r"^gateway ready ",
        line=f"gateway {address}, desk {address}/desk, docs {address}/docs",
        environment=(
            *OPEN_ODDS,
            *PLAY_MONEY,
            *MADE_UP_PLACES,
            ("ODDSWIRE_LOCATION_DEVELOPMENT_DIR", str(settings.data_dir)),
            ("ODDSWIRE_ACCESS_DEVELOPMENT_DIR", str(settings.data_dir)),
            *secrets,
        ),
    )


def _coordination(settings: UpSettings) -> tuple[str, ...]:
    return ("--coordination", settings.coordination)


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
