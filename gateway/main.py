"""`python -m gateway`: wires the commands of this package.

What a command needs is imported when it runs: a server that `up` waits for should not pay for what it never uses.
"""
# ruff: noqa: PLC0415 for that reason

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.access.errors import NoDevelopmentKeys
from gateway.commands import parser
from gateway.history.answers import NotInHistory
from gateway.store.errors import DatabaseUnavailable, MigrationRefused, NoDatabaseServer

if TYPE_CHECKING:
    from gateway.store.settings import DatabaseSettings

EXIT_FAILED = 1
EXIT_USAGE = 2

_DATABASE_VARIABLE = "ODDSWIRE_DATABASE_URL"


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0, 1 something failed, 2 not understood or refused."""
    commands = {"settings": _settings, "postgres": _postgres, "migrate": _migrate, "archive": _archive}
    commands |= {
        "history": _history,
        "desk": _desk,
        "news": _news,
        "serve": _serve,
        "keys": _keys,
        "dev": _dev,
        "geo": _geo,
        "ledger": _ledger,
        "account": _account,
        "settler": _settler,
        "correction": partial(_correction, "correction"),
        "result": partial(_correction, "result"),
        "report": partial(_correction, "report"),
    }
    options = parser(commands).parse_args(argv)
    try:
        status: int = options.run(options)
    except (MigrationRefused, NoDatabaseServer, NoDevelopmentKeys, NotInHistory) as error:
        return _complain(str(error), EXIT_USAGE)
    except (DatabaseUnavailable, OSError) as error:
        return _complain(str(error), EXIT_FAILED)
    except ValueError as error:  # of settings, by pydantic; and Refused, of the feeds' contract
        return _complain(_words(error), EXIT_USAGE)
    return status


def _complain(text: str, status: int) -> int:
    print(f"oddswire: {text}", file=sys.stderr)
    return status


def _words(error: ValueError) -> str:
    """One line, which does not repeat the value: it may be a secret."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return "; ".join(
            f"{problem['loc'][0]}: {problem['msg']}" if problem["loc"] else problem["msg"] for problem in error.errors()
        )
    return str(error)


def _desk(options: argparse.Namespace) -> int:
    from gateway.desk.main import desk

    return desk(options)


def _settings(options: argparse.Namespace) -> int:
    import orjson

    from gateway.settings import described

    if options.json:
        sys.stdout.write(orjson.dumps(described(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for setting in described():
            print("{variable}={default}  {limit}  {meaning}".format_map(setting))
    return 0


def _postgres(options: argparse.Namespace) -> int:
    from gateway.store.server import replace_process

    replace_process(port=options.port, directory=options.data_dir)
    return EXIT_FAILED


def _migrate(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from gateway.store.migrations import migrate

    for name in process.run(migrate(_database(options))):
        print(f"applied {name}")
    return 0


def _archive(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from feeds.contract.settings import BusSettings
    from gateway.history.main import archive
    from gateway.history.settings import HistorySettings

    settings = HistorySettings(**_given(options, HistorySettings.model_fields))
    bus = BusSettings(**_given(options, BusSettings.model_fields))
    process.configure_logs(settings.log_level)
    return process.run(archive(bus, _database(options), settings))


def _news(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from feeds.contract.settings import BusSettings
    from gateway.news.main import news
    from gateway.news.settings import NewsSettings

    settings = NewsSettings(**_given(options, NewsSettings.model_fields))
    bus = BusSettings(**_given(options, BusSettings.model_fields))
    process.configure_logs(settings.log_level)
    return process.run(news(bus, _database(options), settings))


def _history(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from gateway.history.ask import ask

    process.configure_logs("warning")
    if options.what == "replay":
        return _replay(options)
    return process.run(ask(options, _database(options), print))


def _replay(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from feeds.contract.settings import BusSettings
    from gateway.history.main import replay

    bus = BusSettings(**_given(options, BusSettings.model_fields))
    how = {"day": options.day, "speed": options.speed, "feed": options.feed}
    return process.run(replay(bus, _database(options), **how, tell=print))


def _database(options: argparse.Namespace) -> DatabaseSettings:
    """The option over the environment. Raises ValidationError where there is neither."""
    from pydantic import SecretStr

    from gateway.store.settings import DatabaseSettings

    if options.database is None:
        return DatabaseSettings()
    return DatabaseSettings(url=SecretStr(options.database))


def _serve(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from feeds.contract.settings import BusSettings
    from gateway.access.settings import AccessSettings
    from gateway.api.around import Money
    from gateway.api.main import Wiring, serve
    from gateway.api.settings import ApiSettings, TicketSettings
    from gateway.api.workers import ALONE, Member
    from gateway.bets.settings import BetsSettings
    from gateway.desk.settings import PageSettings
    from gateway.location.settings import LocationSettings
    from gateway.money.settings import MoneySettings

    settings = ApiSettings(**_given(options, ApiSettings.model_fields))
    bus = BusSettings(**_given(options, BusSettings.model_fields))
    member = ALONE if options.worker is None else Member(options.worker, options.worker_directory)
    process.configure_logs(settings.log_level)
    database = _database(options) if options.database or _DATABASE_VARIABLE in os.environ else None
    location = LocationSettings()
    money = None
    if database is not None:
        money = Money(database, MoneySettings(), BetsSettings(), location if location.configured else None)
    wiring = Wiring(settings, bus, AccessSettings(), database, TicketSettings().keys(), member, money, PageSettings())
    return process.run(serve(wiring))


def _ledger(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from gateway.money.main import verify

    process.configure_logs("warning")
    return process.run(verify(_database(options), print))


def _account(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from gateway.protection.command import account

    process.configure_logs("warning")
    return process.run(account(options, _database(options), print))


def _settler(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from feeds.contract.settings import BusSettings
    from gateway.money.settings import MoneySettings
    from gateway.settlement.main import settle
    from gateway.settlement.settings import SettlementSettings

    settings = SettlementSettings(**_given(options, SettlementSettings.model_fields))
    bus = BusSettings(**_given(options, BusSettings.model_fields))
    process.configure_logs(settings.log_level)
    return process.run(settle(bus, _database(options), MoneySettings(), settings))


def _correction(name: str, options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from gateway.settlement.corrections import command

    process.configure_logs("warning")
    run = {"correction": command.correction, "result": command.result, "report": command.report}[name]
    return process.run(run(options, _database(options), print))


def _keys(options: argparse.Namespace) -> int:
    from feeds.adapters import process
    from gateway.access.command import keys

    process.configure_logs("warning")
    return process.run(keys(options, _database(options), print))


def _geo(options: argparse.Namespace) -> int:
    from gateway.location import command
    from gateway.location.settings import LocationSettings

    match options.what:
        case "check":
            return command.check(options, LocationSettings(), print)
        case "rules":
            return command.rules(options, print)
    from feeds.adapters import process

    process.configure_logs("warning")
    return process.run(command.audit(options, _database(options), print))


def _dev(options: argparse.Namespace) -> int:
    import time

    from gateway.access.command import dev_token
    from gateway.location.command import locate

    if options.what == "locate":
        return locate(options, print, now_s=int(time.time()))
    return dev_token(options, print)


def _given(options: argparse.Namespace, fields: dict[str, Any]) -> dict[str, Any]:
    """The options that were given and are settings of this class."""
    return {name: value for name, value in vars(options).items() if name in fields and value is not None}
