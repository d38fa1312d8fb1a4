"""The command lines of `oddswire keys` and `oddswire dev`, as data. Runs nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.access.plans import PLANS
from gateway.access.principal import SCOPES
from gateway.location.arguments import add_locate

Kinds = argparse._SubParsersAction  # noqa: SLF001 argparse has no public name for it

TOKEN_S = 3_600


def add_keys(kinds: Kinds[argparse.ArgumentParser], database: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """`keys create|list|revoke`."""
    keys = kinds.add_parser("keys", help="API keys: create, list, revoke")
    whats = keys.add_subparsers(dest="what", required=True, metavar="WHAT")
    create = whats.add_parser(
        "create",
        help="make a key and show it, once",
        description="The key is shown now and never again: only its hash is kept. It is good at once.",
        parents=[database],
    )
    _scopes(create)
    create.add_argument("--plan", required=True, choices=sorted(PLANS), help="what was bought")
    create.add_argument("--name", default="", help="what it is for, for people")
    create.add_argument("--account", metavar="A", help="whose it is, where it is somebody's")
    create.add_argument("--days", type=int, metavar="N", help="ends after so many days; default never")
    create.add_argument("--json", action="store_true", help="as JSON")
    listed = whats.add_parser("list", help="every key, the newest first, but for its secret", parents=[database])
    listed.add_argument("--json", action="store_true", help="as a JSON list")
    revoke = whats.add_parser(
        "revoke",
        help="end a key, or all keys and tokens of an account",
        description="Every gateway that reaches the database refuses them within 5 s.",
        parents=[database],
    )
    whose = revoke.add_mutually_exclusive_group(required=True)
    whose.add_argument("id", nargs="?", metavar="ID", help="the 12 hex digits after ow_")
    whose.add_argument("--account", metavar="A", help="its keys, and its tokens issued up to now")
    return keys


def add_dev(kinds: Kinds[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """`dev token` and `dev locate`."""
    dev = kinds.add_parser("dev", prog="oddswire dev", help="the development issuer and signer of `oddswire up`")
    whats = dev.add_subparsers(dest="what", required=True, metavar="WHAT")
    token = whats.add_parser(
        "token",
        help="a bearer token for an account",
        description="Good for a gateway that `oddswire up` runs on this data directory, and for no other.",
    )
    token.add_argument("--account", required=True, metavar="A", help="whose token, 1 to 64 of A-Z a-z 0-9 _ -")
    _scopes(token)
    token.add_argument("--ttl", type=int, default=TOKEN_S, metavar="S", help=f"lasts so long (default {TOKEN_S})")
    token.add_argument("--data-dir", type=Path, required=True, metavar="DIR", help="that of `oddswire up`")
    add_locate(whats)
    return dev


def _scopes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--scopes", required=True, type=lambda text: text.split(","), metavar="S,S", help=f"of {', '.join(SCOPES)}"
    )
