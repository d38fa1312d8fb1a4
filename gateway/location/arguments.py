"""The command lines of `oddswire geo` and `oddswire dev locate`, as data. Runs nothing."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

_Kinds: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 it has no other name

LAST_MAX = 10_000
_NETWORK = "127.0.0.0/24"


def add_geo(kinds: _Kinds, database: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """`geo check|rules|audit`."""
    geo = kinds.add_parser("geo", prog="oddswire geo", help="where betting is allowed, and what was decided about it")
    whats = geo.add_subparsers(dest="what", required=True, metavar="WHAT")
    check = whats.add_parser(
        "check",
        help="whether a place would be accepted, and for how long",
        description="Asks the boundaries and zones, no packet. Exit status: 0 accepted, 2 refused.",
    )
    _place(check)
    check.add_argument("--state", metavar="US-XX", help="the state that the vendor would tell")
    check.add_argument("--moving", action="store_true", help="and does not stand still")
    rules = whats.add_parser("rules", help="the rules of a state, each with its source")
    rules.add_argument("state", metavar="STATE", help="US-NJ, or NJ")
    audit = whats.add_parser(
        "audit",
        help="what was decided about an account, without coordinates",
        parents=[database],
    )
    audit.add_argument("--account", required=True, metavar="A", help="whose decisions")
    audit.add_argument("--since", type=_time, metavar="TIME", help="from then on, 2026-11-26T10:00:00Z")
    audit.add_argument("--until", type=_time, metavar="TIME", help="and before then")
    audit.add_argument("--limit", type=_count, default=1_000, metavar="N", help="at most so many (default 1000)")
    audit.add_argument("--json", action="store_true", help="one JSON object a line")
    return geo


def add_locate(whats: _Kinds) -> None:
    """`dev locate`."""
    locate = whats.add_parser(
        "locate",
        help="a location packet, as a vendor would sign it, for any place",
        description="Believed by a gateway that `oddswire up` runs on this data directory, and by no other.",
    )
    locate.add_argument("--account", required=True, metavar="A", help="whose location")
    _place(locate)
    locate.add_argument("--state", metavar="US-XX", help="what it says of the state (default: what the place is in)")
    locate.add_argument("--speed", type=float, default=0.0, metavar="MPS", help="metres a second (default 0)")
    locate.add_argument("--device", default="laptop", metavar="D", help="as in Device-Id (default laptop)")
    locate.add_argument("--session", default="laptop", metavar="S", help="as in Session-Id (default laptop)")
    locate.add_argument("--network", default=_NETWORK, metavar="NET", help=f"of the device (default {_NETWORK})")
    locate.add_argument("--data-dir", type=Path, required=True, metavar="DIR", help="that of `oddswire up`")


def _place(command: argparse.ArgumentParser) -> None:
    command.add_argument("--lat", type=float, required=True, metavar="X", help="degrees, north positive")
    command.add_argument("--lon", type=float, required=True, metavar="Y", help="degrees, east positive")
    command.add_argument("--accuracy", type=float, default=20.0, metavar="M", help="metres (default 20)")


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= LAST_MAX:
        raise argparse.ArgumentTypeError(f"{value} is not within 1 and {LAST_MAX}")
    return value
