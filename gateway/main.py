"""`python -m gateway`: the commands of this package."""

from __future__ import annotations

import argparse
import sys

import orjson

from gateway.desk.arguments import add_desk
from gateway.desk.main import desk
from gateway.settings import described


def main() -> int:
    """Gives the exit status."""
    parser = argparse.ArgumentParser(prog="oddswire gateway", description="The gateway's commands.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    settings = commands.add_parser("settings", help="every setting of the gateway and of `oddswire up`")
    settings.add_argument("--json", action="store_true", help="as a JSON list")
    add_desk(commands)
    options = parser.parse_args()
    if options.command == "desk":
        return desk(options)
    if options.json:
        sys.stdout.write(orjson.dumps(described(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for setting in described():
            print("{variable}={default}  {limit}  {meaning}".format_map(setting))
    return 0
