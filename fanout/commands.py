"""The command line of `python -m fanout`, as data: which commands there are and what they take. Runs nothing."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from fanout.contract.fleet import WINDOW_S_MAX
from fanout.settings import NAME_PATTERN

Command = Callable[[argparse.Namespace], int]
_Kinds: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 it has no other name


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser; the chosen command stands in `command` of what it parses."""
    top = argparse.ArgumentParser(prog="fanout", description="Fan-out of odds to devices by WebSocket and SSE.")
    kinds = top.add_subparsers(required=True, metavar="COMMAND")
    made = (
        ("run", _run),
        ("shards", _shards),
        ("drain", _drain),
        ("revoke", _revoke),
        ("watch", _watch),
        ("ticket", _ticket),
        ("settings", _settings),
    )
    for name, add in made:
        add(kinds).set_defaults(command=commands[name])
    return top


def _run(kinds: _Kinds) -> argparse.ArgumentParser:
    run = kinds.add_parser("run", help="run one shard", description="Runs one shard until SIGTERM, which drains it.")
    run.add_argument("--name", help="the shard's name")
    run.add_argument("--host", help="address to listen on")
    run.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
    run.add_argument("--nats", metavar="URL", help="address of nats-server")
    run.add_argument("--peer", action="append", metavar="URL", help="stream URL of another shard; may be repeated")
    _where(run)
    return run


def _shards(kinds: _Kinds) -> argparse.ArgumentParser:
    shards = kinds.add_parser("shards", help="list the shards that run", description="Lists the registry of shards.")
    shards.add_argument("--nats", metavar="URL", help="address of nats-server")
    _where(shards)
    shards.add_argument("--json", action="store_true", help="as JSON")
    return shards


def _drain(kinds: _Kinds) -> argparse.ArgumentParser:
    drain = kinds.add_parser(
        "drain",
        help="move the devices of a shard to others and end it",
        description="Asks a shard to drain: every device opens its stream elsewhere before it leaves. Says how many "
        "are left until the shard has ended. Exit status: 0 drained, 1 no such shard, or it fell silent.",
    )
    drain.add_argument("shard", type=_name, metavar="SHARD", help="its name, as `shards` lists it")
    drain.add_argument("--nats", metavar="URL", help="address of nats-server")
    drain.add_argument("--window", type=_window_s, metavar="S", help="spread the devices over so many seconds")
    return drain


def _revoke(kinds: _Kinds) -> argparse.ArgumentParser:
    revoke = kinds.add_parser(
        "revoke",
        help="end every ticket of an account",
        description="Closes every connection that a ticket of the account opened, on every shard, with 4003; tickets "
        "minted up to now open nothing any more. Exit status: 0 revoked, 1 it could not be written down.",
    )
    revoke.add_argument("account", metavar="ACCOUNT", help="whose tickets")
    revoke.add_argument("--nats", metavar="URL", help="address of nats-server")
    _where(revoke)
    return revoke


def _where(command: argparse.ArgumentParser) -> None:
    command.add_argument("--coordination", metavar="URL", help="memory:, nats: or aerospike://HOST:PORT,.../NAMESPACE")


def _watch(kinds: _Kinds) -> argparse.ArgumentParser:
    look = kinds.add_parser("watch", help="watch live prices in a terminal")
    look.add_argument(
        "topics", nargs="+", metavar="TOPIC", help="for example football, soccer.epl:main; account, with a token"
    )
    look.add_argument("--conflate", type=int, default=100, metavar="MS", help="tier, ms (default 100)")
    look.add_argument("--sse", action="store_true", help="by SSE instead of WebSocket")
    look.add_argument("--json", action="store_true", help="every message as one line of JSON")
    look.add_argument("--url", action="append", metavar="URL", help="stream URL of a shard; may be repeated")
    look.add_argument("--token", metavar="T", help="a bearer token of the API; better in ODDSWIRE_WATCH_TOKEN")
    look.add_argument("--api", metavar="URL", help="address of the API, which gives tickets and missed news")
    look.add_argument("--for", dest="seconds", type=float, metavar="S", help="stop after so many seconds")
    return look


def _ticket(kinds: _Kinds) -> argparse.ArgumentParser:
    ticket = kinds.add_parser(
        "ticket",
        help="mint a ticket, for development",
        description="Mints a ticket by the keys of ODDSWIRE_FANOUT_TICKET_KEYS. It opens one connection within 30 s.",
    )
    ticket.add_argument("--account", required=True, metavar="A", help="whose it is")
    ticket.add_argument(
        "--topic", action="append", required=True, metavar="T", help="allowed, with all below; * for all"
    )
    ticket.add_argument("--tier", type=int, default=0, metavar="MS", help="fastest tier allowed (default 0)")
    ticket.add_argument(
        "--session", type=int, default=3600, metavar="S", help="what it opens lasts so long (default 1 h)"
    )
    return ticket


def _settings(kinds: _Kinds) -> argparse.ArgumentParser:
    settings = kinds.add_parser("settings", help="every setting with variable, default, limit")
    settings.add_argument("--json", action="store_true", help="as JSON")
    return settings


def _name(text: str) -> str:
    if not re.match(NAME_PATTERN, text):
        raise argparse.ArgumentTypeError(f"not the name of a shard: {text!r}")
    return text


def _window_s(text: str) -> float:
    try:
        window_s = float(text)
    except ValueError:
        window_s = -1.0
    if not 0 <= window_s <= WINDOW_S_MAX:
        raise argparse.ArgumentTypeError(f"not 0 to {WINDOW_S_MAX:g} seconds: {text!r}")
    return window_s
