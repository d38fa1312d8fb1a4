"""The command line of `python -m gateway`, as data: which commands there are and what they take. Runs nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.access.arguments import add_dev, add_keys
from gateway.desk.arguments import add_desk
from gateway.history.options import add_history
from gateway.location.arguments import add_geo
from gateway.protection.arguments import add_account
from gateway.settlement.corrections.arguments import add_correction, add_report, add_result

Command = Callable[[argparse.Namespace], int]
Kinds = argparse._SubParsersAction  # noqa: SLF001 argparse has no public name for it


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser; the chosen command stands in `run` of what it parses."""
    top = argparse.ArgumentParser(prog="oddswire gateway", description="The gateway's commands.")
    kinds = top.add_subparsers(required=True, metavar="COMMAND")
    for name, add in (
        ("settings", _settings),
        ("postgres", _postgres),
        ("migrate", _migrate),
        ("archive", _archive),
        ("news", _news),
        ("history", _history),
        ("serve", _serve),
        ("keys", _keys),
        ("dev", add_dev),
        ("geo", _geo),
        ("desk", add_desk),
        ("ledger", _ledger),
        ("account", _account),
        ("settler", _settler),
        ("correction", _with_database(add_correction)),
        ("result", _with_database(add_result)),
        ("report", _with_database(add_report)),
    ):
        add(kinds).set_defaults(run=commands[name])
    return top


def _with_database(
    add: Callable[[Kinds[argparse.ArgumentParser], argparse.ArgumentParser], argparse.ArgumentParser],
) -> Callable[[Kinds[argparse.ArgumentParser]], argparse.ArgumentParser]:
    def added(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
        database = argparse.ArgumentParser(add_help=False)
        _database(database)
        return add(kinds, database)

    return added


def _settings(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    settings = kinds.add_parser("settings", help="every setting of the gateway and of `oddswire up`")
    settings.add_argument("--json", action="store_true", help="as a JSON list")
    return settings


def _postgres(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    postgres = kinds.add_parser(
        "postgres",
        help="become a local PostgreSQL",
        description="This process becomes a PostgreSQL on loopback: the machine's own, or that of the wheel. The "
        "password of its one user stands in DIR/pgpass.",
    )
    postgres.add_argument("--port", type=int, required=True, metavar="P", help="port to listen on")
    postgres.add_argument("--data-dir", type=Path, required=True, metavar="DIR", help="where everything is stored")
    return postgres


def _migrate(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    migrate = kinds.add_parser(
        "migrate",
        help="bring the database's schema up to this version",
        description="Applies the migrations that are missing, all or none. Safe when two run at once.",
    )
    _database(migrate)
    return migrate


def _archive(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    archive = kinds.add_parser(
        "archive",
        help="keep every change of the log in the database, until SIGTERM",
        description="Migrates, then archives every lane exactly once. A second archiver of a database stands by.",
    )
    archive.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")
    archive.add_argument("--metrics-port", type=int, metavar="P", help="serve /live, /ready and /metrics on this port")
    _database(archive)
    return archive


def _news(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    news = kinds.add_parser(
        "news",
        help="tell accounts what became of their bets and money, until SIGTERM",
        description="Migrates, then tells every shard what is committed to the outbox, answers what shards ask, and "
        "ends the streams of what was revoked. Any number may run; it keeps nothing.",
    )
    news.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")
    news.add_argument("--coordination", metavar="URL", help="memory:, nats: or aerospike://HOST:PORT,.../NAMESPACE")
    news.add_argument("--metrics-port", type=int, metavar="P", help="serve /live, /ready and /metrics on this port")
    _database(news)
    return news


def _keys(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    database = argparse.ArgumentParser(add_help=False)
    _database(database)
    return add_keys(kinds, database)


def _history(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    database = argparse.ArgumentParser(add_help=False)
    _database(database)
    return add_history(kinds, database)


def _geo(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    database = argparse.ArgumentParser(add_help=False)
    _database(database)
    return add_geo(kinds, database)


def _account(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    database = argparse.ArgumentParser(add_help=False)
    _database(database)
    return add_account(kinds, database)


def _ledger(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    ledger = kinds.add_parser("ledger", help="what the ledger says, recounted")
    what = ledger.add_subparsers(required=True, metavar="WHAT", dest="what")
    verify = what.add_parser(
        "verify",
        help="read everything, print what differs",
        description="Folds every entry, journal and hold anew and holds it against the rules L1 to L8 of the ledger; "
        "then recounts every bet from the results alone, R1 and R6. "
        "Exit status 1 where something differs.",
    )
    _database(verify)
    return ledger


def _settler(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    settler = kinds.add_parser(
        "settler",
        help="settle bets by the results that feeds say, until SIGTERM",
        description="Migrates, then records every result of the log and settles the bets it is about. Any number may "
        "run on one database: they share the work, and one that dies leaves its part to the others.",
    )
    settler.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")
    settler.add_argument("--workers", type=int, metavar="N", help="batches at once (default 1)")
    settler.add_argument(
        "--bets-per-s", type=int, metavar="N", help="most bets a second of one worker (default: no limit)"
    )
    settler.add_argument("--metrics-port", type=int, metavar="P", help="serve /live, /ready and /metrics on this port")
    _database(settler)
    return settler


def _database(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--database",
        metavar="URL",
        help="postgresql://USER@HOST:PORT/NAME; a password goes in ODDSWIRE_DATABASE_PASSWORD",
    )


def _serve(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    serve = kinds.add_parser(
        "serve",
        help="serve the odds API, until SIGTERM",
        description="Follows the log into a book of its own and answers reads from it; history it asks the database. "
        "Several workers share the port; /metrics tells all of them, by `worker`.",
    )
    serve.add_argument("--host", metavar="A", help="address to listen on")
    serve.add_argument("--port", type=int, metavar="P", help="port to listen on; 0 takes a free one")
    serve.add_argument("--workers", type=int, metavar="N", help="processes that share the port (default 1)")
    serve.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")
    serve.add_argument("--coordination", metavar="URL", help="memory:, nats: or aerospike://HOST:PORT,.../NAMESPACE")
    serve.add_argument("--worker", type=int, help=argparse.SUPPRESS)  # these two are of the first process to the others
    serve.add_argument("--worker-directory", type=Path, help=argparse.SUPPRESS)
    _database(serve)
    return serve
