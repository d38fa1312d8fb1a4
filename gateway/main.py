"""`python -m gateway`: wires the commands of this package.

What a command needs is imported when it runs: a server that `up` waits for should not pay for what it never uses.
"""
# ruff: noqa: PLC0415 for that reason

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from gateway.commands import parser

EXIT_FAILED = 1
EXIT_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0, 1 something failed, 2 not understood or refused."""
    commands = {"settings": _settings, "serve": _serve}
    options = parser(commands).parse_args(argv)
    try:
        status: int = options.run(options)
    except OSError as error:
        return _complain(str(error), EXIT_FAILED)
    except ValueError as error:  # of settings, by pydantic
        return _complain(_words(error), EXIT_USAGE)
    return status


def _complain(text: str, status: int) -> int:
    print(f"oddswire: {text}", file=sys.stderr)
    return status


def _words(error: ValueError) -> str:
    """One line, which does not repeat the value: it may be a secret."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
    return str(error)


def _settings(options: argparse.Namespace) -> int:
    import orjson

    from gateway.settings import described

    if options.json:
        sys.stdout.write(orjson.dumps(described(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for setting in described():
            print("{variable}={default}  {limit}  {meaning}".format_map(setting))
    return 0


def _serve(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from feeds.contract.settings import BusSettings
    from gateway.api.main import serve
    from gateway.api.settings import ApiSettings

    settings = ApiSettings(**_given(options, ApiSettings.model_fields))
    bus = BusSettings(**_given(options, BusSettings.model_fields))
    process.configure_logs(settings.log_level)
    return process.run(serve(settings, bus))


def _given(options: argparse.Namespace, fields: dict[str, Any]) -> dict[str, Any]:
    """The options that were given and are settings of this class."""
    return {name: value for name, value in vars(options).items() if name in fields and value is not None}
