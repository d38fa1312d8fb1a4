"""What those who answer the same read as the gateway are told: where to listen, and the body, in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

PATH = "/v1/markets/M0000"

HEADERS = {
    "etag": '"0524f0964783a695f6"',
    "odds-cursor": "1.4b2aa1c9d7.0-54",
    "cache-control": "public, max-age=1, stale-while-revalidate=5",
    "vary": "accept-encoding",
}
"""As many and as long as the gateway's."""


class Told(NamedTuple):
    """The command line. `place` is a directory that is gone afterwards; `body` lies in it."""

    port: int
    place: Path
    body: Path


def told() -> Told:
    """From the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--body", type=Path, required=True)
    return Told(**vars(parser.parse_args()))
