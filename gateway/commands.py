"""The command line of `python -m gateway`, as data: which commands there are and what they take. Runs nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

Command = Callable[[argparse.Namespace], int]
Kinds = argparse._SubParsersAction  # noqa: SLF001 argparse has no public name for it


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser; the chosen command stands in `run` of what it parses."""
    top = argparse.ArgumentParser(prog="oddswire gateway", description="The gateway's commands.")
    kinds = top.add_subparsers(required=True, metavar="COMMAND")
    for name, add in (("settings", _settings), ("serve", _serve)):
        add(kinds).set_defaults(run=commands[name])
    return top


def _settings(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    settings = kinds.add_parser("settings", help="every setting of the gateway and of `oddswire up`")
    settings.add_argument("--json", action="store_true", help="as a JSON list")
    return settings


def _serve(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    serve = kinds.add_parser(
        "serve",
        help="serve the odds API, until SIGTERM",
        description="Follows the log into a book of its own and answers reads from it. One process is one worker; for "
        "more run more, each on a port of its own.",
    )
    serve.add_argument("--host", metavar="A", help="address to listen on")
    serve.add_argument("--port", type=int, metavar="P", help="port to listen on; 0 takes a free one")
    serve.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")
    return serve
