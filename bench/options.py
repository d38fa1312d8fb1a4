"""Options of the command line: what every scenario may have, with its limits, in one place; and their types. Pure.

A scenario takes those that mean something for it, with its own defaults. The words that came first (`--sockets`,
`--seconds`, `--runs`) stay beside the common ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

REPEAT_MAX = 99
DEVICES_MAX = 200_000
UPDATES_PER_S_MAX = 20_000
EVENTS_MAX = 5_000
DURATION_S_MAX = 3_600.0
TIER_MS_MAX = 60_000


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every scenario has."""
    add = parser.add_argument
    add("--json", type=Path, metavar="FILE", help="write the result there")
    add("--html", type=Path, metavar="FILE", help="write a report there, one page that needs nothing else")
    words = ("--repeat", "--runs")
    add(*words, dest="runs", type=count_to(REPEAT_MAX), default=1, metavar="N", help="medians of so many (%(default)s)")


def add_devices(parser: argparse.ArgumentParser, default: int, *, most: int = DEVICES_MAX) -> None:
    """How many devices there are."""
    words, text = ("--devices", "--sockets"), "devices of each shard (%(default)s)"
    parser.add_argument(*words, dest="sockets", type=count_to(most), default=default, metavar="N", help=text)


def add_rate(parser: argparse.ArgumentParser, default: int) -> None:
    """How many updates come."""
    text = "updates a second (%(default)s)"
    parser.add_argument("--rate", type=count_to(UPDATES_PER_S_MAX), default=default, metavar="N", help=text)


def add_events(parser: argparse.ArgumentParser, default: int) -> None:
    """How large the slate is."""
    text = "events of the slate (%(default)s)"
    parser.add_argument("--events", type=count_to(EVENTS_MAX), default=default, metavar="N", help=text)


def add_duration(
    parser: argparse.ArgumentParser, default: float, *, most: float = DURATION_S_MAX, of: str = "measured time"
) -> None:
    """How long it is measured."""
    words, text = ("--duration", "--seconds"), f"{of} (%(default)s)"
    parser.add_argument(*words, dest="seconds", type=seconds_to(most), default=default, metavar="S", help=text)


def add_warm_up(parser: argparse.ArgumentParser, default: float) -> None:
    """How long it runs before it is measured."""
    text = "before anything is measured (%(default)s)"
    parser.add_argument("--warm-up", type=seconds_to(DURATION_S_MAX), default=default, metavar="S", help=text)


def add_tier(parser: argparse.ArgumentParser) -> None:
    """The tier of devices."""
    text = "tier of the devices (%(default)s)"
    parser.add_argument("--tier", type=count_to(TIER_MS_MAX, least=0), default=100, metavar="MS", help=text)


def add_target(parser: argparse.ArgumentParser) -> None:
    """What runs already, instead of a stack of this machine that is started and ended."""
    add = parser.add_argument
    add(
        "--target", type=gateway_url, metavar="URL",
        help="gateway of a running stack, http://HOST:PORT, instead of one that is started here",
    )  # fmt: skip
    add("--nats", type=nats_url, metavar="URL", help="of the target: its log, for what only that can tell")
    add("--database", metavar="URL", help="of the target: its bets, for what only those can tell")
    add("--data-dir", type=Path, metavar="DIR", help="of the target: whose development keys sign tokens and places")


def gateway_url(text: str) -> str:
    """An option that is the address of a gateway."""
    return _url(text, ("http",), "http://127.0.0.1:8000")


def nats_url(text: str) -> str:
    """An option that is the address of nats-server."""
    return _url(text, ("nats", "tls"), "nats://127.0.0.1:4222")


def _url(text: str, schemes: tuple[str, ...], example: str) -> str:
    try:
        parts = urlsplit(text)
        if parts.scheme in schemes and parts.hostname and parts.port != 0 and parts.path in ("", "/"):
            return text.rstrip("/")
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not an address such as {example}")


def count_to(most: int, *, least: int = 1) -> Callable[[str], int]:
    """An option that is a whole number from `least` to `most`."""

    def whole_number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not within {least} and {most}")
        return value

    return whole_number


def seconds_to(most: float) -> Callable[[str], float]:
    """An option that is a time in seconds: more than nothing, `most` at most."""

    def seconds(text: str) -> float:
        value = _number(text)
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"{text} s is not within 0 and {most:g}")
        return value

    return seconds


def share(text: str) -> float:
    """An option that is a part of a whole: more than nothing, 1 at most."""
    value = _number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 and 1")
    return value


def times_to(most: float) -> Callable[[str], float]:
    """An option that says how many times as much: 1 at least, `most` at most."""

    def times(text: str) -> float:
        value = _number(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not within 1 and {most:g}")
        return value

    return times


def counts_to(most: int) -> Callable[[str], str]:
    """An option that is several whole numbers from 1 to `most`, comma separated; `numbers` reads it."""

    def whole_numbers(text: str) -> str:
        for word in text.split(","):
            count_to(most)(word)
        return text

    return whole_numbers


def numbers(text: str) -> list[int]:
    """Each once, in ascending order."""
    return sorted({int(word) for word in text.split(",")})


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
