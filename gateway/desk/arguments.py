"""The command line of `oddswire desk`, as data: which commands there are, what they take, and what that means."""

from __future__ import annotations

import argparse
import re
from typing import TypeAlias

from feeds.contract.errors import Refused
from feeds.contract.prices import Price
from gateway.desk.amounts import MARGIN_MAX, SECONDS_MAX, STAKE_MAX, hundredths_of, price_of
from gateway.desk.commands import Edit, Resume, SetMargin, SetMaxStake, SetPrice, Suspend

TRAIL_MAX = 100_000

_Kinds: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 it has no other name

_DESCRIPTION = """\
Lays a trader's hand over the line: what is suspended here is suspended whatever the provider says, until it is resumed.

a scope is    football | football.nfl | football.nfl.E1 | any of these with :CLASS | football.nfl.E1.M9 (one market)
exit status   0 done, 1 the log does not answer or not everything was written, 2 refused or not understood
"""


def add_desk(kinds: _Kinds) -> argparse.ArgumentParser:
    """Adds `desk` to a parser's commands. What it parses has its own command in `desk`."""
    desk = kinds.add_parser(
        "desk",
        prog="oddswire desk",
        help="suspend, resume, override: the trader's hand",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = desk.add_subparsers(dest="desk", required=True, metavar="COMMAND")
    suspend = _change(commands, "suspend", "nothing of a scope is open")
    suspend.add_argument("--for", dest="for_s", type=_seconds, metavar="SECONDS", help="and then again as before")
    _change(commands, "resume", "lift the suspension of exactly this scope")
    override = _change(commands, "override", "a price of ours for one selection of a market, for some time")
    override.add_argument("selection", metavar="SELECTION", help="its id")
    override.add_argument(
        "price", type=_price, metavar="PRICE", help="-110, 150, or decimal with a point: 1.909; or none"
    )
    override.add_argument("--for", dest="for_s", type=_seconds, metavar="SECONDS", help="how long; needed with a price")
    margin = _change(commands, "margin", "the margin of each market of a scope")
    margin.add_argument("value", type=_margin, metavar="PERCENT", help="0 to 100, at most two decimals; or none")
    stake = _change(commands, "max-stake", "the largest stake on each market of a scope")
    stake.add_argument("value", type=_stake, metavar="AMOUNT", help="at most two decimals; or none")
    show = commands.add_parser("show", help="what lies over the line now")
    show.add_argument("scope", nargs="?", metavar="SCOPE", help="this, with all above and below it")
    audit = commands.add_parser("audit", help="who did what, when and why")
    audit.add_argument("scope", nargs="?", metavar="SCOPE", help="this, with all below it")
    audit.add_argument("--last", type=_count, default=100, metavar="N", help="the last so many changes (default 100)")
    for reading in (show, audit):
        reading.add_argument("--json", action="store_true", help="one JSON object a line")
        _log(reading)
    return desk


def _change(commands: _Kinds, name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    parser.add_argument("scope", metavar="SCOPE", help="what is meant")
    parser.add_argument("--reason", required=True, metavar="WORDS", help="why, for the trail")
    parser.add_argument("--by", metavar="WHO", help="who, for the trail (default ODDSWIRE_DESK_BY)")
    parser.add_argument(
        "--version", type=_version, metavar="N", help="refuse unless the overlay of the scope is at this version still"
    )
    parser.add_argument("--id", metavar="ID", help="give the same command again, as it told when it was not whole")
    _log(parser)
    return parser


def _log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nats", dest="nats_url", metavar="URL", help="address of nats-server")


def edit_of(options: argparse.Namespace) -> Edit:
    """What a parsed command wants. Raises Refused("bad_command")."""
    match options.desk:
        case "suspend":
            return Suspend(options.for_s)
        case "resume":
            return Resume()
        case "margin":
            return SetMargin(options.value)
        case "max-stake":
            return SetMaxStake(options.value)
        case _:
            return _override(options)


def _override(options: argparse.Namespace) -> SetPrice:
    if options.price is None:
        return SetPrice(options.selection, None)
    if options.for_s is None:
        raise Refused("bad_command", "a price of ours has an end: --for SECONDS")
    return SetPrice(options.selection, options.price, options.for_s)


def _price(text: str) -> Price | None:
    if text == "none":
        return None
    try:
        return price_of(text)
    except ValueError as error:  # a Refused is one, too
        raise argparse.ArgumentTypeError(f"not a price: {text!r}: {error}") from error


def _margin(text: str) -> int | None:
    return _hundredths(text, MARGIN_MAX)


def _stake(text: str) -> int | None:
    return _hundredths(text, STAKE_MAX)


def _hundredths(text: str, most: int) -> int | None:
    if text == "none":
        return None
    try:
        return hundredths_of(text, most)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> int:
    return _whole(text, 1, SECONDS_MAX)


def _version(text: str) -> int:
    return _whole(text, 0, 2**53)


def _count(text: str) -> int:
    return _whole(text, 1, TRAIL_MAX)


def _whole(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,16}", text) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"not a whole number from {least} to {most}: {text!r}")
    return int(text)
