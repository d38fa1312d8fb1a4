"""The command line of `oddswire account`, as data. Runs nothing."""

from __future__ import annotations

import argparse

from gateway.protection.limits import DAYS_MAX, HOURS_MAX

Kinds = argparse._SubParsersAction  # noqa: SLF001 argparse has no public name for it

TRAIL_ROWS = 50


def add_account(kinds: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """`account show|time-out|exclude|close`."""
    account = kinds.add_parser("account", help="an account's limits and exclusions: show, time out, exclude, close")
    whats = account.add_subparsers(dest="what", required=True, metavar="WHAT")
    show = whats.add_parser(
        "show", help="limits, what counts against them, exclusions, and who changed what", parents=[database]
    )
    show.add_argument("account", metavar="ACCOUNT", help="whose")
    show.add_argument(
        "--limit", type=int, default=TRAIL_ROWS, metavar="N", help="so many changes (default %(default)s)"
    )
    show.add_argument("--json", action="store_true", help="as JSON")
    for name, text in (("time-out", "neither bets nor deposits for some hours"), ("exclude", "for days, or ever")):
        command = whats.add_parser(
            name,
            help=text,
            description="Holds at once, everywhere; running gateways end the account's streams within seconds. It is "
            "not undone early: what stands longer goes on to stand. Withdrawals stay possible.",
            parents=[database],
        )
        command.add_argument("account", metavar="ACCOUNT", help="whose")
        if name == "time-out":
            command.add_argument("--hours", type=int, required=True, metavar="N", help=f"1 to {HOURS_MAX}")
        else:
            ends = command.add_mutually_exclusive_group(required=True)
            ends.add_argument("--days", type=int, metavar="N", help=f"1 to {DAYS_MAX}")
            ends.add_argument("--for-ever", action="store_true", help="without an end")
        command.add_argument("--by", required=True, metavar="WHO", help="whose decision it is, for the trail")
    close = whats.add_parser(
        "close",
        help="neither bets nor deposits any more, ever",
        description="Holds at once, everywhere, and is not undone. Open bets are settled, corrections move what they "
        "move; what is left can be withdrawn. Running gateways end the account's streams within seconds.",
        parents=[database],
    )
    close.add_argument("account", metavar="ACCOUNT", help="whose")
    close.add_argument("--by", required=True, metavar="WHO", help="whose decision it is, for the trail")
    return account
