"""A shard beside what a user could take instead, one after the other: the same machine, the same work, the same ears.

Every listener gets every update. With a delay allowed (`20ms`) updates come at `--rate` over as many markets, so that
latest-wins merges next to nothing. With none (`0ms`) they come `--rate-alone` a second, so far apart that nothing can
be joined. The contestant has a core to itself; listeners, feed and, for the shard, NATS share the others. Its CPU is
that of its process alone, over the measured window.

No peer has conflation of its own: with 20 ms allowed it still writes every update, as in its `0ms` part. So that is the
best peer as it is, which the shard is held against (`shard_20ms_over_best_peer`). In its `20ms` part somebody joins the
updates for it by hand in front of it, for one set of topics that all listeners share: then every contestant does one
write for 20 updates, the kernel's price of a write is all that is left, and no program in front of the same kernel can
be several times another. That comparison is told without a bound (`shard_20ms_over_best_peer_joined`). The shard writes
by its own clock, a peer whose updates are joined by the publisher as soon as they come: so the shard's p99 may be that
of the best joined peer and a tick of 20 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from bench import steady
from bench.audience import Audience, Speech
from bench.line import LOG_DIR, free_port, log_place, nats_program, shard_program
from bench.options import add_duration, count_to
from bench.peers import nagle
from bench.peers.contestants import BARE, PEERS, SHARD, Contestant, shard_speech
from bench.picture import Bars, bars
from bench.processes import Child, Cores, Program, cpu, on_cores, running, split_cores, usage, uss_bytes
from bench.report import number
from bench.result import Limit, Measured, Reading, Result, Usage
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.swarm import Address, allow_files

_HOST = "127.0.0.1"
_SETTLE_S = 1.0
_WARM_UP_S = 2.0

JOINED, ALONE = "20ms", "0ms"
_JOIN_MS = 20

_ALL_AT_ONCE = {"ODDSWIRE_FANOUT_ADMISSION_LAG_MS": "60000", "ODDSWIRE_FANOUT_ADMISSION_IMAGES": "1000000"}
"""No peer sends a device away because it is late: neither does the shard here, while its listeners come."""

LIMITS = (
    Limit("shard_20ms_deliveries_per_cpu_s", 2.5e6, how="least"),
    Limit("shard_20ms_over_best_peer", 3.0, how="least"),
    Limit("shard_20ms_p99_behind_best_peer_joined", float(_JOIN_MS)),
    Limit("shard_0ms_share_of_bare_send", 0.75, how="least"),
)


class Part(NamedTuple):
    """One half of the work: how long updates may be joined, and how many come a second."""

    name: str
    join_ms: int
    rate: int
    markets: int


class Serving(NamedTuple):
    """A contestant that serves: its process, where, and how it is fed once its listeners are there."""

    child: Child
    address: Address
    feed: Program | None
    speech: Speech
    quiet: Speech | None
    nagle_off: bool = False


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run over every contestant that is installed. Raises CannotMeasure."""
    allow_files(options.sockets)
    cores = split_cores(os.sched_getaffinity(0))
    parts = (
        Part(JOINED, _JOIN_MS, options.rate, options.rate),
        Part(ALONE, 0, options.rate_alone, options.rate),
    )
    figures: dict[str, Reading] = {}
    processes: list[Usage] = []
    names = [SHARD]
    for peer in PEERS:
        if peer.missing is not None:
            tell(f"{peer.title}: {peer.missing} is not installed: skipped")
        elif options.only is None or peer.name in options.only.split(","):
            names.append(peer.name)
    with on_cores(cores.beside):
        for part in parts:
            for name in names:
                told, used = await _contest(name, part, options, cores)
                figures |= {f"{name}_{part.name}_{figure}": reading for figure, reading in told.items()}
                processes.append(used)
                tell(f"{name} {part.name}: " + ", ".join(f"{k} {v.value:.4g} {v.unit}" for k, v in told.items()))
    return Measured(figures | compared(figures, names), processes)


async def _contest(
    name: str, part: Part, options: argparse.Namespace, cores: Cores
) -> tuple[dict[str, Reading], Usage]:
    start = _shard(part, options, cores) if name == SHARD else _peer(_contestant(name), part, cores)
    async with start as serving, contextlib.AsyncExitStack() as stack:
        listeners: int = options.sockets
        before = uss_bytes(serving.child.pid)
        audience = Audience(serving.address, serving.quiet or serving.speech)
        stack.callback(audience.leave)
        began_s = time.monotonic()
        await audience.join(listeners)
        connects = listeners / (time.monotonic() - began_s)
        await asyncio.sleep(_SETTLE_S)
        memory = (uss_bytes(serving.child.pid) - before) / listeners
        if serving.quiet is not None:
            audience.leave()
            audience = Audience(serving.address, serving.speech)
            stack.callback(audience.leave)
            await audience.join(listeners)
        if serving.nagle_off and nagle.turn_off(serving.child.pid, serving.address.port) < listeners:
            raise CannotMeasure(f"{name}: not every connection was found, to turn Nagle's algorithm off")
        if serving.feed is not None:
            await stack.enter_async_context(running(serving.feed, cores.beside))
        gc.collect()
        gc.freeze()
        stack.callback(gc.unfreeze)
        await asyncio.sleep(_WARM_UP_S)
        told, used = await _window(f"{name} {part.name}", serving.child, audience, options.seconds)
        return told | {"connects_per_s": Reading(connects, "1/s"), "memory_per_socket": Reading(memory, "B")}, used


async def _window(name: str, child: Child, audience: Audience, seconds: float) -> tuple[dict[str, Reading], Usage]:
    heard = audience.heard
    since, own_since, began_s = cpu(child.pid), cpu(os.getpid()), time.monotonic()
    heard.reset()
    await asyncio.sleep(seconds)
    updates, took_s = heard.updates, time.monotonic() - began_s
    used = usage(name, child.pid, since=since, cores=child.cores)
    ears_s = sum(cpu(os.getpid())) - sum(own_since)
    child.check()
    if heard.lost or not updates:
        raise CannotMeasure(f"{name}: {updates} updates came, {heard.lost} listeners were sent away")
    if not used.cpu_s:
        raise CannotMeasure(f"{name}: {updates} updates took less CPU than the kernel counts: more of them, or longer")
    return {
        "deliveries_per_cpu_s": Reading(updates / used.cpu_s, "1/s"),
        "deliveries_per_s": Reading(updates / took_s, "1/s"),
        "cpu_share": Reading(used.cpu_s / took_s, "1"),
        "listeners_cpu_share": Reading(ears_s / took_s, "1"),
        **heard.latency.figures("latency"),
    }, used


@contextlib.asynccontextmanager
async def _shard(part: Part, options: argparse.Namespace, cores: Cores) -> AsyncIterator[Serving]:
    nats_port, port = free_port(), free_port()
    nats_url = f"nats://{_HOST}:{nats_port}"
    settings = {"ODDSWIRE_FANOUT_TIERS_MS": f"{part.join_ms},1000", **_ALL_AT_ONCE}
    feed = _feed("shard", nats_port, part)
    with log_place(options.log_dir) as place:
        async with (
            running(nats_program(nats_port, place), cores.beside),
            running(feed, cores.beside),
            running(shard_program(nats_url, port, options.sockets * 2, settings=settings), cores.measured) as child,
        ):
            speech, quiet = (shard_speech(topic, part.join_ms) for topic in (steady.TOPIC, steady.QUIET_TOPIC))
            await asyncio.sleep(_SETTLE_S)
            yield Serving(child, Address(_HOST, port), None, speech, quiet)


@contextlib.asynccontextmanager
async def _peer(peer: Contestant, part: Part, cores: Cores) -> AsyncIterator[Serving]:
    port, feed_port = free_port(), free_port()
    with log_place("") as place:
        words = ("-m", f"bench.peers.{peer.module}", "--port", str(port), "--feed-port", str(feed_port))
        how = ("--join-ms", str(part.join_ms), "--place", str(place))
        async with running(Program(peer.name, (*words, *how), peer.ready), cores.measured) as child:
            feed = _feed(peer.feed, feed_port, part)
            yield Serving(child, Address(_HOST, port), feed, peer.speech, None, peer.nagle_off)


def _feed(kind: str, port: int, part: Part) -> Program:
    load = {"--port": port, "--markets": part.markets, "--rate": part.rate, "--join-ms": part.join_ms}
    words = ("-m", "bench.loadfeed", kind, *(str(word) for pair in load.items() for word in pair))
    return Program("feed", words, "^feeding$")


def _contestant(name: str) -> Contestant:
    return next(peer for peer in PEERS if peer.name == name)


def compared(figures: Mapping[str, Reading], names: Sequence[str]) -> dict[str, Reading]:
    """The shard against the best of the others, as they are and joined, and against the limit, where they are there.

    What a user cannot have, Nagle's algorithm off in nchan, is told beside them and is not one of them.
    """

    def of(name: str, figure: str) -> float:
        return figures[f"{name}_{figure}"].value

    told = {}
    rivals = [peer.name for peer in PEERS if peer.name in names and peer.name != BARE and not peer.nagle_off]
    if rivals:
        shard = of(SHARD, "20ms_deliveries_per_cpu_s")
        p99 = min(of(name, "20ms_latency_p99_ms") for name in rivals)
        told = {
            "shard_20ms_over_best_peer": Reading(
                shard / max(of(name, "0ms_deliveries_per_cpu_s") for name in rivals), "1"
            ),
            "shard_20ms_over_best_peer_joined": Reading(
                shard / max(of(name, "20ms_deliveries_per_cpu_s") for name in rivals), "1"
            ),
            "shard_20ms_p99_behind_best_peer_joined": Reading(of(SHARD, "20ms_latency_p99_ms") - p99, "ms"),
        }
    if BARE in names:
        share = of(SHARD, "0ms_deliveries_per_cpu_s") / of(BARE, "0ms_deliveries_per_cpu_s")
        told["shard_0ms_share_of_bare_send"] = Reading(share, "1")
    return told


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--devices",
        "--sockets",
        dest="sockets",
        type=count_to(100_000),
        default=1_000,
        metavar="N",
        help="listeners (1000)",
    )
    parser.add_argument("--rate", type=count_to(9_999), default=1_000, metavar="N", help="updates a second (1000)")
    parser.add_argument(
        "--rate-alone", type=count_to(1_000), default=50, metavar="N", help="a second, where none is joined (50)"
    )
    add_duration(parser, 10.0, most=600, of="measured time of each")
    parser.add_argument("--log-dir", default=LOG_DIR, metavar="DIR", help="of NATS (default: in memory)")
    everyone = ", ".join(peer.name for peer in PEERS)
    parser.add_argument("--only", type=_peers_of, metavar="NAME,...", help=f"beside the shard only these: {everyone}")


def _peers_of(text: str) -> str:
    """Names of peers, comma separated."""
    for name in text.split(","):
        if name not in {peer.name for peer in PEERS}:
            raise argparse.ArgumentTypeError(f"{name} is no peer")
    return text


def table(result: Result) -> Iterator[str]:
    """A row for each contestant and part, and what was done for it."""
    columns = {
        "deliveries/CPU s": "deliveries_per_cpu_s",
        "p50 ms": "latency_p50_ms",
        "p99 ms": "latency_p99_ms",
        "p99.9 ms": "latency_p999_ms",
        "B a socket": "memory_per_socket",
        "connects/s": "connects_per_s",
    }
    for part, allowed in ((JOINED, "20 ms to join updates"), (ALONE, "no delay, nothing to join")):
        yield f"  {allowed + ':':<26} " + " ".join(f"{title:>16}" for title in columns)
        for name, title in _titles(result):
            figures = [result.figures[f"{name}_{part}_{figure}"].value for figure in columns.values()]
            yield f"  {title:<26} " + " ".join(f"{number(figure):>16}" for figure in figures)
        yield ""
    for name, title in _titles(result):
        joins = "a 20 ms tier" if name == SHARD else f"{_contestant(name).joins} joins 20 ms of updates to one message"
        yield f"  {title}: {joins}"


def draw(result: Result) -> str:
    """Deliveries for a second of CPU, p99, and memory."""
    charts = []
    shown: tuple[tuple[str, str, str, Literal["more", "less"]], ...] = (
        ("deliveries_per_cpu_s", "deliveries for a CPU second of the server", "1/s", "more"),
        ("latency_p99_ms", "p99 from ingest to device", "ms", "less"),
    )
    for figure, title, unit, better in shown:
        for part, allowed in ((JOINED, "20 ms allowed"), (ALONE, "no delay allowed")):
            values = {who: result.figures[f"{name}_{part}_{figure}"].value for name, who in _titles(result)}
            charts.append(Bars(f"{title}, {allowed}", unit, values, better))
    memory = {title: result.figures[f"{name}_{JOINED}_memory_per_socket"].value for name, title in _titles(result)}
    return bars([*charts, Bars("memory a socket", "B", memory, "less")])


def _titles(result: Result) -> list[tuple[str, str]]:
    everyone = [(SHARD, "oddswire shard"), *((peer.name, peer.title) for peer in PEERS)]
    return [(name, title) for name, title in everyone if f"{name}_{JOINED}_deliveries_per_cpu_s" in result.figures]


PEERS_SCENARIO = Scenario(
    "peers", "a shard beside what one could take instead", LIMITS, _options, run, table=table, draw=draw
)
