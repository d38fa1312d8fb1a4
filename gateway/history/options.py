"""The command line of `oddswire history`, as data. Runs nothing."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

Kinds = argparse._SubParsersAction  # noqa: SLF001 argparse has no public name for it

_ROWS_MAX = 1_000_000_000
_SPEED_MAX = 1_000_000


def add_history(kinds: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """`history` and what can be asked. `database` has the options every question has."""
    history = kinds.add_parser(
        "history",
        help="ask the archive, export from it, play a day of it back",
        description="Answers are JSON, one object a line. Times are RFC 3339, UTC where they name no offset.",
    )
    asked = history.add_subparsers(required=True, metavar="WHAT", dest="what")
    for add in (_prices, _board, _line, _live, _holes, _export, _import_check, _replay, _fill, _timing):
        add(asked, database)
    return history


def _prices(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    prices = asked.add_parser("prices", parents=[database], help="every past state of a market, or bars of it")
    prices.add_argument("market", metavar="MARKET")
    prices.add_argument("--from", dest="since", type=moment, default=0, metavar="TIME", help="default: the beginning")
    prices.add_argument("--to", dest="until", type=moment, metavar="TIME", help="default: now")
    prices.add_argument("--interval", choices=("raw", "1m", "1h"), default="raw", help="default: raw, every state")


def _board(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    board = asked.add_parser("board", parents=[database], help="an event as it stood")
    board.add_argument("event", metavar="EVENT")
    when = board.add_mutually_exclusive_group(required=True)
    when.add_argument("--at", type=moment, metavar="TIME", help="at a moment")
    when.add_argument("--cursor", metavar="C", help="as a device at this cursor held it")


def _line(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    line = asked.add_parser("line", parents=[database], help="opening and closing of a line, across replaced markets")
    line.add_argument("market", metavar="MARKET")


def _live(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    live = asked.add_parser("live", parents=[database], help="whether a price was live for a device at a cursor")
    live.add_argument("market", metavar="MARKET")
    live.add_argument("selection", metavar="SELECTION")
    live.add_argument("price", type=thousandths, metavar="PRICE", help="decimal odds, 1.909")
    live.add_argument("cursor", metavar="CURSOR")


def _holes(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    asked.add_parser("holes", parents=[database], help="what the archive lacks; exit status 1 where that is anything")


def _export(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    export = asked.add_parser("export", parents=[database], help="a day or an event as a Parquet file")
    what = export.add_mutually_exclusive_group(required=True)
    what.add_argument("--day", type=day, metavar="D", help="a UTC day, 2026-09-21")
    what.add_argument("--event", metavar="EVENT")
    export.add_argument("file", type=file, metavar="FILE.parquet")


def _import_check(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    check = asked.add_parser(
        "import-check",
        parents=[database],
        help="read an export back and compare it with the archive; exit status 1 where they differ",
    )
    check.add_argument("file", type=file, metavar="FILE.parquet")


def _replay(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    replay = asked.add_parser(
        "replay", parents=[database], help="play an archived day onto a bus, as a feed of its own"
    )
    replay.add_argument("--day", type=day, required=True, metavar="D", help="a UTC day, 2026-09-21")
    replay.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="times its own pace (default 1)")
    replay.add_argument("--feed", default="replay", metavar="NAME", help="name of the feed (default %(default)s)")
    replay.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")


def _fill(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    fill = asked.add_parser("fill", parents=[database], help="fill an empty archive, to measure it")
    fill.add_argument("--rows", type=_count, required=True, metavar="N")
    fill.add_argument("--days", type=_count, default=5, metavar="N", help="over so many days (default %(default)s)")


def _timing(asked: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> None:
    timing = asked.add_parser("timing", parents=[database], help="how fast a filled archive answers")
    timing.add_argument("--reads", type=_count, default=50, metavar="N", help="of each kind (default %(default)s)")


def moment(text: str) -> int:
    """A time as microseconds of Unix time."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a time such as 2026-09-21T20:00:00Z: {text!r}") from None
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1_000_000)


def day(text: str) -> date:
    """A UTC day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a day such as 2026-09-21: {text!r}") from None


def thousandths(text: str) -> int:
    """Decimal odds as an integer."""
    whole, _, part = text.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(part) <= 3 and (part + "0").isdigit() and part.isascii()):
        raise argparse.ArgumentTypeError(f"not decimal odds with up to 3 decimals: {text!r}")
    return int(whole) * 1_000 + int((part + "000")[:3])


def file(text: str) -> Path:
    """A Parquet file."""
    if not text.endswith(".parquet"):
        raise argparse.ArgumentTypeError(f"{text}: a file is to end in .parquet")
    return Path(text)


def _speed(text: str) -> float:
    value = float(text)
    if not 0 < value <= _SPEED_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 and {_SPEED_MAX}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= _ROWS_MAX:
        raise argparse.ArgumentTypeError(f"{value} is not within 1 and {_ROWS_MAX}")
    return value
