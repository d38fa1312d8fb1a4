"""Types of command line options, with their limits. Pure."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def count_to(most: int, *, least: int = 1) -> Callable[[str], int]:
    """An option that is a whole number from `least` to `most`."""

    def whole_number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not within {least} and {most}")
        return value

    return whole_number


def seconds_to(most: float) -> Callable[[str], float]:
    """An option that is a time in seconds: more than nothing, `most` at most."""

    def seconds(text: str) -> float:
        value = float(text)
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"{text} s is not within 0 and {most}")
        return value

    return seconds


def share(text: str) -> float:
    """An option that is a part of a whole: more than nothing, 1 at most."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 and 1")
    return value


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
