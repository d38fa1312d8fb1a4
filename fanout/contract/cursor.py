"""The cursor: "every change of my topics up to here was written to me". Opaque to devices, valid on every shard.

Text: `1.<epoch>.<lane>-<position>[.<lane>-<position>...]`, numbers in base 36. The epoch is the log's, over all lanes;
positions stand for the lanes that the device's topics touch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

CURSOR_MAX_CHARS = 2048
_VERSION = "1"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PATTERN = re.compile(r"1\.(?P<epoch>[0-9a-z-]{1,48})(?P<positions>(?:\.[0-9a-z]{1,2}-[0-9a-z]{1,13})*)\Z")


class Cursor(NamedTuple):
    """A position for each lane, within one epoch of the log."""

    epoch: str
    positions: Mapping[int, int]


def encode_cursor(epoch: str, positions: Iterable[tuple[int, int]]) -> str:
    """The text of a cursor over (lane, position) pairs."""
    return ".".join((_VERSION, epoch, *(f"{_base36(lane)}-{_base36(position)}" for lane, position in positions)))


def decode_cursor(text: str) -> Cursor | None:
    """The cursor, or None for anything that is none: a bad cursor costs an image, never an error."""
    match = _PATTERN.match(text) if len(text) <= CURSOR_MAX_CHARS else None
    if match is None:
        return None
    pairs = (pair.split("-") for pair in match["positions"].split(".")[1:])
    return Cursor(match["epoch"], {int(lane, 36): int(position, 36) for lane, position in pairs})


def _base36(number: int) -> str:
    if number < 36:
        return _DIGITS[number]
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
