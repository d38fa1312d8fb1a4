"""The command line of `python -m feeds`, as data: which commands there are and what they take. Runs nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

Command = Callable[[argparse.Namespace], int]


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser; the chosen command stands in `command` of what it parses."""
    top = argparse.ArgumentParser(
        prog="python -m feeds", description="Turns a provider's messages into market states on the log."
    )
    kinds = top.add_subparsers(required=True, metavar="COMMAND")
    for name, add in (
        ("run", _run),
        ("check", _check),
        ("settings", _settings),
        ("nats", _nats),
        ("serve", _serve),
        ("coordination", _coordination),
    ):
        add(kinds).set_defaults(command=commands[name])
    return top


def _run(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    run = kinds.add_parser(
        "run",
        help="lead a feed, or stand by for it, until SIGTERM",
        description="One of any number of processes for a feed: whoever has the lease takes the feed over in every "
        "lane and publishes until SIGTERM or SIGINT; the others stand by. Options override the environment (`python -m "
        "feeds settings`). A recording that has ended leaves the feed `down`.",
    )
    run.add_argument(
        "--provider", metavar="P", help="simulator, betfair[:FILE], theoddsapi[:FILE], sportradar:PRODUCER|PATH"
    )
    run.add_argument("--feed", dest="name", metavar="NAME", help="name of the feed; default: the provider's")
    run.add_argument("--events", type=int, metavar="N", help="simulator: events at any time")
    run.add_argument("--rate", type=int, metavar="N", help="simulator: updates a second")
    run.add_argument("--seed", type=int, metavar="N", help="simulator: the same seed, the same slate")
    run.add_argument("--corrections", type=float, metavar="X", help="simulator: part of the results corrected later")
    run.add_argument("--speed", type=float, metavar="X", help="recording: times its own pace")
    run.add_argument("--loop", action="store_true", default=None, help="recording: begin again at its end")
    run.add_argument("--priority", metavar="F1,F2", help="feeds that may write the same events, the first wins")
    run.add_argument("--mapping", metavar="FILE", help="TOML file of the provider's ids and names in our words")
    run.add_argument("--record", type=Path, metavar="DIR", help="record the provider's raw messages there, by day")
    run.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")
    run.add_argument("--coordination", metavar="URL", help="memory:, nats: or aerospike://HOST:PORT,.../NAMESPACE")
    run.add_argument("--metrics-port", type=int, metavar="P", help="serve /live, /ready and /metrics on this port")
    return run


def _check(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    check = kinds.add_parser(
        "check",
        help="read a recording and report what was understood",
        description="Exit status: 0 all understood, 3 some refused, 2 unreadable.",
    )
    check.add_argument("file", type=Path, metavar="FILE", help="a recording: .jsonl, .xml, .gz or .bz2")
    check.add_argument("--provider", required=True, metavar="P", help="betfair, sportradar or theoddsapi")
    check.add_argument("--at", type=_lines, default=(), metavar="L1,L2", help="report the markets after these lines")
    check.add_argument("--json", action="store_true", help="one JSON object a line")
    return check


def _settings(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    settings = kinds.add_parser("settings", help="list every setting: variable, default, limit, meaning")
    settings.add_argument("--json", action="store_true", help="one JSON array")
    return settings


def _nats(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    nats = kinds.add_parser(
        "nats",
        help="become a local nats-server",
        description="This process becomes a nats-server with JetStream, on loopback, every message on disk before it "
        "is acknowledged.",
    )
    nats.add_argument("--port", type=int, required=True, metavar="P", help="port to listen on")
    nats.add_argument("--data-dir", type=Path, required=True, metavar="D", help="where everything is stored")
    return nats


def _coordination(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    coordination = kinds.add_parser(
        "coordination",
        help="tell whether the coordination answers",
        description="Reads a record that nobody writes. Exit status: 0 it answers, 1 it does not, 2 there is no such.",
    )
    coordination.add_argument("--coordination", metavar="URL", help="memory:, nats: or aerospike://HOST:PORT,...")
    coordination.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")
    return coordination


def _serve(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    serve = kinds.add_parser(
        "serve",
        help="be a provider's server, simulated",
        description="Serves the simulator by a provider's own protocol on loopback until SIGTERM. Lines on stdin begin "
        "faults, KIND SECONDS: silence, duplicates, reordering, replay, rollback_first, garbage.",
    )
    serve.add_argument("server", metavar="NAME", help="whose protocol: betfair, sportradar, theoddsapi")
    serve.add_argument("--port", type=int, default=0, metavar="P", help="port to listen on; 0: a free one")
    serve.add_argument("--events", type=int, default=60, metavar="N", help="events at any time")
    serve.add_argument("--rate", type=int, default=200, metavar="N", help="updates a second")
    serve.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, the same slate")
    serve.add_argument("--ca-file", type=Path, metavar="FILE", help="TLS: where to write what a client has to trust")
    serve.add_argument(
        "--amqp", default="", metavar="URL", help="sportradar: the broker, amqp://USER:PASSWORD@HOST:PORT/VHOST"
    )
    return serve


def _lines(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(line) for line in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"not line numbers: {text!r}") from None
