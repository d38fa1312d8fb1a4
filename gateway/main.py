"""`python -m gateway`: wires the commands of this package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import SecretStr, ValidationError

from feeds.adapters import process
from feeds.contract.errors import LogUnavailable
from feeds.contract.settings import BusSettings
from gateway.commands import parser
from gateway.history.main import archive
from gateway.history.settings import HistorySettings
from gateway.settings import described
from gateway.store.errors import DatabaseUnavailable, MigrationRefused, NoDatabaseServer
from gateway.store.migrations import migrate
from gateway.store.server import replace_process
from gateway.store.settings import DatabaseSettings

EXIT_FAILED = 1
EXIT_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0, 1 something failed, 2 not understood or refused."""
    commands = {"settings": _settings, "postgres": _postgres, "migrate": _migrate, "archive": _archive}
    options = parser(commands).parse_args(argv)
    try:
        status: int = options.run(options)
    except ValidationError as error:
        return _complain("; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors()), EXIT_USAGE)
    except (MigrationRefused, NoDatabaseServer) as error:
        return _complain(str(error), EXIT_USAGE)
    except (DatabaseUnavailable, LogUnavailable, OSError) as error:
        return _complain(str(error), EXIT_FAILED)
    return status


def _complain(text: str, status: int) -> int:
    print(f"oddswire: {text}", file=sys.stderr)
    return status


def _settings(options: argparse.Namespace) -> int:
    if options.json:
        sys.stdout.write(orjson.dumps(described(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for setting in described():
            print("{variable}={default}  {limit}  {meaning}".format_map(setting))
    return 0


def _postgres(options: argparse.Namespace) -> int:
    replace_process(port=options.port, directory=options.data_dir)
    return EXIT_FAILED


def _migrate(options: argparse.Namespace) -> int:
    for name in process.run(migrate(_database(options))):
        print(f"applied {name}")
    return 0


def _archive(options: argparse.Namespace) -> int:
    settings = HistorySettings(**_given(options, HistorySettings.model_fields))
    bus = BusSettings(**_given(options, BusSettings.model_fields))
    process.configure_logs(settings.log_level)
    return process.run(archive(bus, _database(options), settings))


def _database(options: argparse.Namespace) -> DatabaseSettings:
    """The option over the environment. Raises ValidationError where there is neither."""
    if options.database is None:
        return DatabaseSettings()
    return DatabaseSettings(url=SecretStr(options.database))


def _given(options: argparse.Namespace, fields: dict[str, Any]) -> dict[str, Any]:
    """The options that were given and are settings of this class."""
    return {name: value for name, value in vars(options).items() if name in fields and value is not None}
