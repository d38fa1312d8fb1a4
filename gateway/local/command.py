"""`oddswire up`: options in, a stack out, exit status back. The only place of the local stack that talks to people.

Exit status: 0 ended by SIGINT or SIGTERM, 1 a part failed, 2 it cannot start as asked and nothing was started.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gateway.access.errors import NoDevelopmentKeys
from gateway.local.console import Console
from gateway.local.datadir import locked, tail
from gateway.local.errors import CannotStart, PartFailed, StackError
from gateway.local.plan import plan_stack, wanted_parts
from gateway.local.preflight import check_input, check_network
from gateway.local.settings import UpSettings
from gateway.local.supervisor import Supervisor

LOG_LINES_SHOWN = 15

TICKET_KEY_BYTES = 32

_EPILOG = """\
every option is also a setting, ODDSWIRE_UP_<OPTION>; `oddswire settings` lists them with their limits.

examples:
  oddswire up                                   a simulated slate, then: oddswire watch football
  oddswire up --events 200 --rate 2000 --shards 4
  oddswire up --feed betfair:recording.bz2 --speed 10 --loop
  oddswire up --nats nats://127.0.0.1:4222 --parts fanout --port 9000

exit status: 0 ended by Ctrl-C or SIGTERM, 1 a part failed, 2 cannot start as asked
"""


def up(arguments: Sequence[str]) -> int:
    """Runs a stack until it is told to end. Gives the exit status."""
    given = vars(_parser().parse_args(arguments))
    try:
        settings = _settings(given)
        check_input(settings)
        with locked(settings.data_dir):
            plan = plan_stack(settings, check_network(settings), ticket_key=secrets.token_urlsafe(TICKET_KEY_BYTES))
            asyncio.run(Supervisor(plan, settings.data_dir, Console(sys.stdout), _last_words(settings)).run())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody listens: nothing to flush at exit
        return StackError.exit_code
    except (StackError, OSError) as error:
        return _explain(error)
    return 0


def _last_words(settings: UpSettings) -> list[str]:
    """What is said once everything serves. A key is said here and nowhere else. Raises CannotStart."""
    if "gateway" not in wanted_parts(settings):
        return []
    from gateway.access.development import development_keys  # noqa: PLC0415 its cryptography costs 0.1 s

    try:
        return [f"api key: {development_keys(settings.data_dir).key}"]
    except NoDevelopmentKeys as error:
        raise CannotStart(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oddswire up",
        description="Runs every part of oddswire on this machine until Ctrl-C: nats-server, a feed, fan-out shards, "
        "PostgreSQL, the archive, the settler, the gateway.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for name, field in UpSettings.model_fields.items():
        default = f" (default {field.default})" if field.default else ""
        option, text = f"--{name.replace('_', '-')}", f"{field.description}{default}"
        if field.annotation is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, help=field.description)
        else:
            parser.add_argument(option, metavar=_metavar(name, field), help=text)
    return parser


def _metavar(name: str, field: FieldInfo) -> str:
    kinds: dict[object, str] = {int: "N", float: "X", Path: "DIR"}
    return kinds.get(field.annotation, name.upper())


def _settings(given: dict[str, str | bool]) -> UpSettings:
    """Options over environment over defaults. Raises CannotStart, a line for each that is out of its limits."""
    try:
        return UpSettings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise CannotStart("\n".join(_refusal(fault, given) for fault in error.errors())) from error


def _refusal(fault: ErrorDetails, given: dict[str, str | bool]) -> str:
    name = str(fault["loc"][0])
    option = f"--{name.replace('_', '-')}" if name in given else f"ODDSWIRE_UP_{name.upper()}"
    return f"{option} {fault['input']}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _explain(error: StackError | OSError) -> int:
    lines = [f"oddswire up: {line}" for line in str(error).splitlines()]
    if isinstance(error, PartFailed):
        lines += [f"last lines of {error.log}:", *(f"  {line}" for line in tail(error.log, LOG_LINES_SHOWN))]
    print(*lines, sep="\n", file=sys.stderr, flush=True)
    return error.exit_code if isinstance(error, StackError) else StackError.exit_code
