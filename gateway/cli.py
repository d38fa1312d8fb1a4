"""`oddswire`: the one command that reaches every part. It imports none of them, it runs `python -m PACKAGE`.

Exit status: 0 done, 1 something failed, 2 not understood or refused; a command that is passed on gives its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from gateway.local.datadir import announced_coordination, announced_database, announced_nats, announced_streams

PASSED_ON = ("feeds", "fanout", "gateway", "bench")
"""Packages whose commands are reached through this one."""

PACKAGES_WITH_SETTINGS = ("feeds", "fanout", "gateway")

GATEWAY_COMMANDS = frozenset(
    (
        *("desk", "dev", "geo", "migrate", "history", "keys", "archive", "news", "ledger", "account", "settler"),
        *("correction", "result", "report"),
    )
)
"""Commands of the gateway that need not be said to be its own."""

DATA_DIR = ".oddswire"
URL_VARIABLE = "ODDSWIRE_URL"
"""Where `oddswire watch` connects, over the stack found on this machine."""

NATS_VARIABLE = "ODDSWIRE_NATS_URL"
"""Where `oddswire desk`, `fanout shards` and `drain` connect, likewise."""

COORDINATION_VARIABLE = "ODDSWIRE_COORDINATION"
"""Where `oddswire fanout shards` and `revoke` read and write, likewise."""

DATABASE_VARIABLE = "ODDSWIRE_DATABASE_URL"
"""Where `oddswire migrate`, `archive` and `history` connect, likewise."""

SETTINGS_S = 30.0
"""A package that does not tell its settings within this is broken."""

_COMMANDS = """\
commands:
  up             run everything on this machine, until Ctrl-C
  watch TOPIC    live prices in the terminal
  settings       every setting: variable, default, limit, meaning
  feeds          run or check a provider's feed
  fanout         run a fan-out shard, list the shards, drain one
  desk           suspend, resume, override: the trader's hand
  history        ask the archive, export from it, play a day of it back
  archive        keep every change of the log in the database
  news           tell accounts what became of their bets and money
  settler        settle bets by the results that feeds say
  result         enter an event's result, graded by house rules
  correction     settle again: draft, impact, approve, apply, abort, undo
  report         what a day came to; what was settled again
  account        an account's limits and exclusions; closing it
  ledger         recount the ledger, print what differs
  keys           API keys: create, list, revoke
  geo            where betting is allowed: check a place, rules, decisions
  dev            a token or a location of the development issuer
  migrate        bring the database's schema up to this version
  gateway        the gateway's commands
  bench          measure

examples:
  oddswire up
  oddswire up --feed betfair:recording.bz2 --speed 10 --shards 3
  oddswire watch football
  oddswire feeds check recording.bz2 --provider betfair
  oddswire desk suspend football.nfl.E1:prop --reason "injury" --by jo
  oddswire keys create --scopes odds,props --plan standard --name "a customer"
  oddswire settings --json

`oddswire COMMAND --help` tells the rest.
exit status: 0 done, 1 something failed, 2 not understood or refused
"""


def main() -> int:
    """The console script. Gives the exit status."""
    try:
        return _run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


def _run(arguments: Sequence[str]) -> int:
    match arguments:
        case ["up", *rest]:
            from gateway.local.command import up  # noqa: PLC0415 its settings cost what no other command should pay

            return up(rest)
        case ["settings", *rest]:
            return _settings(rest)
        case ["watch", *rest]:
            _become("fanout", "watch", *rest, *_running_stack(rest))
        case ["fanout", ("shards" | "drain" | "revoke") as command, *rest]:
            where = [] if command == "drain" else _running_coordination(rest)
            _become("fanout", command, *rest, *_running_nats(rest), *where)
        case [command, *rest] if command in GATEWAY_COMMANDS:
            _become_gateway(command, rest)
        case [package, *rest] if package in PASSED_ON:
            _become(package, *rest)
    return _own_options(arguments)


def _become_gateway(command: str, arguments: Sequence[str]) -> NoReturn:
    """The gateway's own command, told where the running stack is."""
    match [command, *arguments]:
        case ["desk", *rest]:
            _become("gateway", "desk", *rest, *(_running_nats(rest) if rest else ()))
        case ["dev", ("token" | "locate") as what, *rest] if not _names(rest, "--data-dir"):
            _become("gateway", "dev", what, *rest, "--data-dir", str(_data_dir()))
        case ["geo", "audit", *rest]:
            _become("gateway", "geo", "audit", *rest, *_running_database(rest))
        case ["dev" | "geo", *rest]:
            _become("gateway", command, *rest)
        case ["history", "replay", *rest]:
            _become("gateway", "history", "replay", *rest, *_running_nats(rest), *_running_database(rest))
        case ["migrate" | "history" | "keys" | "account", *rest]:
            _become("gateway", command, *rest, *_running_database(rest))
        case [("ledger" | "correction" | "result" | "report") as command, *rest]:
            _become("gateway", command, *rest, *(_running_database(rest) if rest else ()))
    where = _running_coordination(arguments) if command == "news" else []
    _become("gateway", command, *arguments, *_running_nats(arguments), *where, *_running_database(arguments))


def _own_options(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="oddswire",
        usage="oddswire COMMAND ...",
        description="Real-time odds: provider feeds to a log, the log to devices by WebSocket and SSE.",
        epilog=_COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"oddswire {version('oddswire')}")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    command = parser.parse_args(arguments).command
    if command is not None:
        parser.error(f"unknown command {command!r}; `oddswire --help` lists them")
    parser.print_help()
    return 0


def _become(package: str, *arguments: str) -> NoReturn:
    """This process goes on as the package's own command: same pid, same terminal, its exit status."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", package, *arguments])  # noqa: S606 no shell is wanted


def _running_stack(watch_arguments: Sequence[str]) -> list[str]:
    """`--url` for each shard of the stack that `oddswire up` runs from this directory, unless the user named one."""
    if _names(watch_arguments, "--url") or URL_VARIABLE in os.environ:
        return []
    return [word for stream in announced_streams(_data_dir()) for word in ("--url", stream)]


def _running_nats(arguments: Sequence[str]) -> list[str]:
    """`--nats` of the stack that `oddswire up` runs from this directory, unless the user named one."""
    if _names(arguments, "--nats") or NATS_VARIABLE in os.environ:
        return []
    nats_url = announced_nats(_data_dir())
    return ["--nats", nats_url] if nats_url else []


def _running_coordination(arguments: Sequence[str]) -> list[str]:
    """`--coordination` of the stack that `oddswire up` runs from this directory, unless the user named one."""
    if _names(arguments, "--coordination") or COORDINATION_VARIABLE in os.environ:
        return []
    coordination = announced_coordination(_data_dir())
    return ["--coordination", coordination] if coordination else []


def _running_database(arguments: Sequence[str]) -> list[str]:
    """`--database` of the stack that `oddswire up` runs from this directory, unless the user named one."""
    if _names(arguments, "--database") or DATABASE_VARIABLE in os.environ:
        return []
    database_url = announced_database(_data_dir())
    return ["--database", database_url] if database_url else []


def _names(arguments: Sequence[str], option: str) -> bool:
    return any(word.partition("=")[0] == option for word in arguments)


def _data_dir() -> Path:
    return Path(os.environ.get("ODDSWIRE_UP_DATA_DIR", DATA_DIR))


def _settings(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="oddswire settings", description="Every setting of every package.")
    parser.add_argument("--json", action="store_true", help="as a JSON list of variable, default, limit, meaning")
    as_json = parser.parse_args(arguments).json
    try:
        settings = _all_settings()
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"oddswire settings: {' '.join(error.cmd[3:])} failed", file=sys.stderr)
        return 1
    print(json.dumps(settings, indent=2) if as_json else "\n".join(table(settings)))
    return 0


def _all_settings() -> list[dict[str, str]]:
    """Of every package, a shared one once. Raises CalledProcessError, TimeoutExpired."""
    settings: dict[str, dict[str, str]] = {}
    for package in PACKAGES_WITH_SETTINGS:
        command = [sys.executable, "-P", "-m", package, "settings", "--json"]
        told = subprocess.run(command, stdout=subprocess.PIPE, timeout=SETTINGS_S, check=True).stdout
        settings |= {setting["variable"]: setting for setting in json.loads(told)}
    return list(settings.values())


def table(rows: Sequence[dict[str, str]]) -> list[str]:
    """Lines of a table with a heading, columns as wide as their widest cell. All rows have the same keys."""
    headed = [{key: key for key in rows[0]}, *rows]
    widths = {key: max(len(row[key]) for row in headed) for key in rows[0]}
    return ["  ".join(row[key].ljust(width) for key, width in widths.items()).rstrip() for row in headed]
