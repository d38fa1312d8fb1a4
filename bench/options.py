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
